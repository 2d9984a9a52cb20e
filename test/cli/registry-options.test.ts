import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { authorityFor, readHostOptions } from '../../cli/images/host-options.ts';
import type { RegistryHostOptions } from '../../activities/oci/index.ts';
import type { RegistryOptions } from '../../cli/commands/registry-options.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const folder = useTempFolder();

async function place(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(folder.join(name)), { recursive: true });
    await writeFile(folder.join(name), text);
  }
}

async function read(options: RegistryOptions): Promise<Record<string, RegistryHostOptions>> {
  return await readHostOptions(options, { cwd: folder.path, env: { HOME: folder.join('home') } });
}

describe('--cert-dir', () => {
  it('holds authorities, and what we show, for every registry', async () => {
    await place({
      'certs/b.crt': 'B',
      'certs/a.crt': 'A',
      'certs/c.cert': 'C',
      'certs/c.key': 'K',
      'certs/README': 'x',
    });
    expect(await read({ certDir: 'certs' })).toEqual({
      '*': { ca: 'A\nB', systemCa: true, clientCertificate: 'C', clientKey: 'K' },
    });
  });

  it('is a mounted Secret or ConfigMap: links, and folders that are no certificates', async () => {
    await place({ 'certs/..2026_11_28/ca.crt': 'A' });
    await symlink('..2026_11_28', folder.join('certs/..data'));
    await symlink('..data/ca.crt', folder.join('certs/ca.crt'));
    const hosts = await read({ certDir: 'certs' });
    expect(hosts).toEqual({ '*': { ca: 'A', systemCa: true } });
    const authority = authorityFor(hosts, 'https://signatures.example.com/images') ?? '';
    // Beside those of the system.
    expect(authority.startsWith('A\n-----BEGIN CERTIFICATE-----')).toBe(true);
  });

  it('gives way to --ca-file for its host, also where that host serves signatures', async () => {
    await place({ 'certs/ca.crt': 'A', 'own.crt': 'B' });
    const hosts = await read({ certDir: 'certs', caFile: ['signatures.example.com:8443=own.crt'] });
    expect(authorityFor(hosts, 'https://signatures.example.com:8443/images')).toBe('B');
    expect(authorityFor({}, 'https://signatures.example.com/images')).toBeUndefined();
  });

  it.each([
    ['a key alone', { 'certs/c.key': 'K' }, 'c.key has no counterpart'],
    ['a certificate alone', { 'certs/c.cert': 'C' }, 'c.cert has no counterpart'],
    [
      'two pairs',
      { 'certs/c.key': 'K', 'certs/c.cert': 'C', 'certs/d.key': 'K', 'certs/d.cert': 'C' },
      'has 2 pairs of *.cert and *.key; expected one at most',
    ],
    ['nothing, not even a folder', {}, 'cannot be read (ENOENT)'],
  ])('is refused with %s', async (_, files, message) => {
    await place(files);
    await expect(read({ certDir: 'certs' })).rejects.toThrow(message);
  });

  it('takes the place of the folders that are read without being named', async () => {
    await place({ 'home/.config/containers/certs.d/r.example.com:5000/ca.crt': 'A', 'certs/b.crt': 'B' });
    expect(await read({})).toMatchObject({ 'r.example.com:5000': { ca: 'A', systemCa: true } });
    expect(await read({ certDir: 'certs' })).toEqual({ '*': { ca: 'B', systemCa: true } });
  });

  it('leaves other options their say about a host', async () => {
    await place({ 'home/.config/containers/certs.d/r.example.com/ca.crt': 'A', 'own.pem': 'OWN' });
    expect(await read({ caFile: ['r.example.com=own.pem'] })).toMatchObject({
      'r.example.com': { ca: 'OWN', systemCa: false },
    });
    expect((await read({ plainHttp: ['r.example.com'] }))['r.example.com']).toEqual({ plainHttp: true });
  });
});

describe('--token-server', () => {
  it('counts for one registry, as often as it is given, without its path', async () => {
    const tokenServer = ['r.example.com=https://a.example.com/jwt/auth', 'r.example.com=https://b.example.com:8443'];
    expect(await read({ tokenServer, plainHttp: ['p.example.com'] })).toMatchObject({
      'r.example.com': { tokenServers: ['https://a.example.com', 'https://b.example.com:8443'] },
      'p.example.com': { plainHttp: true },
    });
  });

  it.each(['r.example.com', '=https://a.example.com', 'r=a.example.com', 'r=https://u:canary@a', 'r=ftp://canary'])(
    'refuses %j and shows nothing of it',
    async (pair) => {
      const failure = await read({ tokenServer: [pair] }).catch((error: unknown) => error);
      expect((failure as Error).message).toBe(
        '--token-server: expected HOST[:PORT]=URL, the URL with https:// (or http:// beside --plain-http)',
      );
    },
  );
});
