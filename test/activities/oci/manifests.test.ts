import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST, readImageTree } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry } from './fixture.ts';

const DIGEST = sha256(Buffer.from('x'));
const PART = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: DIGEST, size: 1 };
const IMAGE = { schemaVersion: 2, config: PART, layers: [PART] };
const INDEX = { schemaVersion: 2, manifests: [{ ...PART, mediaType: OCI_MANIFEST }] };
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

function store(registry: ScriptedRegistry, document: unknown, mediaType = OCI_MANIFEST): Digest {
  const bytes = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document));
  registry.manifests.set('dev/web:1', { bytes, mediaType });
  registry.manifests.set(`dev/web@${sha256(bytes)}`, { bytes, mediaType });
  return sha256(bytes);
}

describe('RegistryClient.resolve', () => {
  it('digests the bytes, whatever the header says', async () => {
    const registry = await startRegistry();
    const digest = store(registry, IMAGE);
    registry.on(/^GET/, ({ reply }) => {
      reply(200, { 'content-type': OCI_MANIFEST, 'docker-content-digest': DIGEST }, JSON.stringify(IMAGE));
    });
    expect(await openClient().resolve(reference(registry, 'dev/web:1'))).toBe(digest);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await openClient().resolve(reference(await startRegistry(), 'dev/web:1'))).toBeUndefined();
  });

  it('takes the digest of a reference that has a tag as well', async () => {
    const registry = await startRegistry();
    const digest = store(registry, IMAGE);
    expect(await openClient().resolve(reference(registry, `dev/web:other@${digest}`))).toBe(digest);
  });

  it('refuses a reference with neither tag nor digest, and asks nobody', async () => {
    const registry = await startRegistry();
    expect(await failureOf(openClient().resolve(reference(registry, 'dev/web')))).toMatchObject({
      code: 'reference-invalid',
    });
    expect(registry.requests).toEqual([]);
  });
});

