import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readSecrets } from '../../worker/secrets/index.ts';
import { CANARY, KEY, SSH_KEY, opensshBody, secretProblems, writeSecrets } from './secrets-folder.ts';
import type { Files } from './secrets-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'secrets-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (files: Files, mode?: number): Promise<void> => writeSecrets(folder, files, mode);
const problemsOf = (): Promise<string[]> => secretProblems(folder);

describe('the content of secret files', () => {
  it.each<{ readonly name: string; readonly files: Files; readonly expected: RegExp }>([
    {
      name: 'a public key as signing key',
      files: { 'signing-key.asc': `-----BEGIN PGP PUBLIC KEY BLOCK-----\n${CANARY}` },
      expected: /^signing-key\.asc: holds a public key; .*--export-secret-keys/,
    },
    { name: 'something else as signing key', files: { 'signing-key.asc': CANARY }, expected: /no OpenPGP private key/ },
    {
      name: 'a passphrase that is not text',
      files: { 'signing-key.passphrase': Buffer.from([0xff, 0x0a]) },
      expected: /^signing-key\.passphrase: is not UTF-8/,
    },
    {
      name: 'broken JSON',
      files: { 'registry.json': `{"auths": ${CANARY}` },
      expected: /not a JSON object.*skopeo login/,
    },
    { name: 'another JSON', files: { 'registry.json': `["${CANARY}"]` }, expected: /not a JSON object/ },
    {
      name: 'auths that are none',
      files: { 'registry.json': `{"auths": {"a": "${CANARY}"}}` },
      expected: /no usable auths/,
    },
    {
      name: 'git credentials in another form',
      files: { 'git-credentials': `https://u:p@git.example.com\n${CANARY}\n` },
      expected: /^git-credentials: line 2 is not a URL; expected https:\/\/USER:PASSWORD@HOST/,
    },
    {
      name: 'git credentials without password',
      files: { 'git-credentials': `https://${CANARY}@g.example.com` },
      expected: /line 1 has no user or no password/,
    },
    {
      name: 'git credentials over http',
      files: { 'git-credentials': `http://u:${CANARY}@g.example.com` },
      expected: /line 1 is not an https URL/,
    },
    {
      name: 'git credentials from Windows',
      files: { 'git-credentials': `https://u:${CANARY}@g.example.com\r\n` },
      expected: /line 1 ends in a carriage return/,
    },
    {
      name: 'an @ that is not encoded',
      files: { 'git-credentials': `https://u:${CANARY}@x@g.example.com\n` },
      expected: /more than one @.*percent-encoded/,
    },
    { name: 'git credentials of empty lines', files: { 'git-credentials': '\n\n' }, expected: /only empty lines/ },
    {
      name: 'a public ssh key',
      files: { 'ssh-key': `ssh-ed25519 ${CANARY}\n`, known_hosts: 'x' },
      expected: /^ssh-key: does not begin as a private key; .*without \.pub/,
    },
    {
      name: 'an ssh key without its last line feed',
      files: { 'ssh-key': SSH_KEY.trimEnd(), known_hosts: 'x' },
      expected: /does not end in a line feed/,
    },
    {
      name: 'an ssh key from Windows',
      files: { 'ssh-key': SSH_KEY.replaceAll('\n', '\r\n'), known_hosts: 'x' },
      expected: /carriage returns/,
    },
    {
      name: 'an ssh key with a passphrase',
      files: { 'ssh-key': SSH_KEY.replace(opensshBody('none'), opensshBody('aes256-ctr')), known_hosts: 'x' },
      expected: /protected by a passphrase.*ssh-keygen -p/,
    },
    {
      name: 'an older ssh key with a passphrase',
      files: { 'ssh-key': `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n${CANARY}\n`, known_hosts: 'x' },
      expected: /protected by a passphrase/,
    },
    {
      name: 'an ssh key without known hosts',
      files: { 'ssh-key': SSH_KEY },
      expected: /^known_hosts: is missing beside ssh-key; .*ssh-keyscan/,
    },
    {
      name: 'two ways into git',
      files: { 'ssh-key': SSH_KEY, known_hosts: 'x', 'git-credentials': `https://u:${CANARY}@g.example.com` },
      expected: /^git-credentials: is there beside ssh-key; expected one of them/,
    },
    { name: 'a token of two lines', files: { token: `${CANARY}\n${CANARY}\n` }, expected: /^token: is not one line/ },
    {
      name: 'a webhook secret of two lines',
      files: { 'webhook-secret': `${CANARY}\n\n` },
      expected: /^webhook-secret: is not one line/,
    },
    { name: 'a certificate that is none', files: { 'ca.crt': CANARY }, expected: /^ca\.crt: holds no certificate/ },
    {
      name: 'a slip in an optional name',
      files: { 'signing-key.passphrase.txt': CANARY },
      expected: /^signing-key\.passphrase\.txt: is not a name that is read; expected signing-key\.passphrase/,
    },
    { name: 'another separator', files: { webhook_secret: CANARY }, expected: /expected webhook-secret; rename/ },
    { name: 'the name Kubernetes gives', files: { '.dockerconfigjson': CANARY }, expected: /expected registry\.json/ },
  ])('refuses $name', async ({ files, expected }) => {
    await write({ 'signing-key.asc': KEY, ...files });
    const problems = await problemsOf();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it('refuses an ssh key that ssh itself would refuse, for its group can read it', async () => {
    await write({ 'signing-key.asc': KEY, known_hosts: 'x' });
    await write({ 'ssh-key': SSH_KEY }, 0o440);
    expect(await problemsOf()).toEqual([expect.stringMatching(/^ssh-key: .*\(mode 0440\).*expected mode 0400/)]);
  });

  it('accepts git credentials for several hosts, and plain http for loopback', async () => {
    const lines = `https://u:p%40@a.example.com\nhttp://u:${CANARY}@127.0.0.1:8080\n\nhttps://u:p@b.example.com/path\n`;
    await write({ 'signing-key.asc': KEY, 'git-credentials': lines });
    await expect(readSecrets('prod', folder)).resolves.toBeDefined();
  });
});
