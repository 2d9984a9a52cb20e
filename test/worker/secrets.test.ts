import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { format, inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseConfiguration } from '../../worker/configuration/index.ts';
import { Secret, readSecrets, requiredSecrets } from '../../worker/secrets/index.ts';
import type { SecretFileName } from '../../worker/secrets/index.ts';
import { CANARY, CERTIFICATE, KEY, SSH_KEY, secretProblems, writeSecrets } from './secrets-folder.ts';
import type { Files } from './secrets-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'secrets-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (files: Files, mode?: number): Promise<void> => writeSecrets(folder, files, mode);
const problemsOf = (required?: readonly SecretFileName[]): Promise<string[]> => secretProblems(folder, required);

describe('Secret', () => {
  it('shows its content to nothing but reveal', () => {
    const secret = new Secret(CANARY);
    const holder = { secret, list: [secret] };
    const shown = [
      inspect(holder, { depth: 10, showHidden: true, getters: true, showProxy: true }),
      JSON.stringify(holder),
      String(secret),
      format('%s %j %o %O', secret, secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(structuredClone({ list: Object.getOwnPropertyDescriptors(secret) })),
    ].join('\n');
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain(String(Buffer.from(CANARY).toJSON().data));
    expect(shown).toContain('[secret]');
    expect(secret.reveal()).toBe(CANARY);
    expect(Buffer.from(secret.revealBytes()).toString()).toBe(CANARY);
  });

  it('keeps a copy of its own', () => {
    const bytes = Buffer.from('abc');
    const secret = new Secret(bytes);
    bytes.fill(0);
    secret.revealBytes().fill(0);
    expect(secret.reveal()).toBe('abc');
  });
});

describe('readSecrets', () => {
  it('reads the signing key alone', async () => {
    await write({ 'signing-key.asc': KEY });
    const secrets = await readSecrets('prod', folder);
    expect(Object.keys(secrets)).toEqual(['environment', 'folder', 'signingKey', 'clientCertificates']);
    expect(secrets.signingKey.reveal()).toBe(KEY);
  });

  it('reads everything there can be', async () => {
    const registry = JSON.stringify({ auths: { 'registry.example.com': { auth: CANARY } } });
    await write({
      'signing-key.asc': KEY,
      'signing-key.passphrase': `${CANARY}\nsecond line\n`,
      'registry.json': registry,
      'git-credentials': `https://user:${CANARY}@git.example.com\n`,
      'webhook-secret': `${CANARY}\n`,
      token: CANARY,
      'ca.crt': CERTIFICATE,
    });
    const secrets = await readSecrets('prod', folder);
    expect(secrets.passphrase?.reveal()).toBe(CANARY);
    expect(secrets.registry?.reveal()).toBe(registry);
    expect(secrets.webhookSecret?.reveal()).toBe(CANARY);
    expect(secrets.token?.reveal()).toBe(CANARY);
    expect(secrets.git).toEqual({ kind: 'credentials', file: path.join(folder, 'git-credentials') });
    expect(secrets.ca).toEqual({ file: path.join(folder, 'ca.crt'), pem: CERTIFICATE });
    expect(inspect(secrets, { depth: 10, showHidden: true }) + JSON.stringify(secrets)).not.toContain(CANARY);
  });

  it('gives the paths of an ssh key and its known hosts', async () => {
    await write({ 'signing-key.asc': KEY, 'ssh-key': SSH_KEY, known_hosts: 'git.example.com ssh-ed25519 AAAA\n' });
    const { git } = await readSecrets('prod', folder);
    expect(git).toEqual({
      kind: 'ssh',
      keyFile: path.join(folder, 'ssh-key'),
      knownHostsFile: path.join(folder, 'known_hosts'),
    });
  });

  it('reads a binary signing key byte by byte', async () => {
    const binary = Buffer.from([0x95, 0x01, 0x00, 0xff, 0xfe]);
    await write({ 'signing-key.asc': binary });
    const { signingKey } = await readSecrets('prod', folder);
    expect(Buffer.from(signingKey.revealBytes())).toEqual(binary);
  });

  it('keeps the carriage return of a passphrase, as other readers do', async () => {
    await write({ 'signing-key.asc': KEY, 'signing-key.passphrase': 'pass word\r\n' });
    expect((await readSecrets('prod', folder)).passphrase?.reveal()).toBe('pass word\r');
  });

  it('follows the links of a mounted Kubernetes Secret', async () => {
    await mkdir(path.join(folder, '..2026_01_01'));
    await write({ 'signing-key.asc': KEY }, 0o440);
    await rename(path.join(folder, 'signing-key.asc'), path.join(folder, '..2026_01_01/signing-key.asc'));
    await symlink('..2026_01_01', path.join(folder, '..data'));
    await symlink('..data/signing-key.asc', path.join(folder, 'signing-key.asc'));
    expect((await readSecrets('prod', folder)).signingKey.reveal()).toBe(KEY);
    await chmod(path.join(folder, '..2026_01_01/signing-key.asc'), 0o644);
    expect((await problemsOf())[0]).toMatch(/^signing-key\.asc: may be read, .*mode 0644.*defaultMode: 0440/);
  });

  it('reports everything together, by name', async () => {
    await write({ 'signing-key.passphrase': `\n${CANARY}`, token: `${CANARY} ${CANARY}` });
    await write({ 'registry.json': CANARY }, 0o444);
    await write({ 'webhook-secret': '' });
    const problems = await problemsOf(['ca.crt']);
    expect(problems.map((problem) => problem.split('; ')[0])).toEqual([
      'signing-key.asc: is missing',
      'signing-key.passphrase: has an empty first line',
      'registry.json: may be read, written or run by every user of the machine (mode 0444)',
      'webhook-secret: is empty',
      'token: is not one line of visible characters',
      'ca.crt: is missing',
    ]);
    for (const problem of problems) expect(problem.split('; ').length).toBeGreaterThanOrEqual(3);
  });

  it('reports a folder that is missing or a file', async () => {
    const file = path.join(folder, 'x');
    await writeFile(file, CANARY);
    await expect(readSecrets('prod', path.join(folder, 'none'))).rejects.toThrow(
      /none: cannot be read \(ENOENT\); expected a folder/,
    );
    await expect(readSecrets('prod', file)).rejects.toThrow(/x: cannot be read \(ENOTDIR\)/);
  });

  it.each([
    ['0404', 0o404],
    ['0402', 0o402],
    ['0401', 0o401],
    ['0644', 0o644],
    ['0777', 0o777],
  ])('refuses a file of mode %s', async (text, mode) => {
    await write({ 'signing-key.asc': KEY }, mode);
    expect((await problemsOf())[0]).toContain(`(mode ${text}); expected mode 0400 or 0440; run chmod o-rwx`);
  });

  it.each([0o400, 0o440, 0o600, 0o640, 0o660])('accepts a file of mode %o', async (mode) => {
    await write({ 'signing-key.asc': KEY }, mode);
    await expect(readSecrets('prod', folder)).resolves.toBeDefined();
  });

  it('lets everybody read what is public, and nobody write it', async () => {
    await write({ 'signing-key.asc': KEY, 'ssh-key': SSH_KEY });
    await write({ known_hosts: 'git.example.com x\n', 'ca.crt': CERTIFICATE }, 0o444);
    await expect(readSecrets('prod', folder)).resolves.toBeDefined();
    await write({ known_hosts: 'git.example.com x\n' }, 0o646);
    expect(await problemsOf()).toEqual([expect.stringMatching(/^known_hosts: may be written by every user/)]);
  });

  it('refuses what is not a regular file without waiting for it', async () => {
    await mkdir(path.join(folder, 'signing-key.asc'));
    execFileSync('mkfifo', ['-m', '0400', path.join(folder, 'token')]);
    await symlink('/dev/zero', path.join(folder, 'registry.json'));
    expect((await problemsOf()).map((problem) => problem.split(';')[0])).toEqual([
      'signing-key.asc: is not a regular file',
      'registry.json: is not a regular file',
      'token: is not a regular file',
    ]);
  });

  it('refuses a link that leads nowhere as missing, and one in a circle', async () => {
    await symlink('nowhere', path.join(folder, 'signing-key.asc'));
    await symlink('token', path.join(folder, 'token'));
    expect((await problemsOf()).map((problem) => problem.split(';')[0])).toEqual([
      'signing-key.asc: is missing',
      'token: cannot be read (ELOOP)',
    ]);
  });

  it('refuses a file over a megabyte', async () => {
    await write({ 'signing-key.asc': KEY + 'x'.repeat(1024 * 1024) });
    expect((await problemsOf())[0]).toContain('signing-key.asc: is larger than 1048576 bytes');
  });

  it('passes over files that have nothing to do with it', async () => {
    await write({ 'signing-key.asc': KEY, README: 'x', '.gitignore': '*', 'notes.txt': 'x' }, 0o440);
    await expect(readSecrets('prod', folder)).resolves.toBeDefined();
  });
});

describe('requiredSecrets', () => {
  it('follows from what the environment does', () => {
    const example = new URL('../../worker/configuration/example.countersign.yaml', import.meta.url);
    const { environments } = parseConfiguration(readFileSync(example, 'utf8'), 'c.yaml');
    expect(requiredSecrets(environments['dev']!)).toEqual(['signing-key.asc', 'webhook-secret']);
    expect(requiredSecrets(environments['qa']!)).toEqual(['signing-key.asc', 'ssh-key', 'known_hosts']);
    expect(requiredSecrets(environments['prod']!)).toEqual(['signing-key.asc', 'ssh-key', 'known_hosts', 'token']);
  });

  it('names known_hosts once where it is required and missing', async () => {
    await write({ 'signing-key.asc': KEY, 'ssh-key': SSH_KEY });
    expect((await problemsOf(['ssh-key', 'known_hosts'])).map((problem) => problem.split(';')[0])).toEqual([
      'known_hosts: is missing',
    ]);
  });
});
