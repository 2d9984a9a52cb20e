import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCopyAlone } from '../../cli/copy-alone.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { systemServices } from '../../cli/services.ts';
import { DIGEST, ID, aDescription, aMemo, fakeEngine } from './fake-engine.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { aStatus, runFake } from './fixtures.ts';

const REFERENCE = 'registry.example.com/acme/web:1.4.2';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'countersign-results-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

async function run(...args: string[]) {
  const terminal = fakeTerminal({ cwd: folder });
  const code = await runFake(args, { terminal, engine: fakeEngine() });
  return { code, out: terminal.out(), err: terminal.err() };
}

describe('--result', () => {
  it('writes a field as it is, without a line feed, whether the answer is text or JSON', async () => {
    for (const format of ['text', 'json']) {
      const { code } = await run('reference', 'parse', REFERENCE, '-o', format, '--result', `repository=${format}`);
      expect(code).toBe(EXIT.success);
      expect(read(format)).toBe('registry.example.com/acme/web');
    }
  });

  it('writes numbers and booleans as text, objects and arrays as JSON, null as nothing, and counts arrays', async () => {
    const fields = [
      'image.name=a',
      'refused=b',
      'environments.1.gate.approvers.length=c',
      'stall=d',
      'route=e',
      'image=f',
      'answered=g',
    ];
    const results = fields.flatMap((field) => ['--result', field]);
    const engine = fakeEngine({ descriptions: [aDescription()], status: aStatus() });
    const terminal = fakeTerminal({ cwd: folder });
    expect(await runFake(['status', ID, ...results], { terminal, engine })).toBe(EXIT.success);
    expect(readdirSync(folder).sort().map(read)).toEqual([
      ...['shop/web', '0', '2', '', '["dev","prod"]'],
      `{"name":"shop/web","tag":"1.4.2","digest":"${DIGEST}"}`,
      'true',
    ]);
  });

  it('names the fields there are where one is missing, and writes none', async () => {
    const { code, err } = await run(
      'reference',
      'parse',
      REFERENCE,
      '--result',
      'repository=a',
      '--result',
      'repositori.x=b',
    );
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('the answer has no field "repositori.x"; it has input, reference,');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['constructor', '__proto__', 'repository.length', 'repository.0', ''])('finds no field %j', async (field) => {
    expect((await run('reference', 'parse', REFERENCE, '--result', `${field}=a`)).code).toBe(EXIT.usage);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('writes the answer of a command that ends with another code than 0', async () => {
    const memo = aMemo({ condition: 'rejected', environment: 'prod' });
    const engine = fakeEngine({ descriptions: [aDescription({ execution: 'completed', memo })] });
    const terminal = fakeTerminal({ cwd: folder });
    const code = await runFake(['watch', ID, '--result', 'condition=a'], { terminal, engine });
    expect(code).toBe(EXIT.rejected);
    expect(read('a')).toBe('rejected');
  });

  it('leaves the exit code of a command that failed, and warns of the missing field', async () => {
    const { code, err } = await run('reference', 'parse', 'a b', '-o', 'json', '--result', 'repository=a');
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('warning: --result: the answer has no field "repository"; it has input, error, error.code');
  });

  it('writes the last of several answers', async () => {
    await run('reference', 'parse', REFERENCE, 'quay.io/last:1', '--result', 'repository=a');
    expect(read('a')).toBe('quay.io/last');
  });

  it('is refused before anything is done where a file cannot be written', async () => {
    mkdirSync(path.join(folder, 'directory'));
    for (const target of ['none/a', 'directory', '']) {
      const { code, out } = await run('reference', 'parse', REFERENCE, '--result', `repository=${target}`);
      expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
    }
    const twice = await run('reference', 'parse', REFERENCE, '--result', 'repository=a', '--result', 'input=./a');
    expect(twice.err).toContain('is named twice');
    expect(readdirSync(folder)).toEqual(['directory']);
  });

  it('replaces what a link points to and keeps its mode, and leaves no draft', async () => {
    writeFileSync(path.join(folder, 'real'), 'a longer text that stood here before');
    chmodSync(path.join(folder, 'real'), 0o640);
    symlinkSync('real', path.join(folder, 'link'));
    await run('reference', 'parse', REFERENCE, '--result', 'repository=link');
    expect(read('real')).toBe('registry.example.com/acme/web');
    expect(readdirSync(folder).sort()).toEqual(['link', 'real']);
  });

  it('writes into a pipe', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const { spawn } = await import('node:child_process');
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
    const text = new Promise<string>((resolve) => {
      let got = '';
      reader.stdout.on('data', (chunk: Buffer) => (got += chunk.toString())).on('end', () => resolve(got));
    });
    await run('reference', 'parse', REFERENCE, '--result', `repository=${pipe}`);
    expect(await text).toBe('registry.example.com/acme/web');
  });

  it('says so where the command answers nothing', async () => {
    const { code, err } = await run('config', 'schema', '--result', 'repository=a');
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('this command has made no answer');
  });

  it('is an option of the packed copy too', async () => {
    const terminal = fakeTerminal({ cwd: folder });
    const args = ['copy', 'localhost:1/a:1', 'localhost:1/b:1', '--result', 'digest=none/a'];
    expect(await runCopyAlone(args, terminal, systemServices)).toBe(EXIT.usage);
    expect(terminal.err()).toContain('--result digest');
  });

  it('says what it is for', async () => {
    expect((await run('--help')).out.replace(/\s+/g, ' ')).toContain('for pipelines, for example Tekton results');
  });
});
