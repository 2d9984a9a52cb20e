import { createHash } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseDockerConfig } from '../../../activities/oci/index.ts';
import type { RegistryClient } from '../../../activities/oci/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { startOpenShiftRegistry } from '../../support/openshift-signatures.ts';
import type { OpenShiftRegistry } from '../../support/openshift-signatures.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { SampleImage } from '../../support/sample-image.ts';
import { failureOf, openClient, repository, startRegistry } from './fixture.ts';

const BLOB = Buffer.from('a signature');
let image: SampleImage;
let registry: OpenShiftRegistry;
let client: RegistryClient;

beforeAll(async () => {
  image = await buildSampleImage({ layers: 1, layerBytes: 64 });
});
beforeEach(async () => {
  registry = await startOpenShiftRegistry();
  registry.add('acme/web', image, '1');
  client = openClient();
});
afterEach(() => registry.stop());

const at = () => repository(registry, 'acme/web');
const signaturePath = () => `/extensions/v2/acme/web/signatures/${image.digest}`;
const entry = (fields: object = {}) => ({
  schemaVersion: 2,
  type: 'atomic',
  name: 'x@y',
  content: BLOB.toString('base64'),
  ...fields,
});
/** Lets the registry list exactly this. */
function answerList(body: string, status = 200, headers: Record<string, string> = {}): void {
  registry.on(/^GET \/extensions\//, ({ reply }) => reply(status, headers, body));
}
const list = () => client.listSignatures(at(), image.digest);
const add = (blob = BLOB) => client.addSignature(at(), { digest: image.digest, blob });
const put = (body: unknown) =>
  fetch(`${registry.origin}${signaturePath()}`, {
    method: 'PUT',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('supportsSignatures', () => {
  it.each([
    ['1', true],
    ['2', false],
    ['true', false],
    ['1, 1', false],
    ['', false],
  ])('takes the header %j for %s', async (value, expected) => {
    registry.on(/^GET \/v2\/$/, ({ reply }) => reply(200, { 'x-registry-supports-signatures': value }));
    expect(await client.supportsSignatures(at())).toBe(expected);
  });

  it('reads the header of a 401, with and without credentials', async () => {
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    const guarded = await startOpenShiftRegistry({ authorization });
    try {
      const there = repository(guarded, 'acme/web');
      expect(await client.supportsSignatures(there)).toBe(true);
      const auth = Buffer.from('ann:secret').toString('base64');
      const own = openClient({
        credentials: parseDockerConfig(JSON.stringify({ auths: { [guarded.host]: { auth } } }), 'c'),
      });
      expect(await own.supportsSignatures(there)).toBe(true);
      expect(guarded.requests.map(({ target }) => target)).toEqual(['/v2/', '/v2/', '/v2/']);
    } finally {
      await guarded.stop();
    }
  });

  it('does not guess where the answer is neither 200 nor 401', async () => {
    for (const status of [403, 404, 500]) {
      registry.on(/^GET \/v2\/$/, ({ reply }) => reply(status, { 'x-registry-supports-signatures': '1' }));
      const { status: told } = await failureOf(client.supportsSignatures(at()));
      expect(told).toBe(status);
    }
  });

  it('is false for a registry that has never heard of it', async () => {
    const plain = await startRegistry();
    plain.on(/^GET \/v2\/$/, ({ reply }) => reply(200, {}, '{}'));
    expect(await client.supportsSignatures(repository(plain, 'acme/web'))).toBe(false);
  });
});

describe('listSignatures', () => {
  it('asks for the digest beside /v2/', async () => {
    expect(await list()).toEqual([]);
    expect(registry.log()).toEqual([`GET ${signaturePath()}`]);
  });

  it.each([
    ['an empty list', { signatures: [] }],
    ['no list', {}],
    ['null', { signatures: null }],
    ['only entries of other versions and types', { signatures: [entry({ schemaVersion: 1 }), entry({ type: '' })] }],
    ['the default type of OpenShift', { signatures: [entry({ type: 'AtomicImageV1' })] }],
    ['entries without members', { signatures: [{}, null] }],
  ])('finds an image unsigned by %s', async (_, body) => {
    answerList(JSON.stringify(body));
    expect(await list()).toEqual([]);
  });

  it('keeps the order, unknown members and any first byte', async () => {
    const blobs = [Buffer.from('-----BEGIN PGP MESSAGE-----'), Buffer.alloc(0), Buffer.from([0, 1, 2])];
    const signatures = blobs.map((blob) => entry({ content: blob.toString('base64'), more: { x: 1 } }));
    answerList(JSON.stringify({ signatures, cursor: null }));
    expect((await list()).map((blob) => Buffer.from(blob))).toEqual(blobs);
  });

  it('reads base64 with line breaks inside', async () => {
    answerList(
      JSON.stringify({
        signatures: [
          entry({ content: `${BLOB.toString('base64').slice(0, 4)}\r\n${BLOB.toString('base64').slice(4)}` }),
        ],
      }),
    );
    expect((await list()).map((blob) => Buffer.from(blob))).toEqual([BLOB]);
  });

  it.each([
    ['a page', '<html></html>'],
    ['a list alone', '[]'],
    ['a text', '"signatures"'],
    ['an object for the list', '{"signatures":{}}'],
    ['an entry that is a text', '{"signatures":["x"]}'],
    ['a version that is a text', JSON.stringify({ signatures: [entry({ schemaVersion: '2' })] })],
    ['a type that is a number', JSON.stringify({ signatures: [entry({ type: 1 })] })],
    ['content that is no base64', JSON.stringify({ signatures: [entry({ content: 'a b=' })] })],
    ['url-safe base64', JSON.stringify({ signatures: [entry({ content: '__8=' })] })],
    ['base64 without padding', JSON.stringify({ signatures: [entry({ content: 'YQ' })] })],
    [
      'bad content of an entry that would not count',
      JSON.stringify({ signatures: [entry({ type: 'x', content: '!' })] }),
    ],
  ])('refuses %s', async (_, body) => {
    answerList(body);
    expect((await failureOf(list())).code).toBe('registry-refused');
  });

  it('reads at most 4 MiB', async () => {
    const around = JSON.stringify({ signatures: [], pad: '' }).length;
    answerList(JSON.stringify({ signatures: [], pad: 'x'.repeat(4 * 1024 * 1024 - around) }));
    expect(await list()).toEqual([]);
    answerList(JSON.stringify({ signatures: [], pad: 'x'.repeat(4 * 1024 * 1024 - around + 1) }));
    expect((await failureOf(list())).message).toContain('more than 4194304 bytes');
  });

  it('refuses an encoded answer', async () => {
    answerList('{}', 200, { 'content-encoding': 'gzip' });
    expect((await failureOf(list())).code).toBe('registry-refused');
  });

  it('takes 404 and every other status for an error, never for unsigned', async () => {
    const unknown = parseDigest(`sha256:${'0'.repeat(64)}`);
    expect(await failureOf(client.listSignatures(at(), unknown))).toMatchObject({ code: 'image-unknown', status: 404 });
    for (const status of [204, 400, 403, 410]) {
      answerList('', status);
      expect((await failureOf(list())).status).toBe(status);
    }
  });

  it('sends no digest of another algorithm', async () => {
    const digest = parseDigest(`sha512:${'0'.repeat(128)}`);
    expect((await failureOf(client.listSignatures(at(), digest))).code).toBe('reference-invalid');
    expect(registry.log()).toEqual([]);
  });
});

describe('addSignature', () => {
  it('looks, puts one object, and is accepted by 201 alone', async () => {
    expect(await add()).toBe('added');
    expect(registry.log()).toEqual([`GET ${signaturePath()}`, `PUT ${signaturePath()}`]);
    const [stored] = registry.signatures.get(image.digest) ?? [];
    const id = createHash('sha256').update(BLOB).digest('hex').slice(0, 32);
    expect(stored).toEqual({ name: `${image.digest}@${id}`, type: 'atomic', content: BLOB });
    expect((await list()).map((blob) => Buffer.from(blob))).toEqual([BLOB]);
    for (const status of [200, 202, 204]) {
      registry.on(/^PUT \/extensions\//, ({ reply }) => reply(status));
      expect((await failureOf(add(Buffer.from(`other ${status}`)))).status).toBe(status);
    }
  });

  it('sends nothing that is there byte for byte', async () => {
    await add();
    expect(await add()).toBe('present');
    expect(registry.log().filter((line) => line.startsWith('PUT'))).toHaveLength(1);
    expect(await add(Buffer.from('a second signature'))).toBe('added');
    expect(registry.signatures.get(image.digest)).toHaveLength(2);
  });

  it('adds one and the same signature once, however many add it at once', async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => add()));
    expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(1);
    expect(registry.signatures.get(image.digest)).toHaveLength(1);
  });

  it('takes another name where somebody else has taken ours', async () => {
    const id = createHash('sha256').update(BLOB).digest('hex').slice(0, 32);
    registry.signatures.set(image.digest, [
      { name: `${image.digest}@${id}`, type: 'atomic', content: Buffer.from('squatter') },
    ]);
    expect(await add()).toBe('added');
    const names = registry.signatures.get(image.digest)?.map(({ name }) => name) ?? [];
    expect(new Set(names).size).toBe(2);
    expect(names[1]).toMatch(new RegExp(`^${image.digest}@[0-9a-f]{32}$`));
  });

  it('gives up where every name is taken', async () => {
    registry.on(/^PUT \/extensions\//, ({ reply }) => reply(409, {}, '{"errors":[{"code":"SIGNATURE_EXISTS"}]}'));
    const error = await failureOf(add());
    expect(error).toMatchObject({ status: 409, registryCodes: ['SIGNATURE_EXISTS'] });
    expect(registry.log().filter((line) => line.startsWith('PUT'))).toHaveLength(2);
  });

  it('adds it once where a busy registry has taken it after all', async () => {
    registry.on(/^PUT \/extensions\//, async ({ reply, round, proceed }) => {
      if (round > 0) {
        await proceed();
        return;
      }
      registry.signatures.set(image.digest, [{ name: 'x@y', type: 'atomic', content: BLOB }]);
      reply(429, { 'retry-after': '0' });
    });
    await add();
    expect(registry.signatures.get(image.digest)).toHaveLength(1);
  });

  it('says that the registry is busy where it has not', async () => {
    registry.on(/^PUT \/extensions\//, ({ reply }) => reply(429, { 'retry-after': '86400' }));
    expect((await failureOf(add())).code).toBe('rate-limited');
  });

  it('tells refusals with the codes of the registry', async () => {
    const unknown = parseDigest(`sha256:${'0'.repeat(64)}`);
    registry.on(/^GET \/extensions\//, ({ reply }) => reply(200, {}, '{}'));
    const missing = await failureOf(client.addSignature(at(), { digest: unknown, blob: BLOB }));
    expect(missing).toMatchObject({ code: 'image-unknown', status: 404 });
    registry.on(/^PUT \/extensions\//, ({ reply }) => reply(400, {}, '{"errors":[{"code":"SIGNATURE_INVALID"}]}'));
    expect((await failureOf(add())).message).toContain('status 400 SIGNATURE_INVALID');
    registry.on(/^PUT \/extensions\//, ({ reply }) => reply(401));
    expect((await failureOf(add())).code).toBe('access-denied');
  });
});

describe('the loopback registry of OpenShift', () => {
  it.each([
    ['no JSON', 'nothing'],
    ['the member that a published page prints', { ...entry(), schemaVersion: undefined, version: 2 }],
    ['schema version 1', entry({ schemaVersion: 1 })],
    ['no @ in the name', entry({ name: 'x' })],
    ['two @ in the name', entry({ name: 'x@y@z' })],
    ['an empty side of the name', entry({ name: '@y' })],
    ['a slash in the name', entry({ name: 'x@y/z' })],
  ])('answers 400 to %s', async (_, body) => {
    expect((await put(body)).status).toBe(400);
  });

  it('knows images, names and types', async () => {
    const name = (id: string) => `${image.digest}@${id}`;
    expect((await put(entry({ name: `sha256:${'0'.repeat(64)}@x` }))).status).toBe(404);
    expect((await put(entry({ name: name('a'), type: '' }))).status).toBe(201);
    expect(await list()).toEqual([]);
    expect((await put(entry({ name: name('a') }))).status).toBe(409);
    expect((await put(entry({ name: name('b') }))).status).toBe(201);
    expect((await put(entry({ name: name('c') }))).status).toBe(409);
  });
});