describe('RegistryClient.fetchManifest', () => {
  it('returns the bytes as they are', async () => {
    const registry = await startRegistry();
    const text = JSON.stringify(IMAGE, null, 7);
    const digest = store(registry, text);
    expect(await openClient().fetchManifest(reference(registry, 'dev/web:1'))).toEqual({
      digest,
      mediaType: OCI_MANIFEST,
      bytes: Buffer.from(text),
    });
  });

  it('refuses another manifest than the one it asked for, each time', async () => {
    const registry = await startRegistry();
    const digest = store(registry, IMAGE);
    registry.on(/^GET/, async ({ round, reply, proceed }) => {
      if (round % 2 === 0) await proceed();
      else reply(200, { 'content-type': OCI_MANIFEST, 'docker-content-digest': digest }, `${JSON.stringify(IMAGE)} `);
    });
    const fetch = () => openClient().fetchManifest(reference(registry, `dev/web@${digest}`));
    for (let round = 0; round < 3; round++) {
      expect((await fetch()).digest).toBe(digest);
      expect(await failureOf(fetch())).toMatchObject({ code: 'content-mismatch' });
    }
  });

  it('verifies digests of other algorithms', async () => {
    const registry = await startRegistry();
    const bytes = Buffer.from(JSON.stringify(IMAGE));
    const wrong = `sha512:${'0'.repeat(128)}`;
    registry.manifests.set(`dev/web@${wrong}`, { bytes, mediaType: OCI_MANIFEST });
    expect(await failureOf(openClient().fetchManifest(reference(registry, `dev/web@${wrong}`)))).toMatchObject({
      code: 'content-mismatch',
    });
  });

  it('says that an image is unknown', async () => {
    expect(await failureOf(openClient().fetchManifest(reference(await startRegistry(), 'dev/web:1')))).toMatchObject({
      code: 'image-unknown',
    });
  });

  it('gives an endless body up soon', async () => {
    const registry = await startRegistry();
    let sent = 0;
    registry.on(/^GET/, async ({ response }) => {
      response.writeHead(200, { 'content-type': OCI_MANIFEST });
      while (!response.destroyed) {
        sent += 65_536;
        if (!response.write(Buffer.alloc(65_536, ' '))) await sleep(1);
      }
    });
    expect(await failureOf(openClient().fetchManifest(reference(registry, 'dev/web:1')))).toMatchObject({
      code: 'manifest-unsupported',
    });
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });

  it.each(['gzip', 'br', Array(2000).fill('gzip').join(',')])('refuses an encoded answer', async (encoding) => {
    const registry = await startRegistry();
    registry.on(/^GET/, ({ reply }) =>
      reply(200, { 'content-encoding': encoding, 'content-type': OCI_MANIFEST }, '{}'),
    );
    expect(await failureOf(openClient().fetchManifest(reference(registry, 'dev/web:1')))).toMatchObject({
      code: 'registry-refused',
    });
    expect(registry.requests.every(({ headers }) => headers['accept-encoding'] === undefined)).toBe(true);
  });

  it.each([
    ['an OCI image', IMAGE, OCI_MANIFEST, OCI_MANIFEST],
    ['a Docker image', { ...IMAGE, mediaType: DOCKER_MANIFEST }, DOCKER_MANIFEST, DOCKER_MANIFEST],
    ['an index', INDEX, OCI_INDEX, OCI_INDEX],
    ['a Content-Type with parameters', IMAGE, `${OCI_MANIFEST}; charset=utf-8`, OCI_MANIFEST],
    ['a generic Content-Type', { ...IMAGE, mediaType: DOCKER_MANIFEST }, 'application/json', DOCKER_MANIFEST],
    ['no type at all', INDEX, 'text/plain', OCI_INDEX],
  ])('reads %s', async (_, document, contentType, expected) => {
    const registry = await startRegistry();
    store(registry, document, contentType);
    expect((await openClient().fetchManifest(reference(registry, 'dev/web:1'))).mediaType).toBe(expected);
  });

  it.each([
    ['schema 1 by Content-Type', { schemaVersion: 1, fsLayers: [] }, SCHEMA_1],
    ['schema 1 by content', { schemaVersion: 1, fsLayers: [], history: [] }, OCI_MANIFEST],
    ['schema 1 in disguise', { ...IMAGE, fsLayers: [] }, OCI_MANIFEST],
    ['layers and manifests', { ...IMAGE, ...INDEX }, OCI_MANIFEST],
    ['config and manifests', { ...INDEX, config: PART }, OCI_INDEX],
    ['layers and folded Manifests', { ...IMAGE, Manifests: [] }, OCI_MANIFEST],
    ['layers with a long s', JSON.stringify(INDEX).replace('{', '{"layer\u017f":[],'), OCI_INDEX],
    ['layers twice', JSON.stringify(IMAGE).replace('{', '{"layers":[],'), OCI_MANIFEST],
    ['layers twice, once escaped', JSON.stringify(IMAGE).replace('{', '{"l\\u0061yers":[],'), OCI_MANIFEST],
    ['a mediaType that disagrees', { ...IMAGE, mediaType: DOCKER_MANIFEST }, OCI_MANIFEST],
    ['an index sold as an image', INDEX, OCI_MANIFEST],
    ['an image sold as an index', IMAGE, OCI_INDEX],
    ['a foreign mediaType', { ...IMAGE, mediaType: 'text/html' }, 'application/octet-stream'],
    ['a mediaType that is no text', { ...IMAGE, mediaType: 7 }, OCI_MANIFEST],
    ['no schemaVersion', { config: PART, layers: [] }, OCI_MANIFEST],
    ['neither layers nor manifests', { schemaVersion: 2 }, OCI_MANIFEST],
    ['a list', [IMAGE], OCI_MANIFEST],
    ['no JSON', '<html>', 'text/html'],
    ['a byte order mark', `\ufeff${JSON.stringify(IMAGE)}`, OCI_MANIFEST],
    ['a negative size', { ...IMAGE, layers: [{ ...PART, size: -1 }] }, OCI_MANIFEST],
    ['a size that is no whole number', { ...IMAGE, layers: [{ ...PART, size: 1.5 }] }, OCI_MANIFEST],
    ['a size beyond counting', { ...IMAGE, layers: [{ ...PART, size: 1e300 }] }, OCI_MANIFEST],
    ['a size as text', { ...IMAGE, layers: [{ ...PART, size: '1' }] }, OCI_MANIFEST],
    ['a digest twice', JSON.stringify(IMAGE).replace('"size":1', '"size":1,"Digest":"sha256:x"'), OCI_MANIFEST],
    ['layers that are no list', { ...IMAGE, layers: {} }, OCI_MANIFEST],
  ])('refuses %s', async (_, document, contentType) => {
    const registry = await startRegistry();
    store(registry, document, contentType);
    expect(await failureOf(openClient().fetchManifest(reference(registry, 'dev/web:1')))).toMatchObject({
      code: 'manifest-unsupported',
    });
  });
});

