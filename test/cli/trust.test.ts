import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';
import { startManifestRegistry } from './manifest-registry.ts';
import type { ManifestRegistry } from './manifest-registry.ts';

const folder = useTempFolder();
let registry: ManifestRegistry;
beforeAll(async () => {
  registry = await startManifestRegistry();
});
afterAll(() => registry.close());

interface Line {
  readonly input: string & { readonly id?: number };
  readonly accepted?: boolean;
  readonly error?: { readonly code: string };
  readonly problems: readonly { readonly line: number }[];
  readonly platforms: readonly unknown[];
  readonly coverage: { readonly manifests: readonly { readonly kind: string }[] };
}

async function run(args: readonly string[], input?: string) {
  const terminal = fakeTerminal({
    cwd: folder.path,
    env: { HOME: folder.path },
    now: Date.now() + 1_000,
    ...(input !== undefined && { input }),
  });
  const code = await runFake(args, { terminal });
  const out = terminal.out();
  return {
    code,
    out,
    err: terminal.err(),
    json: () =>
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line),
  };
}

const image = (): string => `${registry.host}/acme/web:1`;

/** A key, signatures of the image in `store`, and a node's files that trust them. */
async function makeNode(): Promise<void> {
  await run(['keys', 'generate', '--user', 'P <p@example.com>', '--type', 'ed25519', '--out', 'prod']);
  await run(['sign', image(), '--key', 'prod/signing-key.asc', '--output-dir', 'store']);
  const signedBy = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: folder.join('prod/public-key.asc') }];
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [`${registry.host}/acme`]: signedBy } } };
  await writeFile(folder.join('policy.json'), JSON.stringify(policy));
  await mkdir(folder.join('d'));
  const lookaside = `file://${folder.join('store')}`;
  const staging = 'file:///staging';
  const section = { docker: { [`${registry.host}/acme`]: { lookaside, 'lookaside-staging': staging } } };
  await writeFile(folder.join('d/a.yaml'), JSON.stringify(section));
}

const signatureOf = (digest: string): string => `store/acme/web@${digest.replace(':', '=')}/signature-1`;

describe('countersign trust check', () => {
  it("takes the user's own policy where none is named", async () => {
    await mkdir(folder.join('.config/containers'), { recursive: true });
    await writeFile(folder.join('.config/containers/policy.json'), '{"default":[]}');
    const { code, out } = await run(['trust', 'check']);
    expect(code).toBe(EXIT.failure);
    expect(out).toContain(folder.join('.config/containers/policy.json'));
  });

  it('names every problem with its line, and what is accepted', async () => {
    await writeFile(folder.join('bad.json'), '{\n  "default": [{"type": "rejekt"}],\n  "extra": 1\n}');
    await writeFile(folder.join('good.json'), '{"default": [{"type": "reject"}]}');
    const { code, json } = await run(['trust', 'check', 'bad.json', 'good.json', 'none.json']);
    expect(code).toBe(EXIT.failure);
    const [bad, good, none] = json();
    expect(bad).toMatchObject({ input: 'bad.json', accepted: false });
    expect(bad?.problems.map(({ line }) => line).sort()).toEqual([2, 3]);
    expect(good).toMatchObject({ accepted: true, problems: [] });
    expect(none?.error?.code).toBe('usage');
  });

  it('reads a registries.d too', async () => {
    await writeFile(folder.join('good.json'), '{"default": [{"type": "reject"}]}');
    await mkdir(folder.join('d'));
    await writeFile(folder.join('d/a.yaml'), 'docker: { a.io: { lookaside: "https://s" }, a.io: {} }');
    const { code, out } = await run(['trust', 'check', 'good.json', '--registries-d', 'd']);
    expect(code).toBe(EXIT.failure);
    expect(out).toMatch(/✖ .*\/d: .*a\.yaml/);
  });
});

describe('countersign trust lookaside', () => {
  it("looks into the user's own directory where a policy is named and no directory", async () => {
    await mkdir(folder.join('.config/containers/registries.d'), { recursive: true });
    const section = '{"default-docker": {"lookaside": "https://own.example.com"}}';
    await writeFile(folder.join('.config/containers/registries.d/a.yaml'), section);
    await writeFile(folder.join('policy.json'), '{"default":[{"type":"reject"}]}');
    const hex = 'a'.repeat(64);
    const named = ['r.example.com/a:1', '--policy', 'policy.json', '--digest', `sha256:${hex}`];
    const [line] = (await run(['trust', 'lookaside', ...named, '--output', 'json'])).json();
    expect(line).toMatchObject({ manifests: [{ url: `https://own.example.com/a@sha256=${hex}/signature-1` }] });
  });
});

