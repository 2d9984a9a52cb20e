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
