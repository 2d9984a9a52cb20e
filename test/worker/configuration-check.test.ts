import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { generateKey } from '../../activities/signing/index.ts';
import type { GeneratedKey } from '../../activities/signing/index.ts';
import { checkConfiguration, formatProblem, parseConfiguration } from '../../worker/configuration/index.ts';
import type { Configuration } from '../../worker/configuration/index.ts';

const DAY = 86_400_000;
const TEXT = `
route: [dev, prod]
temporal: { tls: { ca: tls.crt } }
environments:
  dev:
    registry: registry.dev.example.com
    registries: { 'registry.dev.example.com': { ca: ca.crt } }
    signatures:
      publicKeys: [dev.asc]
      repository: { url: 'https://git.example.com/dev.git' }
      servedAt: https://s.dev.example.com
    gate: none
    rebuild: none
  prod:
    registry: registry.prod.example.com
    signatures:
      publicKeys: [prod.asc]
      repository: { url: 'https://git.example.com/prod.git' }
      servedAt: https://s.prod.example.com
    gate: { quorum: 2, approvers: approvers.asc, identity: claimed, deadline: 7 days }
    rebuild: none
`;
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

let folder: string;
let keys: Record<'dev' | 'prod' | 'alice' | 'alice2' | 'bob' | 'shortLived', GeneratedKey>;

async function makeKey(name: string, expiresInDays?: number): Promise<GeneratedKey> {
  return generateKey({
    userId: { name, email: `${name}@example.com` },
    type: 'ed25519',
    ...(expiresInDays !== undefined && { expiresInDays }),
  });
}

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
}

function parse(text = TEXT): Configuration {
  return parseConfiguration(text, path.join(folder, 'countersign.yaml'));
}

/** The problems with the folder cut off the file names. */
async function check(text = TEXT, now?: Date): Promise<string[]> {
  const problems = await checkConfiguration(parse(text), now === undefined ? {} : { now });
  return problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'configuration-check-'));
  keys = {
    dev: await makeKey('dev'),
    prod: await makeKey('prod'),
    alice: await makeKey('alice'),
    alice2: await makeKey('alice'),
    bob: await makeKey('bob'),
    shortLived: await makeKey('short', 20),
  };
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() =>
  write({
    'dev.asc': keys.dev.publicKey,
    'prod.asc': keys.prod.publicKey,
    'approvers.asc': keys.alice.publicKey + keys.bob.publicKey,
    'ca.crt': CERTIFICATE,
    'tls.crt': CERTIFICATE,
  }),
);

