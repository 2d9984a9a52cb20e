import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookasideFor, readRegistriesD } from '../../../activities/trust/index.ts';
import type { RegistriesD } from '../../../activities/trust/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'registries-d-'));
});
afterAll(() => rm(root, { recursive: true }));

async function read(files: Record<string, string>): Promise<RegistriesD> {
  const folder = join(root, `${count++}`);
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return await readRegistriesD(folder);
}

describe('readRegistriesD', () => {
  it('takes a missing directory as empty', async () => {
    expect(await readRegistriesD(join(root, 'missing'))).toEqual({ docker: new Map() });
  });

  it('reads .yaml files only, and ignores unknown keys', async () => {
    const config = await read({
      'a.yaml': 'docker: { r.example.com: { lookaside: "https://s/", x: 1 } }\nother: 1',
      'b.yml': '{',
      'c.yaml.bak': '{',
      'd.yaml': '',
      'e.yaml': 'default-docker: { use-sigstore-attachments: true }',
    });
    expect(config).toEqual({
      docker: new Map([['r.example.com', { lookaside: 'https://s/' }]]),
      defaultDocker: { 'use-sigstore-attachments': true },
    });
  });

  it.each([
    ['a key twice', { 'a.yaml': 'docker:\n  a: { lookaside: x }\n  a: { lookaside: y }' }],
    [
      'a scope in two files',
      { 'a.yaml': 'docker: { a: { lookaside: x } }', 'b.yaml': 'docker: { a: { sigstore: y } }' },
    ],
    ['default-docker twice', { 'a.yaml': 'default-docker: {}', 'b.yaml': 'default-docker: {}' }],
    ['damaged YAML', { 'a.yaml': 'docker: {' }],
    ['a list', { 'a.yaml': '- a' }],
    ['a list for a URL', { 'a.yaml': 'docker: { a: { lookaside: [x] } }' }],
  ])('refuses %s', async (_, files) => {
    await expect(read(files)).rejects.toMatchObject({ code: 'configuration-invalid' });
  });
});

/** Each was judged by the reference implementation, and once by us otherwise. */
describe('readRegistriesD, of YAML as readers have it', () => {
  const scope = (value: string): string => `docker:\n  r.example.com:\n    lookaside: ${value}\n`;

  it.each([
    ['an integer with a leading zero and an 8', scope('!!int 08')],
    ['an integer of more than 64 bits', scope('!!int 99999999999999999999')],
    ['a number that is infinite', scope('!!float 1e400')],
    ['a day that no month has', scope('!!timestamp 2001-02-30')],
    ['a month that no year has', scope('!!timestamp 2001-13-01')],
    ['a time without a zone behind T', scope('!!timestamp 2001-01-01T10:00:00')],
    ['an hour that no day has', scope('!!timestamp 2001-01-01 25:00:00')],
    ['a tag with a bracket behind it', 'default-docker: {lookaside: !!str}'],
    ['a map tagged as null', 'default-docker: !!null {}'],
    ['a tab behind the colon of an explicit key', '? x\n: \ty\n'],
    ['a colon that is not under its question mark', '? x\n\n    : y\n'],
    ['an explicit key with a value and no colon', '? x\n-'],
    ['a document that only ends, behind an empty line of Windows', '\r\n...\n'],
    ['ten thousand brackets', `x: ${'['.repeat(10_000)}`],
    ['ten thousand brackets that are closed', `x: ${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['nine thousand lists in lists', `${'- '.repeat(9_000)}a`],
  ])('refuses %s', async (_, text) => {
    await expect(read({ 'a.yaml': text })).rejects.toMatchObject({ code: 'configuration-invalid' });
  });

  it.each([
    ['text tagged as a number that it is', scope('!!float 0x10'), '0x10'],
    ['text tagged as a number with underscores', scope('!!float 1_0'), '1_0'],
    ['text tagged as a leap day', scope('!!timestamp 2024-02-29'), '2024-02-29'],
    ['an apostrophe with a backslash', scope('"https://s/\\\'\\\\"'), "https://s/'\\"],
    ['null between quotes as nothing where it is tagged so', scope('!!null "null"'), undefined],
    [
      'the later of two sections, where one is named by an alias',
      'docker:\n  &k r.example.com:\n    lookaside: x\n  *k :\n    lookaside: y\n',
      'y',
    ],
  ])('takes %s', async (_, text, lookaside) => {
    const { docker } = await read({ 'a.yaml': text });
    expect(docker.get('r.example.com')?.lookaside).toBe(lookaside);
  });

  it('takes a boolean between quotes where it is tagged as one', async () => {
    const { defaultDocker } = await read({ 'a.yaml': 'default-docker: {use-sigstore-attachments: !!bool "true"}' });
    expect(defaultDocker).toEqual({ 'use-sigstore-attachments': true });
  });
});

describe('lookasideFor', () => {
  it('takes the most specific scope that answers, and goes on where one does not', async () => {
    const config = await read({
      'a.yaml': `
default-docker: { lookaside: default }
docker:
  registry.example.com:5000/acme/web:1: { lookaside: tag }
  registry.example.com:5000/acme/web: { lookaside-staging: only-staging }
  registry.example.com:5000/acme: { sigstore: old, sigstore-staging: old-staging }
  registry.example.com:5000: { lookaside: host }
  "*.example.com": { lookaside: wildcard }
  docker.io/library/busybox: { lookaside: new, sigstore: old }
`,
    });
    const find = (reference: string, access: 'read' | 'write') =>
      lookasideFor(config, parseReference(reference), access);
    expect(find('registry.example.com:5000/acme/web:1', 'read')).toBe('tag');
    expect(find('registry.example.com:5000/acme/web:2', 'read')).toBe('old');
    expect(find('registry.example.com:5000/acme/web:2', 'write')).toBe('only-staging');
    expect(find('registry.example.com:5000/acme/api:2', 'write')).toBe('old-staging');
    expect(find('registry.example.com:5000/other:1', 'write')).toBe('host');
    expect(find('registry.example.com/acme/web:2', 'read')).toBe('wildcard');
    expect(find('registry.example.com:443/acme/web:2', 'read')).toBe('wildcard');
    expect(find('busybox', 'read')).toBe('new');
    expect(find('elsewhere.test/a:1', 'read')).toBe('default');
  });

  it('knows nothing where nothing is configured', async () => {
    expect(lookasideFor(await read({}), parseReference('r.example.com/a:1'), 'read')).toBeUndefined();
  });
});
