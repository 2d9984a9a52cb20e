import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { startOpenShiftRegistry } from '../support/openshift-signatures.ts';
import type { OpenShiftRegistry } from '../support/openshift-signatures.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder();
let registry: OpenShiftRegistry;
let image: SampleImage;
/** Each signing is a minute after the one before, so that no two signatures are the same bytes by chance. */
let minutes = 0;

async function run(...args: readonly string[]) {
  const env = { HOME: folder.path };
  const terminal = fakeTerminal({ cwd: folder.path, env, now: Date.now() + 1000 + 60_000 * minutes });
  const code = await runFake(args, { terminal });
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeEach(async () => {
  minutes = 0;
  registry = await startOpenShiftRegistry();
  image = await buildSampleImage({ layers: 1, layerBytes: 64 });
  registry.add('acme/web', image, '1');
  for (const name of ['prod', 'other']) {
    const user = `${name} <${name}@example.com>`;
    await run('keys', 'generate', '--user', user, '--type', 'ed25519', '--out', name);
  }
});
afterEach(() => registry.stop());

const sign = (...more: readonly string[]) => signTag('1', 'prod', ...more);
function signTag(tag: string, key: string, ...more: readonly string[]) {
  minutes += 1;
  return run('sign', `${registry.host}/acme/web:${tag}`, '--key', `${key}/signing-key.asc`, ...more);
}
const verify = (key = 'prod') =>
  run('verify', `${registry.host}/acme/web:1`, '--key', `${key}/public-key.asc`, '--lookaside', 'http://127.0.0.1:1');

describe('countersign sign --to-registry', () => {
  it('puts signatures of every platform and the index where clusters then read them', async () => {
    expect((await verify()).code).toBe(EXIT.failure);
    const { code, out, err } = await sign('--to-registry', '--output', 'json');
    expect({ code, err }).toEqual({ code: EXIT.success, err: '' });
    const { signatures } = JSON.parse(out) as { signatures: object[] };
    expect(signatures).toEqual([
      { digest: image.manifests[0]?.digest, added: true, platform: 'linux/amd64' },
      { digest: image.manifests[1]?.digest, added: true, platform: 'linux/arm64' },
      { digest: image.digest, added: true, platform: null },
    ]);
    expect((await verify()).code).toBe(EXIT.success);
    expect((await verify('other')).code).toBe(EXIT.failure);
  });

  it('adds an equal signature once, made when it may', async () => {
    await sign('--to-registry');
    const again = await sign('--to-registry');
    expect(again.out).toContain(`${image.digest} in the registry (was there)`);
    expect([...registry.signatures.values()].map((stored) => stored.length)).toEqual([1, 1, 1]);
    registry.add('acme/web', image, '2');
    for (const [tag, key, count] of [
      ['1', 'other', 2],
      ['2', 'prod', 3],
      ['2', 'prod', 3],
    ] as const) {
      await signTag(tag, key, '--to-registry');
      expect([...registry.signatures.values()].map((stored) => stored.length)).toEqual([count, count, count]);
    }
  });

  it('says what is wrong where the registry keeps no signatures', async () => {
    registry.on(/^GET \/v2\/$/, ({ reply }) => reply(200));
    const { code, err } = await sign('--to-registry');
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('keeps no signatures');
    expect(registry.signatures.size).toBe(0);
  });

  it('wants a directory or the registry, not both and not neither', async () => {
    for (const args of [[], ['--to-registry', '--output-dir', 'store']]) {
      const { code, err } = await sign(...args);
      expect({ code, err }).toMatchObject({
        code: EXIT.usage,
        err: expect.stringContaining('--to-registry') as string,
      });
    }
  });
});
