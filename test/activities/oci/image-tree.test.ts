import { describe, expect, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST, readImageTree } from '../../../activities/oci/index.ts';
import type { ImageTree } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, startRegistry } from './fixture.ts';

interface Child {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Stores a document and returns its descriptor. */
function store(registry: ScriptedRegistry, document: Record<string, unknown>, mediaType: string): Child {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
  registry.manifests.set(`dev/web@${sha256(bytes)}`, { bytes, mediaType });
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

function storeImage(registry: ScriptedRegistry, name: string): Child {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(Buffer.from(name)), size: 1 };
  return store(registry, { config, layers: [] }, OCI_MANIFEST);
}

function storeIndex(registry: ScriptedRegistry, manifests: readonly unknown[]): Child {
  return store(registry, { manifests }, OCI_INDEX);
}

function read(registry: ScriptedRegistry, digest: Digest): Promise<ImageTree> {
  return readImageTree(openClient(), reference(registry, `dev/web@${digest}`));
}

describe('readImageTree', () => {
  it('lists every manifest once, children before parents, with platforms and blobs', async () => {
    const registry = await startRegistry();
    const platforms = ['linux/amd64', 'linux/arm64/v8', 'windows/amd64'];
    const image = await buildSampleImage({ nested: true, platforms, layerBytes: 100 });
    registry.add('dev/web', image, '1');
    const tree = await readImageTree(openClient(), reference(registry, 'dev/web:1'));
    expect(tree.root.digest).toBe(image.digest);
    expect(tree.manifests.map(({ digest, kind, platform, depth }) => [digest, kind, platform, depth])).toEqual([
      [image.manifests[0]!.digest, 'image', 'linux/amd64', 1],
      [image.manifests[1]!.digest, 'image', 'linux/arm64/v8', 2],
      [image.manifests[2]!.digest, 'image', 'windows/amd64', 2],
      [image.everyManifest[3]!.digest, 'index', undefined, 1],
      [image.digest, 'index', undefined, 0],
    ]);
    for (const { bytes, digest } of image.everyManifest) {
      expect(tree.manifests.find((node) => node.digest === digest)?.bytes).toEqual(bytes);
    }
    const blobs = tree.manifests.flatMap((node) => node.blobs);
    expect(new Set(blobs.map(({ digest }) => digest))).toEqual(new Set(image.blobs.keys()));
    expect(blobs.every(({ digest, size }) => image.blobs.get(digest)?.length === size)).toBe(true);
  });

  it('fetches a manifest that is in several indexes once', async () => {
    const registry = await startRegistry();
    const shared = storeImage(registry, 'shared');
    const [one, other] = [storeIndex(registry, [shared]), storeIndex(registry, [shared, storeImage(registry, 'own')])];
    const root = storeIndex(registry, [one, shared, other, shared]);
    const tree = await read(registry, root.digest);
    expect(tree.manifests.at(-1)?.digest).toBe(root.digest);
    expect(tree.manifests).toHaveLength(5);
    expect(registry.log().filter((line) => line.includes(shared.digest))).toHaveLength(1);
  });

  it('goes four indexes deep and no further', async () => {
    const registry = await startRegistry();
    let top = storeImage(registry, 'leaf');
    for (let depth = 0; depth < 4; depth++) top = storeIndex(registry, [top]);
    expect((await read(registry, top.digest)).manifests).toHaveLength(5);
    const failure = await failureOf(read(registry, storeIndex(registry, [top]).digest));
    expect(failure).toMatchObject({ code: 'manifest-unsupported' });
  });

  it('refuses more than a thousand manifests before it fetches any of them', async () => {
    const registry = await startRegistry();
    const children = Array.from({ length: 1000 }, (_, number) => ({
      mediaType: OCI_MANIFEST,
      digest: sha256(Buffer.from(String(number))),
      size: 1,
    }));
    const failure = await failureOf(read(registry, storeIndex(registry, children).digest));
    expect(failure).toMatchObject({ code: 'manifest-unsupported' });
    expect(registry.requests).toHaveLength(1);
  });

  it.each([
    ['another size', (child: Child) => ({ ...child, size: child.size + 1 }), 'content-mismatch'],
    ['another type', (child: Child) => ({ ...child, mediaType: OCI_INDEX }), 'manifest-unsupported'],
    ['a type that is no manifest', (child: Child) => ({ ...child, mediaType: 'text/html' }), 'manifest-unsupported'],
  ])('refuses a child of which the index says %s', async (_, change, code) => {
    const registry = await startRegistry();
    const root = storeIndex(registry, [change(storeImage(registry, 'leaf'))]);
    expect(await failureOf(read(registry, root.digest))).toMatchObject({ code });
  });

  it('refuses an index that says two sizes of one child', async () => {
    const registry = await startRegistry();
    const leaf = storeImage(registry, 'leaf');
    const inner = storeIndex(registry, [{ ...leaf, size: leaf.size + 1 }]);
    const root = storeIndex(registry, [leaf, inner]);
    expect(await failureOf(read(registry, root.digest))).toMatchObject({ code: 'content-mismatch' });
  });

  it('says which child is missing', async () => {
    const registry = await startRegistry();
    const leaf = storeImage(registry, 'leaf');
    const root = storeIndex(registry, [leaf]);
    registry.manifests.delete(`dev/web@${leaf.digest}`);
    const failure = await failureOf(read(registry, root.digest));
    expect(failure).toMatchObject({ code: 'image-unknown' });
    expect(failure.message).toContain(leaf.digest);
  });
});