describe('checkConfiguration', () => {
  it('finds nothing wrong with what is right', async () => {
    expect(await check()).toEqual([]);
  });

  it('names every file that is missing, at its place, at once', async () => {
    const text = TEXT.replaceAll(/(\w+)\.(asc|crt)/g, 'no-$1.$2');
    expect((await check(text)).map((problem) => problem.split('; ')[0])).toEqual([
      `countersign.yaml:3:24: temporal.tls.ca: the file no-tls.crt cannot be read (ENOENT)`,
      `countersign.yaml:7:53: environments.dev.registries["registry.dev.example.com"].ca: the file no-ca.crt cannot be read (ENOENT)`,
      `countersign.yaml:9:20: environments.dev.signatures.publicKeys[0]: the file no-dev.asc cannot be read (ENOENT)`,
      `countersign.yaml:17:20: environments.prod.signatures.publicKeys[0]: the file no-prod.asc cannot be read (ENOENT)`,
      `countersign.yaml:20:35: environments.prod.gate.approvers: the file no-approvers.asc cannot be read (ENOENT)`,
    ]);
  });

  it.each([
    ['no key at all', () => 'hello', /prod\.asc.*expected OpenPGP public keys; export them/],
    ['an empty file', () => '', /expected OpenPGP public keys; export them/],
    ['a damaged key', () => keys.prod.publicKey.replace(/[A-Za-z0-9+/]{60}\n/, ''), /expected OpenPGP public keys/],
    [
      'a private key',
      () => keys.prod.privateKey,
      /holds a private key; expected public keys only.*replace the private key/,
    ],
    ['a private key among public ones', () => keys.prod.publicKey + keys.dev.privateKey, /holds a private key/],
  ])('refuses %s among the public keys', async (_name, content, expected) => {
    await write({ 'prod.asc': content() });
    const problems = await check();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^countersign\.yaml:17:20: environments\.prod\.signatures\.publicKeys\[0\]: /);
    expect(problems[0]).toMatch(expected);
  });

  it('refuses a folder in the place of a key, and certificates that are none', async () => {
    await mkdir(path.join(folder, 'folder'), { recursive: true });
    await write({ 'tls.crt': 'hello' });
    const problems = await check(TEXT.replace('[dev.asc]', '[folder]'));
    expect(problems[0]).toMatch(/temporal\.tls\.ca: the file holds no certificate; expected PEM/);
    expect(problems[1]).toMatch(/publicKeys\[0\]: the file folder cannot be read \(not a regular file\)/);
  });

  it('refuses a quorum that the approvers cannot reach', async () => {
    await write({ 'approvers.asc': keys.alice.publicKey });
    const problems = await check();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^countersign\.yaml:20:21: environments\.prod\.gate\.quorum: is 2, but the approvers are one person .*lower the quorum$/,
    );
  });

  it('counts persons, not keys', async () => {
    await write({ 'approvers.asc': keys.alice.publicKey + keys.alice2.publicKey });
    expect((await check())[0]).toContain('the approvers are one person');
  });

  it('does not count approvers whose keys have expired', async () => {
    await write({ 'approvers.asc': keys.alice.publicKey + keys.shortLived.publicKey });
    expect(await check()).toEqual([]);
    const problems = await check(TEXT, new Date(Date.now() + 21 * DAY));
    expect(problems[0]).toMatch(/quorum: is 2, but the approvers are one person .*expired keys left out/);
  });

  it('refuses a deadline beyond the life of every key', async () => {
    await write({ 'prod.asc': keys.shortLived.publicKey });
    const problems = await check();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /publicKeys: no key is valid for longer than 20 days; expected one that is valid for 37 days \(gate\.deadline and minimumValidity together\)/,
    );
    expect((await check(TEXT, new Date(Date.now() + 21 * DAY)))[0]).toContain('every key has expired');
  });

  it('judges minimumValidity alone where there is no gate, and is content with one lasting key', async () => {
    await write({ 'dev.asc': keys.shortLived.publicKey });
    expect((await check())[0]).toContain('expected one that is valid for 30 days (minimumValidity)');
    const enough = TEXT.replace('servedAt: https://s.dev', 'minimumValidity: 10 days\n      servedAt: https://s.dev');
    expect(await check(enough)).toEqual([]);
    await write({ 'dev.asc': keys.shortLived.publicKey + keys.dev.publicKey });
    expect(await check()).toEqual([]);
  });

  it('refuses a signing key that two environments share', async () => {
    await write({ 'prod.asc': keys.prod.publicKey + keys.dev.publicKey });
    const problems = await check();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^countersign\.yaml:17:20: .*publicKeys\[0\]: holds the key [0-9A-F]{40} of environments\.dev\.signatures\.publicKeys\[0\] too/,
    );
    expect(problems[0]).toContain(keys.dev.fingerprint);
  });

  it('accepts one key in two files of one environment', async () => {
    expect(await check(TEXT.replace('[dev.asc]', '[dev.asc, dev.asc]'))).toEqual([]);
  });

  it('finds shared places in a configuration that no file was parsed for', async () => {
    const parsed = parse();
    const { dev, prod } = parsed.environments;
    const environments = { dev: dev!, prod: { ...prod!, registry: `${dev!.registry}/prod`, secrets: dev!.secrets } };
    const problems = await checkConfiguration({ ...parsed, environments });
    expect(problems.map(({ path }) => path)).toEqual(['environments.prod.registry', 'environments.prod.secrets']);
    expect(problems[0]).not.toHaveProperty('line');
  });
});
