import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { useTempFolder } from './temp-folder.ts';

const PARTS = pathToFileURL(path.join(import.meta.dirname, 'parts/index.mjs')).href;
const folder = useTempFolder();

// In a process of its own: PATH and the cache belong to a whole process.
describe('ensureParts', () => {
  beforeEach(async () => {
    await mkdir(folder.join('bin'));
  });

  it('takes what is on PATH', async () => {
    await addProgram('temporal', 'exit 0');
    expect(await ensure('temporal')).toEqual({ paths: { temporal: folder.join('bin/temporal') }, lines: [] });
  });

  it('takes what is in the cache when it is not on PATH', async () => {
    await mkdir(folder.join('cache/bin'), { recursive: true });
    await writeFile(folder.join('cache/bin/registry'), '', { mode: 0o755 });
    expect(await ensure('distribution-3')).toEqual({
      paths: { 'distribution-3': folder.join('cache/bin/registry') },
      lines: [],
    });
  });

  it('builds a Go module into the cache, says so in a line, and leaves nothing else there', async () => {
    await addGo(`printf '#!/bin/sh\\n' > "$GOBIN/registry"; chmod 755 "$GOBIN/registry"`);
    const { paths, lines } = await ensure('distribution-3');
    expect(paths).toEqual({ 'distribution-3': folder.join('cache/bin/registry') });
    expect(lines).toEqual([
      expect.stringMatching(
        /^distribution-3: building github\.com\/distribution\/.*@v3\.1\.2 \(some minutes, once\) …$/,
      ),
      expect.stringMatching(/^distribution-3: building .*: done in \d+\.\d s$/),
    ]);
    expect(await readdir(folder.join('cache/work'))).toEqual([]);
    expect(await readdir(folder.join('cache/locks'))).toEqual([]);
  });

  it('builds once when two processes ask at the same time', async () => {
    await addGo(
      `echo built >> "${folder.join('builds')}"; sleep 0.5; : > "$GOBIN/registry"; chmod 755 "$GOBIN/registry"`,
    );
    const [one, other] = await Promise.all([ensure('distribution-3'), ensure('distribution-3')]);
    expect(one.paths).toEqual(other.paths);
    expect(await readFile(folder.join('builds'), 'utf8')).toBe('built\n');
    expect([...one.lines, ...other.lines]).toContainEqual('distribution-3: another process is getting it, waiting');
  });

  it('builds a program of this project under a name that tells its sources', async () => {
    await addGo(`[ "$2" = -o ] && : > "$3" && chmod 755 "$3"`, 'build');
    const { paths, lines } = await ensure('measure');
    expect(paths?.['measure']).toMatch(/\/cache\/bin\/measure-[0-9a-f]{12}$/);
    expect(lines[0]).toBe('measure: building bench/measure (some minutes, once) …');
    expect(await readdir(folder.join('cache/bin'))).toEqual([path.basename(paths?.['measure'] ?? '')]);
  });

  it('builds a program of this project anew when a source, its tags or its module change', async () => {
    await mkdir(folder.join('program'));
    const seen = new Set<string>();
    for (const [name, text] of [
      ['main.go', 'package main'],
      ['main.go', 'package main // changed'],
      ['go.sum', 'a'],
    ] as const) {
      await writeFile(folder.join('program', name), text);
      seen.add(await fingerprint(folder.join('program'), []));
    }
    seen.add(await fingerprint(folder.join('program'), ['tag']));
    expect(seen.size).toBe(4);
    await writeFile(folder.join('program', 'README.md'), 'nothing that is compiled');
    expect(seen).toContain(await fingerprint(folder.join('program'), []));
  });

  it('says what the build said when it fails, and puts nothing in place', async () => {
    await addGo('echo "no such module" >&2; exit 1');
    const { error } = await ensure('distribution-3');
    expect(error).toContain(
      'tried: go install github.com/distribution/distribution/v3/cmd/registry@v3.1.2: no such module',
    );
    expect(await readdir(folder.join('cache/bin'))).toEqual([]);
  });

  it('takes over the lock of a process that died', async () => {
    await addGo(`: > "$GOBIN/registry"; chmod 755 "$GOBIN/registry"`);
    await mkdir(folder.join('cache/locks'), { recursive: true });
    await writeFile(folder.join('cache/locks/registry.lock'), String(await deadProcess()));
    expect(await ensure('distribution-3')).toMatchObject({ paths: expect.anything() });
  });
});

describe('MissingPartsError', () => {
  it('names each part, the ways to get it, and what was tried', async () => {
    const script = `import { MissingPartsError } from '${PARTS}';
      console.log(new MissingPartsError(['skopeo', 'temporal'], new Map([['skopeo', 'no apt-get']])).message);`;
    expect(await run(script)).toBe(
      [
        'find or install parts: 2 missing',
        '  skopeo: apt-get install skopeo; dnf install skopeo, apk add skopeo, brew install skopeo',
        '    tried: no apt-get',
        '  temporal: install Go and run this again (go install github.com/temporalio/cli/cmd/temporal@v1.5.1); ' +
          'brew install temporal, or https://docs.temporal.io/cli',
        '',
      ].join('\n'),
    );
  });
});

interface Answer {
  readonly paths?: Readonly<Record<string, string>>;
  readonly lines: readonly string[];
  readonly error?: string;
}

async function ensure(name: string): Promise<Answer> {
  const script = `import { ensureParts } from '${PARTS}';
    const lines = [];
    const answer = await ensureParts(['${name}'], { log: (line) => lines.push(line) }).then(
      (paths) => ({ paths }), (error) => ({ error: error.message }));
    console.log(JSON.stringify({ ...answer, lines }));`;
  return JSON.parse(await run(script)) as Answer;
}

async function run(script: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: `${folder.join('bin')}:/usr/bin:/bin`, COUNTERSIGN_CACHE: folder.join('cache'), HOME: folder.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return text(child.stdout);
}

async function fingerprint(program: string, tags: readonly string[]): Promise<string> {
  const source = { folder: path.relative(path.resolve(import.meta.dirname, '../..'), program), tags };
  const builder = new URL('build-with-go.mjs', PARTS).href;
  return run(`import { fingerprintOf } from '${builder}'; console.log(fingerprintOf(${JSON.stringify(source)}));`);
}

/** A `go` whose caches are empty and whose one verb does `action`. */
async function addGo(action: string, verb: 'install' | 'build' = 'install'): Promise<void> {
  await addProgram('go', `[ "$1" = env ] && exit 0\n[ "$1" = ${verb} ] || exit 2\n${action}`);
}

async function addProgram(name: string, body: string): Promise<void> {
  await writeFile(folder.join('bin', name), `#!/bin/sh\n${body}\n`);
  await chmod(folder.join('bin', name), 0o755);
}

async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}