describe('with the files of a node', () => {
  beforeEach(makeNode);
  const node = ['--policy', 'policy.json', '--registries-d', 'd'];

  it('explains the scope, the requirement, the URLs and each signature', async () => {
    const { code, out } = await run(['trust', 'explain', image(), ...node]);
    expect(code).toBe(EXIT.success);
    expect(out).toContain(`→ ${registry.host}/acme  counts`);
    expect(out).toContain('signedBy: a signature of one of the keys in');
    expect(out).toContain(`/acme/web@${registry.platforms[0]!.replace(':', '=')}/signature-1`);
    expect(out.match(/✔ signature-1: made by/g)).toHaveLength(3);
    const other = await run(['trust', 'explain', image().replace('web:1', 'web'), ...node, '--output', 'json']);
    expect(other.json()[0]?.error?.code).toBe('image-unknown');
  });

  it('judges as this machine would where nothing is named and nothing configured', async () => {
    await mkdir(folder.join('.config/containers'), { recursive: true });
    await rename(folder.join('policy.json'), folder.join('.config/containers/policy.json'));
    await rename(folder.join('d'), folder.join('.config/containers/registries.d'));
    expect(await run(['verify', image()])).toMatchObject({ code: EXIT.success, err: '' });
    expect((await run(['verify', image().replace('web:1', 'other:1')])).code).not.toBe(EXIT.success);
  });

  it('prints where readers look, and where writers write', async () => {
    const { out } = await run(['trust', 'lookaside', image(), ...node]);
    const urls = [...registry.platforms, registry.index].map(
      (digest) => `file://${folder.path}/${signatureOf(digest)}`,
    );
    expect(out.trimEnd().split('\n')).toEqual(urls);
    const digest = `sha256:${'0'.repeat(64)}`;
    const args = ['trust', 'lookaside', image(), '--registries-d', 'd', '--digest', digest, '--write'];
    expect((await run(args)).out).toBe(`file:///staging/acme/web@sha256=${'0'.repeat(64)}/signature-1\n`);
    const built = await run(['trust', 'lookaside', 'quay.io/a/b', '--registries-d', 'd', '--digest', digest, '-ojson']);
    expect(built.json()[0]).toMatchObject({ from: 'built-in', base: 'file:///var/lib/containers/sigstore' });
  });

  it('shows no password of a store', async () => {
    await writeFile(folder.join('d/a.yaml'), 'default-docker: { lookaside: "https://user:pass@s.example.com/x?y=1" }');
    const digest = `sha256:${'0'.repeat(64)}`;
    const { out } = await run(['trust', 'lookaside', image(), '--registries-d', 'd', '--digest', digest]);
    expect(out).toBe(`https://s.example.com/x/acme/web@sha256=${'0'.repeat(64)}/signature-1?y=1\n`);
  });

  it('reports the coverage of every platform and the index', async () => {
    const { code, json } = await run(['verify', image(), ...node, '--all-platforms', '--output', 'json']);
    expect(code).toBe(EXIT.success);
    const [{ coverage, platforms }] = json() as [Line];
    expect(platforms).toHaveLength(2);
    expect(coverage).toMatchObject({ accepted: true, mustSign: [], digest: registry.index });
    expect(coverage.manifests.map(({ kind }) => kind)).toEqual(['image', 'image', 'index']);
    const text = (await run(['verify', image(), ...node, '--all-platforms'])).out;
    expect(text).toContain('nothing more has to be signed');
  });

  it('judges one platform, and knows which there are', async () => {
    const one = await run(['verify', image(), ...node, '--platform', 'linux/arm64', '--output', 'json']);
    expect(one.json()[0]?.platforms).toHaveLength(1);
    const none = await run(['verify', image(), ...node, '--platform', 'linux/s390x']);
    expect(none.code).toBe(EXIT.notFound);
    expect(none.err).toContain('it has linux/amd64, linux/arm64');
  });

  it('demands another identity where one is expected', async () => {
    const verify = async (identity: string) =>
      (await run(['verify', image(), ...node, '--expected-identity', identity])).code;
    expect(await verify(image())).toBe(EXIT.success);
    expect(await verify('quay.io/acme/web:1')).toBe(EXIT.failure);
    expect(await verify(image().replace(/:1$/, `@${registry.index}`))).toBe(EXIT.success);
    expect(await verify(image().replace(/:1$/, ':2'))).toBe(EXIT.failure);
    const signedBy = { type: 'signedBy', keyType: 'GPGKeys', keyPath: folder.join('prod/public-key.asc') };
    await writeFile(folder.join('policy.json'), JSON.stringify({ default: [signedBy] }));
    expect(await verify(image())).toBe(EXIT.success);
    expect(await verify('quay.io/acme/web:1')).toBe(EXIT.failure);
  });

  it('verifies a signature by itself', async () => {
    const [digest] = registry.platforms;
    const args = ['verify-signature', signatureOf(digest!), '--key', 'prod/public-key.asc'];
    const good = await run([...args, '--digest', digest!, '--identity', image(), '--output', 'json']);
    expect(good.code).toBe(EXIT.success);
    expect(good.json()[0]).toMatchObject({ accepted: true, rule: 'accepted', digest, reference: image() });
    const other = await run([...args, '--digest', registry.index, '--output', 'json']);
    expect(other.json()[0]).toMatchObject({ accepted: false, rule: 'digest' });
    const tag = await run([...args, '--digest', digest!, '--identity', 'quay.io/x:1', '--output', 'json']);
    expect(tag.json()[0]).toMatchObject({ accepted: false, rule: 'identity' });
    expect((await run(args)).err).toContain('expected either digest or manifest');
  });

  it('verifies signatures from JSON lines, in files or in the line', async () => {
    const [digest] = registry.platforms;
    const blob = (await readFile(folder.join(signatureOf(digest!)))).toString('base64');
    const key = (await readFile(folder.join('prod/public-key.asc'))).toString('base64');
    const lines = [
      { id: 1, blob: { base64: blob }, key: { base64: key }, digest },
      { id: 2, blob: signatureOf(digest!), key: ['prod/public-key.asc'], digest, time: '2001-01-01T00:00:00Z' },
      { id: 3, blob: { base64: blob.replace(/^.{4}/, 'AAAA') }, key: 'prod/public-key.asc', digest },
      { id: 4, blob: { base64: '%' }, key: 'prod/public-key.asc', digest },
      { id: 5, blob: 'none', key: 'prod/public-key.asc', digest },
      { id: 6, blob: signatureOf(digest!), key: { text: 'no key' }, digest },
    ];
    const { code, json } = await run(['verify-signature', '-'], lines.map((line) => JSON.stringify(line)).join('\n'));
    expect(code).toBe(EXIT.failure);
    expect(json().map(({ input, accepted, error }) => [input.id, accepted ?? error?.code])).toEqual([
      [1, true],
      [2, false],
      [3, false],
      [4, 'usage'],
      [5, 'usage'],
      [6, 'key-unusable'],
    ]);
  });

  it('evaluates policies on what need not exist', async () => {
    const [digest] = registry.platforms;
    const policy = { json: { default: [{ type: 'insecureAcceptAnything' }] } };
    const lines = [
      { id: 1, policy: 'policy.json', image: image(), digest, signatures: [signatureOf(digest!)] },
      { id: 2, policy: 'policy.json', image: image(), digest, registriesD: 'd' },
      { id: 3, policy: 'policy.json', image: image(), digest: registry.index, signatures: [signatureOf(digest!)] },
      { id: 4, policy: 'policy.json', image: 'quay.io/x:1', digest, signatures: [] },
      { id: 5, policy, image: 'quay.io/x:1', manifest: { text: '{}' }, signatures: [] },
      { id: 6, policy: { text: '{}' }, image: 'quay.io/x:1', digest, signatures: [] },
      { id: 7, policy, image: 'quay.io/x:1', digest, signatures: [{ text: '<html>' }] },
    ];
    const { json } = await run(['trust', 'evaluate', '-'], lines.map((line) => JSON.stringify(line)).join('\n'));
    expect(json().map(({ input, accepted, error }) => [input.id, accepted ?? error?.code])).toEqual([
      [1, true],
      [2, true],
      [3, false],
      [4, false],
      [5, true],
      [6, 'configuration-invalid'],
      [7, false],
    ]);
  });

  it('evaluates one case from options', async () => {
    const [digest] = registry.platforms;
    const args = ['trust', 'evaluate', image(), '--policy', 'policy.json', '--digest', digest!];
    expect((await run([...args, '--signature', signatureOf(digest!)])).out).toContain('✔ signature-1: made by');
    expect((await run(args)).out).toContain('no signature is there');
    expect((await run([...args, '--registries-d', 'd'])).code).toBe(EXIT.success);
  });
});
