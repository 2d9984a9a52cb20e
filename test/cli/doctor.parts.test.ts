import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../activities/doctor/index.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { systemServices } from '../../cli/services.ts';
import { GpgHome } from '../activities/signing/gpg-home.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import type { DockerRegistry } from '../support/docker-registry.ts';
import { grantToHttpd, startStaticHttpd } from '../support/httpd.ts';
import type { Httpd } from '../support/httpd.ts';
import { deleteManifest, pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder({ per: 'suite' });
let registry: DockerRegistry;
let httpd: Httpd;
let gpg: GpgHome;
let image: SampleImage;
let fingerprint: string;

async function run(...args: readonly string[]) {
  const terminal = fakeTerminal({
    cwd: folder.path,
    env: { HOME: folder.path, PATH: process.env['PATH'] ?? '' },
    now: Date.now() + 1_000,
  });
  const readConfiguration = (file: string) => systemServices.readConfiguration(file);
  const code = await runFake(args, { terminal, services: { readConfiguration } });
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(async () => {
  [registry, gpg, image] = await Promise.all([
    startDockerRegistry(),
    GpgHome.create(),
    buildSampleImage({ layerBytes: 256 }),
  ]);
  await mkdir(folder.join('www/images'), { recursive: true });
  httpd = await startStaticHttpd({ folder: folder.path, documentRoot: folder.join('www') });
  await pushSampleImage(registry, 'acme/web', '1', image);
  fingerprint = await gpg.makeKey(
    ['Key-Type: RSA', 'Key-Length: 2048', 'Key-Usage: sign', 'Name-Real: Prod', 'Name-Email: prod@example.com'],
    { passphrase: 'geheim' },
  );
  await writeFile(folder.join('pass'), 'geheim\n');
  await writeFile(
    folder.join('countersign.yaml'),
    `route: [prod]
environments:
  prod:
    registry: ${registry.host}/acme
    signatures:
      publicKeys: [secrets/prod/public-key.asc]
      repository: { url: 'https://git.example.com/signatures.git' }
      servedAt: ${httpd.url}/images
      replicas: { addresses: ['${httpd.address}'] }
    gate: none
    rebuild: none
`,
  );
});
afterAll(async () => {
  await Promise.allSettled([registry.stop(), httpd.stop(), gpg.stop()]);
});

describe('countersign keys import', () => {
  it('takes a key with its passphrase from GnuPG, and keys check accepts it', async () => {
    const from = ['--from-gpg', '--homedir', gpg.folder, '--passphrase-file', 'pass', '--out', 'secrets/prod'];
    const { code, err } = await run('keys', 'import', 'prod@example.com', ...from);
    expect({ code, err }).toEqual({ code: EXIT.success, err: '' });
    const shown = await run('keys', 'show', 'secrets/prod/signing-key.asc');
    expect(shown.out).toContain(fingerprint);
    expect(shown.out).toContain('yes, with a passphrase');
    expect(await run('keys', 'check')).toMatchObject({ code: EXIT.success });
  });

  it('writes nothing where the passphrase is wrong or nobody has that name', async () => {
    await writeFile(folder.join('wrong'), 'falsch\n');
    const from = ['--from-gpg', '--homedir', gpg.folder, '--passphrase-file', 'wrong', '--out', 'other'];
    expect(await run('keys', 'import', 'prod@example.com', ...from)).toMatchObject({ code: EXIT.failure });
    expect(await run('keys', 'import', 'ann@example.com', ...from)).toMatchObject({ code: EXIT.notFound });
    await expect(readFile(folder.join('other/public-key.asc'))).rejects.toThrow('ENOENT');
  });
});

describe('countersign doctor, with a real registry and Apache', () => {
  const reference = () => `${registry.host}/acme/web:1`;
  const directoryOf = (digest: string) => folder.join('www/images', `acme/web@${digest.replace(':', '=')}`);

  async function look(asked = reference()): Promise<Diagnosis & { readonly code: number }> {
    const { code, out } = await run('doctor', asked, '--environment', 'prod', '--output', 'json');
    return { ...(JSON.parse(out) as Diagnosis), code };
  }

  it('finds that nothing is signed, and then that all is well', async () => {
    expect(await look()).toMatchObject({ code: EXIT.failure, cause: expect.stringContaining('it has no signature') });
    const source = ['--key', 'secrets/prod/signing-key.asc', '--passphrase-file', 'pass'];
    expect(await run('sign', reference(), ...source, '--output-dir', 'www/images')).toMatchObject({ code: 0 });
    await grantToHttpd(folder.join('www'), 'read');
    expect(await look()).toMatchObject({ code: EXIT.success, pullable: true, mend: null });
  });

  it('agrees with gpg about a signature', async () => {
    const [{ digest } = image.index] = image.manifests;
    const blob = await readFile(path.join(directoryOf(digest), 'signature-1'));
    const { code, log } = await gpg.try(['--decrypt'], blob);
    expect(code).toBe(0);
    expect(log).toContain(`VALIDSIG ${fingerprint}`);
    const args = ['verify-signature', path.join(directoryOf(digest), 'signature-1'), '--digest', digest];
    const ours = await run(...args, '--key', 'secrets/prod/public-key.asc', '--identity', reference());
    expect(ours.code).toBe(EXIT.success);
  });

  it('finds a gap and a platform without signatures', async () => {
    const [{ digest } = image.index] = image.manifests;
    const file = (number: number) => path.join(directoryOf(digest), `signature-${number}`);
    await rename(file(1), file(2));
    expect((await look()).cause).toContain('signature-1 is missing and signature-2 is there');
    const away = folder.join('away');
    await rename(file(2), away);
    expect((await look()).cause).toContain(': it has no signature; only the index is signed');
    await rename(away, file(1));
    expect(await look()).toMatchObject({ pullable: true });
  });

  it('finds a tag that is missing, a platform that was deleted, and a registry that is down', async () => {
    expect((await look(`${registry.host}/acme/web:2`)).cause).toContain('the registry has no');
    const [{ digest, platform } = image.index] = image.manifests;
    await deleteManifest(registry, 'acme/web', digest);
    expect((await look()).cause).toContain(`the manifest of ${platform ?? ''} is missing in the registry`);
    await registry.halt();
    expect((await look()).cause).toContain('does not answer as one');
  });

  it('finds a signature server that is down', async () => {
    await registry.restart();
    await httpd.stop();
    await rm(folder.join('www'), { recursive: true });
    const { findings } = await look();
    expect(findings).toContainEqual(expect.objectContaining({ step: 'store', status: 'fail' }));
  });
});
