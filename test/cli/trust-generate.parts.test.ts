/** skopeo, given nothing but the generated files where it looks by itself, judges as a node would. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookasideUrl } from '../../activities/trust/index.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { systemServices } from '../../cli/services.ts';
import { makeSigner } from '../activities/trust/signers.ts';
import type { Signer } from '../activities/trust/signers.ts';
import { SkopeoJudge } from '../activities/trust/skopeo-judge.ts';
import { Judge } from '../support/judge.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import type { DockerRegistry } from '../support/docker-registry.ts';
import { ensureParts } from '../support/parts/index.mjs';
import { pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder({ per: 'suite' });
let registry: DockerRegistry;
let server: SkopeoJudge;
let old: Signer;
let current: Signer;

async function run(...args: readonly string[]) {
  const terminal = fakeTerminal({ cwd: folder.path, env: { HOME: folder.path } });
  const readConfiguration = (file: string) => systemServices.readConfiguration(file);
  const code = await runFake(args, { terminal, services: { readConfiguration } });
  return { code, err: terminal.err() };
}

/** The folder is its home, and what lies in .config/containers counts instead of /etc/containers. */
async function pull(image: string): Promise<string> {
  const { skopeo } = await ensureParts(['skopeo']);
  const target = `dir:${folder.join(`pulled-${Math.random()}`)}`;
  return await new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: folder.path };
    execFile(skopeo, ['copy', '-q', `docker://${registry.host}/${image}`, target], { env }, (error, _, log) => {
      resolve(error === null ? 'accepted' : log);
    });
  });
}

beforeAll(async () => {
  [registry, server, old, current] = await Promise.all([
    startDockerRegistry(),
    SkopeoJudge.start(),
    makeSigner(),
    makeSigner(),
  ]);
  const image = await buildSampleImage({ layers: 1, layerBytes: 1024 });
  for (const name of ['acme/old', 'acme/new', 'acme/web', 'other/base']) {
    await pushSampleImage(registry.host, name, '1', image);
  }
  for (const { digest } of image.manifests) {
    for (const [name, signer] of [
      ['acme/old', old],
      ['acme/new', current],
    ] as const) {
      const blob = await signer.sign(`${registry.host}/${name}:1`, digest);
      server.served.set(new URL(lookasideUrl(server.servedAt, name, digest, 1)).pathname, blob);
    }
  }
  await writeFile(folder.join('old.asc'), old.publicKey);
  await writeFile(folder.join('new.asc'), current.publicKey);
  const prod = {
    registry: `${registry.host}/acme`,
    signatures: {
      publicKeys: ['old.asc', 'new.asc'],
      repository: { url: 'https://git.example.com/signatures.git' },
      servedAt: server.servedAt,
    },
    gate: 'none',
    rebuild: 'none',
  };
  await writeFile(folder.join('countersign.yaml'), JSON.stringify({ route: ['prod'], environments: { prod } }));
}, 120_000);
afterAll(async () => {
  await Promise.allSettled([registry.stop(), server.stop()]);
});

describe('a node with what trust generate writes', () => {
  it('accepts what either key of a rotation signed, and refuses all else', async () => {
    const place = folder.join('.config/containers');
    const args = ['--environment', 'prod', '--output-dir', place, '--node-path', place];
    expect(await run('trust', 'generate', ...args)).toMatchObject({ code: EXIT.success });
    expect(await pull('acme/old:1')).toBe('accepted');
    expect(await pull('acme/new:1')).toBe('accepted');
    expect(await pull('acme/web:1')).toContain('A signature was required, but no signature exists');
    expect(await pull('other/base:1')).toContain('rejected by policy');
  });

  it('lets in what is accepted without signature, and still refuses what must be signed', async () => {
    const place = folder.join('.config/containers');
    const args = ['--environment', 'prod', '--output-dir', place, '--node-path', place, '--force'];
    expect(await run('trust', 'generate', ...args, '--accept', `${registry.host}/other`)).toMatchObject({ code: 0 });
    expect(await pull('other/base:1')).toBe('accepted');
    expect(await pull('acme/web:1')).toContain('no signature exists');
    expect(await run('trust', 'generate', ...args, '--default', 'accept')).toMatchObject({ code: 0 });
    expect(await pull('other/base:1')).toBe('accepted');
    expect(await pull('acme/web:1')).toContain('no signature exists');
  });

  it('is read by the current containers/image as it is meant', async () => {
    const place = folder.join('read');
    const args = ['--environment', 'prod', '--output-dir', place, '--accept', 'localhost', '*.example.org'];
    expect(await run('trust', 'generate', ...args)).toMatchObject({ code: EXIT.success });
    const read = async (name: string) => (await readFile(`${place}/${name}`)).toString('base64');
    const judge = await Judge.start();
    try {
      expect(await judge.ask({ kind: 'policy', policy: await read('policy.json') })).toMatchObject({ ok: true });
      const files = { 'countersign-prod.yaml': await read('registries.d/countersign-prod.yaml') };
      const references = [`${registry.host}/acme/web:1`];
      const answer = await judge.ask({ kind: 'registries-d', files, references });
      expect(JSON.stringify(answer)).toContain(`${server.servedAt}/acme/web`);
      const keyFiles = [await read('keys/countersign-prod.gpg')];
      const ring = await judge.ask({ kind: 'key-file', keyFiles });
      for (const { key } of [old, current])
        expect(JSON.stringify(ring).toUpperCase()).toContain(key.fingerprint.toUpperCase());
    } finally {
      await judge.stop();
    }
  });
});
