import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startProcess, waitUntil } from './parts/index.mjs';
import type { RunningProcess } from './parts/index.mjs';
import { useTempFolder } from './temp-folder.ts';

const STAY = 'setInterval(() => {}, 1000);';
const PARTS = pathToFileURL(path.join(import.meta.dirname, 'parts/index.mjs')).href;
const folder = useTempFolder();

describe('startProcess', () => {
  it('waits until the program is ready', async () => {
    const running = await startScript(`setTimeout(() => console.log('open'), 100); ${STAY}`, 'open');
    expect(running.output()).toBe('open');
    await running.stop();
  });

  it('keeps the last hundred lines of both streams', async () => {
    const script = `for (let i = 1; i <= 150; i += 1) console.log('line ' + i); process.stderr.write('no line end');`;
    const running = await startProcess(process.execPath, ['-e', script]);
    await running.exited;
    const kept = running.output().split('\n');
    expect(kept).toHaveLength(100);
    expect(kept).toEqual(expect.arrayContaining(['line 150', 'no line end']));
    expect(kept).not.toContain('line 50');
  });

  it('tells the last words of a program that ends instead of becoming ready', async () => {
    const script = `console.error('the port is taken'); process.exit(3);`;
    const starting = startProcess(process.execPath, ['-e', script], { name: 'registry', ready: () => false });
    await expect(starting).rejects.toThrow(
      /^start registry: it ended at once with exit code 3, its last words:\nthe port is taken$/,
    );
  });

  it('kills a program that does not become ready in time', async () => {
    const lines: string[] = [];
    const starting = startProcess(process.execPath, ['-e', `console.log(process.pid); ${STAY}`], {
      onLine: (line) => lines.push(line),
      ready: () => false,
      readyTimeoutMs: 400,
    });
    await expect(starting).rejects.toThrow('not ready within 400 ms');
    expect(isAlive(Number(lines[0]))).toBe(false);
  });

  it('names a program that does not exist', async () => {
    await expect(startProcess('no-such-program', [])).rejects.toThrow(
      'start no-such-program: no executable no-such-program was found',
    );
  });

  it('kills what does not end by itself', async () => {
    const script = `process.on('SIGTERM', () => console.log('no')); ${STAY} console.log('up');`;
    const running = await startScript(script, 'up');
    await running.stop(100);
    expect(await running.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(running.output()).toBe('up\nno');
  });

  it('ends what the program has started as well', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(STAY)}], { stdio: 'ignore' });
      ${STAY} console.log(child.pid);`;
    const running = await startScript(script, /^\d+$/);
    const grandchild = Number(running.output());
    await running.kill();
    await waitUntil(() => !isAlive(grandchild), { what: 'the grandchild to be gone', timeoutMs: 2_000 });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'leaves no child behind when its own process gets %s',
    async (signal) => {
      // Without the kernel's help nobody can clean up after a SIGKILL.
      if (signal === 'SIGKILL' && process.platform !== 'linux') return;
      const script = folder.join('parent.mjs');
      await writeFile(
        script,
        `import { startProcess } from '${PARTS}';
       const child = await startProcess(process.execPath, ['-e', ${JSON.stringify(STAY)}]);
       console.log(child.pid);`,
      );
      const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const child = Number(line.toString());
      onTestFinished(() => {
        if (isAlive(child)) process.kill(child, 'SIGKILL');
      });
      expect(isAlive(child)).toBe(true);
      parent.kill(signal);
      expect(await once(parent, 'exit')).toEqual([null, signal]);
      await waitUntil(() => !isAlive(child), { what: 'the child to be gone', timeoutMs: 2_000 });
    },
  );
});

describe('waitUntil', () => {
  it('gives the last error as the cause', async () => {
    const check = (): boolean => {
      throw new Error('connection refused');
    };
    const waiting = waitUntil(check, { what: 'the registry', timeoutMs: 60, pollMs: 10 });
    await expect(waiting).rejects.toThrow('wait for the registry: not within 60 ms');
    await expect(waiting).rejects.toMatchObject({ cause: { message: 'connection refused' } });
  });
});

function startScript(script: string, line: string | RegExp): Promise<RunningProcess> {
  const lines: string[] = [];
  return startProcess(process.execPath, ['-e', script], {
    onLine: (one) => lines.push(one),
    ready: () => lines.some((one) => (typeof line === 'string' ? one === line : line.test(one))),
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // An orphan that has ended stays in the table until the system's first process fetches it.
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