describe('a malformed digest', () => {
  const MALFORMED = [
    ...[
      'sha256:../../../../etc/passwd',
      'sha256:..',
      '../../x',
      '',
      'sha256:',
      'sha256',
      ':',
      `sha256:${'a'.repeat(63)}`,
    ],
    ...[`sha256:${'a'.repeat(65)}`, `sha256:${'A'.repeat(64)}`, `SHA256:${'a'.repeat(64)}`, `md5:${'a'.repeat(32)}`],
    ...[
      `sha256:${'a'.repeat(63)}\0`,
      `sha256:${'a'.repeat(61)}%2f`,
      `sha256:${'a'.repeat(63)}/`,
      `sha256:${'g'.repeat(64)}`,
    ],
    ...[
      ` sha256:${'a'.repeat(64)}`,
      `sha256:${'a'.repeat(64)}\n`,
      `sha256:${'a'.repeat(64)}?x=1`,
      `sha256+b64:${'a'.repeat(64)}`,
    ],
    ...[`__proto__:${'a'.repeat(64)}`, `constructor:${'a'.repeat(64)}`, 7, null, ['sha256:x'], { digest: DIGEST }],
  ];

  it.each(MALFORMED)('%j as layer, config or child leads to no request', async (digest) => {
    const registry = await startRegistry();
    const documents = [
      { ...IMAGE, layers: [PART, { ...PART, digest }] },
      { ...IMAGE, config: { ...PART, digest } },
      { ...INDEX, manifests: [...INDEX.manifests, { ...PART, mediaType: OCI_MANIFEST, digest }] },
    ];
    const client = openClient();
    for (const document of documents) {
      store(registry, document, 'manifests' in document ? OCI_INDEX : OCI_MANIFEST);
      expect(await failureOf(readImageTree(client, reference(registry, 'dev/web:1')))).toMatchObject({
        code: 'manifest-unsupported',
      });
    }
    expect(registry.requests.every(({ target }) => target === '/v2/dev/web/manifests/1')).toBe(true);
  });

  it.each(MALFORMED)('%j given to the client leads to no request', async (untrusted) => {
    const registry = await startRegistry();
    const [client, place, digest] = [openClient(), repository(registry, 'dev/web'), untrusted as Digest];
    const calls = [
      () => client.fetchManifest({ ...place, digest }),
      () => client.hasManifest(place, digest),
      () => client.blobExists(place, { digest, size: 1 }),
      () => client.readBlob(place, { digest, size: 1 }),
      () => client.streamBlob({ repository: place, blob: { digest, size: 1 }, take: () => undefined }),
      () => client.openUpload({ repository: place, blob: { digest, size: 1 } }),
    ];
    for (const call of calls) await failureOf(Promise.resolve().then<unknown>(call));
    expect(registry.requests).toEqual([]);
  });
});

describe('a malformed tag', () => {
  it.each(['', '../x', 'a/b', 'a?b', 'a%2fb', 'a#b', 'a b', '-a', '.a', 'a\n', 'a'.repeat(129)])(
    '%j leads to no request',
    async (tag) => {
      const registry = await startRegistry();
      const place = repository(registry, 'dev/web');
      expect(await failureOf(openClient().resolve({ ...place, tag }))).toMatchObject({ code: 'reference-invalid' });
      expect(await failureOf(openClient().deleteTag({ ...place, tag }))).toMatchObject({ code: 'reference-invalid' });
      expect(registry.requests).toEqual([]);
    },
  );
});

describe('RegistryClient.putManifest', () => {
  it('refuses bytes that have not the digest they are said to have', async () => {
    const registry = await startRegistry();
    const manifest = { digest: DIGEST, mediaType: OCI_MANIFEST, bytes: Buffer.from('{}') };
    const failure = await failureOf(openClient().putManifest(repository(registry, 'dev/web'), manifest));
    expect(failure).toMatchObject({ code: 'content-mismatch' });
    expect(registry.requests).toEqual([]);
  });

  it('is not repeated', async () => {
    const registry = await startRegistry();
    registry.on(/^PUT/, ({ reply }) => reply(503));
    const bytes = Buffer.from(JSON.stringify(IMAGE));
    const manifest = { digest: sha256(bytes), mediaType: OCI_MANIFEST, bytes };
    const failure = await failureOf(openClient().putManifest(repository(registry, 'dev/web'), manifest));
    expect(failure).toMatchObject({ code: 'registry-unavailable', status: 503 });
    expect(registry.requests).toHaveLength(1);
  });
});

describe('RegistryClient.deleteTag', () => {
  it('deletes the tag and not the manifest', async () => {
    const registry = await startRegistry();
    const image = await buildSampleImage({ layerBytes: 100 });
    registry.add('dev/web', image, '1');
    const client = openClient();
    expect(await client.deleteTag(reference(registry, 'dev/web:1'))).toBe('deleted');
    expect(await client.deleteTag(reference(registry, 'dev/web:1'))).toBe('absent');
    expect(registry.manifests.has(`dev/web@${image.digest}`)).toBe(true);
    expect(registry.log().filter((line) => line.startsWith('DELETE') && line.includes('sha256'))).toEqual([]);
  });

  it.each([400, 404, 405, 501])('says that it is not supported where the tag stays after a %i', async (status) => {
    const registry = await startRegistry();
    store(registry, IMAGE);
    registry.on(/^DELETE/, ({ reply }) => reply(status));
    expect(await openClient().deleteTag(reference(registry, 'dev/web:1'))).toBe('unsupported');
  });

  it('refuses to delete by digest, and asks nobody', async () => {
    const registry = await startRegistry();
    for (const name of [`dev/web@${DIGEST}`, `dev/web:1@${DIGEST}`, 'dev/web']) {
      expect(await failureOf(openClient().deleteTag(reference(registry, name)))).toMatchObject({
        code: 'reference-invalid',
      });
    }
    expect(registry.requests).toEqual([]);
  });
});
