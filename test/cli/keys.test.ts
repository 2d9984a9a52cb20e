import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { systemServices } from '../../cli/services.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder();

async function run(...args: readonly string[]) {
  const terminal = fakeTerminal({ cwd: folder.path, env: { HOME: folder.path }, now: Date.now() + 1_000 });
  const readConfiguration = (file: string) => systemServices.readConfiguration(file);
  const code = await runFake(args, { terminal, services: { readConfiguration } });
  return { code, out: terminal.out(), err: terminal.err() };
}

async function makeKey(name: string, ...more: readonly string[]): Promise<void> {
  const user = `${name} <${name}@example.com>`;
  await run('keys', 'generate', '--user', user, '--type', 'ed25519-legacy', '--out', name, ...more);
}

describe('countersign keys show', () => {
  it('shows a key, who accepts it, and that it is private, without the passphrase', async () => {
    await writeFile(folder.join('pass'), 'secret\n');
    await makeKey('ann', '--passphrase-file', 'pass');
    const { code, out } = await run('keys', 'show', 'ann/signing-key.asc');
    expect(code).toBe(EXIT.success);
    expect(out).toContain('private      yes, with a passphrase');
    expect(out).toContain('✔ skopeo, podman and CRI-O (GnuPG)');
    expect(out).toContain('✖ oc, and podman on macOS and Windows (Go) cannot verify its signatures');
  });

  it('answers for several files, and tells which holds no key', async () => {
    await makeKey('ann');
    await writeFile(folder.join('text'), 'text');
    const { code, out } = await run('keys', 'show', 'ann/public-key.asc', 'text', 'none');
    expect(code).toBe(EXIT.failure);
    const lines = out.trimEnd().split('\n');
    const answers = lines.map((line) => JSON.parse(line) as { keys?: unknown[]; error?: { code: string } });
    expect(answers.map(({ keys, error }) => keys?.length ?? error?.code)).toEqual([1, 'key-unusable', 'usage']);
  });
});

describe('countersign keys export', () => {
  beforeEach(() => makeKey('ann'));

  it('writes the public part of a private key', async () => {
    const { code, out } = await run('keys', 'export', 'ann/signing-key.asc', '--minimal');
    expect(code).toBe(EXIT.success);
    expect(out).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    expect(out).not.toContain('PRIVATE');
    expect((await run('keys', 'export', 'ann/signing-key.asc', '--binary', '--out', 'ann.gpg')).code).toBe(0);
    expect((await readFile(folder.join('ann.gpg')))[0]).toBe(0xc6);
  });

  it('replaces nothing, and writes no binary to a terminal', async () => {
    await writeFile(folder.join('mine'), 'mine');
    expect(await run('keys', 'export', 'ann/signing-key.asc', '--out', 'mine')).toMatchObject({ code: EXIT.usage });
    expect(await readFile(folder.join('mine'), 'utf8')).toBe('mine');
    expect(await run('keys', 'export', 'ann/signing-key.asc', '--binary')).toMatchObject({ code: EXIT.usage });
  });
});

describe('countersign keys import', () => {
  it.each([
    [['x'], 'expected --from-gpg'],
    [['--from-gpg', ''], 'expected a fingerprint'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await run('keys', 'import', ...args, '--out', 'd');
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(message);
  });
});

describe('countersign keys check', () => {
  const configuration = (more = '') => `
route: [prod]
environments:
  prod:
    registry: registry.example.com/acme
    signatures:
      publicKeys: [prod/public-key.asc]
      repository: { url: 'https://git.example.com/signatures.git' }
      servedAt: https://signatures.example.com/images
    gate: none
    rebuild: none
${more}`;
  type Checked = {
    accepted: boolean;
    environments: { findings: { step: string; status: string; what: string; mend?: string }[] }[];
  };

  async function check(...args: readonly string[]) {
    const { code, out } = await run('keys', 'check', ...args, '--output', 'json');
    const { environments, accepted } = JSON.parse(out) as Checked;
    const [{ findings } = { findings: [] }] = environments;
    const failures = findings.filter(({ status }) => status === 'fail').map(({ what }) => what);
    return { code, accepted, failures, findings };
  }

  async function secrets(key: string, passphrase?: string): Promise<void> {
    await mkdir(folder.join('secrets/prod'), { recursive: true });
    const bytes = await readFile(folder.join(key, 'signing-key.asc'));
    await writeFile(folder.join('secrets/prod/signing-key.asc'), bytes, { mode: 0o600 });
    if (passphrase === undefined) return;
    await writeFile(folder.join('secrets/prod/signing-key.passphrase'), passphrase, { mode: 0o600 });
  }

  beforeEach(async () => {
    await writeFile(folder.join('countersign.yaml'), configuration());
  });

  it('accepts a key that opens, fits and lives long enough, and warns of oc', async () => {
    await writeFile(folder.join('pass'), 'secret\n');
    await makeKey('prod', '--passphrase-file', 'pass');
    await secrets('prod', 'secret\n');
    const { code, accepted, failures, findings } = await check();
    expect({ code, accepted, failures }).toEqual({ code: EXIT.success, accepted: true, failures: [] });
    expect(findings).toContainEqual(expect.objectContaining({ status: 'warn', what: expect.stringContaining('oc, ') }));
  });

  it('finds that the key is missing', async () => {
    await makeKey('prod');
    const { code, failures } = await check();
    expect(code).toBe(EXIT.failure);
    expect(failures).toEqual([expect.stringContaining('secrets/prod')]);
  });

  it('finds a passphrase that does not open it', async () => {
    await writeFile(folder.join('pass'), 'secret\n');
    await makeKey('prod', '--passphrase-file', 'pass');
    await secrets('prod', 'wrong\n');
    const { code, failures } = await check('countersign.yaml');
    expect(code).toBe(EXIT.failure);
    expect(failures).toEqual([expect.stringContaining('the passphrase does not unlock it')]);
  });

  it('finds a key whose public half is not published', async () => {
    await makeKey('prod');
    await makeKey('other');
    await secrets('other');
    const { failures, findings } = await check();
    expect(failures).toEqual([expect.stringContaining('is not among publicKeys of prod')]);
    expect(findings.find(({ status }) => status === 'fail')?.mend).toContain('countersign keys export');
  });

  it('finds a key that expires too early', async () => {
    await makeKey('prod', '--expires-in-days', '10');
    await secrets('prod');
    const { failures } = await check('--environment', 'prod');
    expect(failures).toContainEqual(expect.stringMatching(/^signing key .* expires on /));
  });

  it('knows its environments', async () => {
    expect(await run('keys', 'check', '--environment', 'prd')).toMatchObject({ code: EXIT.usage });
  });
});

describe('countersign keys generate', () => {
  it('writes neither file where one is there', async () => {
    await mkdir(folder.join('ann'));
    await writeFile(folder.join('ann/signing-key.asc'), 'mine');
    const { code } = await run('keys', 'generate', '--user', 'A <a@example.com>', '--type', 'ed25519', '--out', 'ann');
    expect(code).toBe(EXIT.usage);
    expect(await readdir(folder.join('ann'))).toEqual(['signing-key.asc']);
    expect((await stat(folder.join('ann/signing-key.asc'))).size).toBe(4);
  });
});
