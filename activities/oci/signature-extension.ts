/** The registry extension for signatures, as the OpenShift registry and Pulp have it: list, add, never delete. */
import { createHash, randomBytes } from 'node:crypto';
import { parseDigest, quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import { readBounded, refuseEncoding } from './answer.ts';
import { RegistryError } from './error.ts';
import type { RegistryAnswer, RegistryRequest, RegistrySession } from './session.ts';

/** Whose signatures, and where the registry is reached. */
export interface SignedManifest {
  readonly repository: Repository;
  readonly digest: Digest;
  /** The extension lies beside `/v2/`, not below it. */
  readonly origin: string;
}

/** A signature and the manifest it belongs to. */
export interface SignatureToAdd extends SignedManifest {
  readonly blob: Uint8Array;
}

const SCHEMA_VERSION = 2;
const TYPE = 'atomic';
/** Of a whole answer, as readers have it (containers/image `internal/iolimits`). */
const LIST_LIMIT = 4 * 1024 * 1024;
/** Hex digits behind the `@` of a name; Pulp insists on the number. */
const NAME_LENGTH = 32;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Tells whether the registry keeps signatures itself: readers then look there and nowhere else. */
export async function supportsSignatures(
  session: RegistrySession,
  { repository, origin }: Pick<SignedManifest, 'repository' | 'origin'>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const answer = await session.send({
    method: 'GET',
    repository,
    to: new URL('/v2/', origin),
    actions: 'pull',
    subject: `ask ${repository.domain} whether it keeps signatures`,
    accept: [200, 401],
    signal,
  });
  await answer.discard();
  return answer.header('x-registry-supports-signatures') === '1';
}

/**
 * The signatures that the registry has for a manifest, in its order. Nothing is verified, and no form is asked for.
 * @throws RegistryError `image-unknown` for a manifest that the registry does not know: it never means unsigned.
 */
export async function listSignatures(
  session: RegistrySession,
  manifest: SignedManifest,
  signal: AbortSignal | undefined,
): Promise<readonly Uint8Array[]> {
  const subject = `list signatures of ${nameOf(manifest)}`;
  const request: RegistryRequest = {
    method: 'GET',
    repository: manifest.repository,
    to: urlOf(manifest),
    actions: 'pull',
    headers: { accept: 'application/json' },
    subject,
    accept: [200],
    notFound: 'image-unknown',
    signal,
  };
  const answer = await session.send(request);
  await refuseEncoding(answer, subject);
  return parseList(await readList(session, request, answer), subject);
}

/**
 * Adds one signature, unless the same bytes are there. What it says is not looked at here, and Pulp takes signatures
 * over other manifests: check it before.
 * @throws RegistryError for every answer that is neither 201 nor means that the signature is there.
 */
export async function addSignature(
  session: RegistrySession,
  signature: SignatureToAdd,
  signal: AbortSignal | undefined,
): Promise<'added' | 'present'> {
  if (await isListed(session, signature, signal)) return 'present';
  // From the content, so that a repeated attempt whose first answer was lost meets its own name.
  const name = createHash('sha256').update(signature.blob).digest('hex').slice(0, NAME_LENGTH);
  const refusal = await tryPut(session, { ...signature, name }, signal);
  if (refusal === undefined) return 'added';
  // Pulp says 429 of what it does a moment later, and OpenShift 409 of content that somebody else has just added.
  const isThere = await isListed(session, signature, signal).catch((error: unknown) => {
    throw error instanceof RegistryError ? refusal : error;
  });
  if (isThere) return refusal.status === 409 ? 'present' : 'added';
  if (refusal.status !== 409) throw refusal;
  const otherName = randomBytes(NAME_LENGTH / 2).toString('hex');
  const again = await tryPut(session, { ...signature, name: otherName }, signal);
  if (again !== undefined) throw again;
  return 'added';
}

/** The error of an answer after which the signature may be there nevertheless; others are thrown. */
async function tryPut(
  session: RegistrySession,
  signature: SignatureToAdd & { readonly name: string },
  signal: AbortSignal | undefined,
): Promise<RegistryError | undefined> {
  try {
    await put(session, signature, signal);
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError && (error.status === 409 || error.code === 'rate-limited')) return error;
    throw error;
  }
}

async function isListed(
  session: RegistrySession,
  signature: SignatureToAdd,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const listed = await listSignatures(session, signature, signal);
  return listed.some((one) => Buffer.compare(one, signature.blob) === 0);
}

async function put(
  session: RegistrySession,
  { blob, name, ...manifest }: SignatureToAdd & { readonly name: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  const content = Buffer.from(blob).toString('base64');
  const body = { schemaVersion: SCHEMA_VERSION, name: `${manifest.digest}@${name}`, type: TYPE, content };
  const answer = await session.send({
    method: 'PUT',
    repository: manifest.repository,
    to: urlOf(manifest),
    actions: 'push',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
    subject: `add a signature of ${nameOf(manifest)}`,
    accept: [201],
    notFound: 'image-unknown',
    signal,
  });
  await answer.discard();
}

/** @throws RegistryError `reference-invalid`: both registries know sha256 only. */
function urlOf({ repository, digest, origin }: SignedManifest): URL {
  if (!parseDigest(digest).startsWith('sha256:')) {
    const message = `signatures of ${quote(digest)}: expected a sha256 digest; the registry extension has no others`;
    throw new RegistryError('reference-invalid', message);
  }
  return new URL(`/extensions/v2/${repository.path}/signatures/${digest}`, origin);
}

function nameOf({ repository, digest }: SignedManifest): string {
  return `${formatRepository(repository)}@${digest}`;
}

async function readList(session: RegistrySession, request: RegistryRequest, answer: RegistryAnswer): Promise<string> {
  const bytes = await readBounded(answer, LIST_LIMIT).catch((error: unknown) => {
    throw session.translate(error, request, answer);
  });
  if (bytes !== undefined) return bytes.toString('utf8');
  throw refused(request.subject, `received more than ${LIST_LIMIT} bytes; readers refuse that`);
}

/** As strict as readers: one entry of another shape spoils the list, one of another version or type is passed over. */
function parseList(text: string, subject: string): Uint8Array[] {
  const { signatures } = asObject(parseJson(text, subject), subject);
  if (signatures === undefined || signatures === null) return [];
  if (!Array.isArray(signatures)) throw refused(subject, '"signatures" is no list');
  return signatures.flatMap((untrusted: unknown) => {
    const { schemaVersion, type, content } = asObject(untrusted ?? {}, subject);
    if (!isAbsent(schemaVersion) && !Number.isInteger(schemaVersion)) throw refused(subject, 'a version is no number');
    if (!isAbsent(type) && typeof type !== 'string') throw refused(subject, 'a type is no text');
    const blob = decode(content, subject);
    return schemaVersion === SCHEMA_VERSION && type === TYPE ? [blob] : [];
  });
}

function parseJson(text: string, subject: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused(subject, 'received no JSON');
  }
}

function asObject(value: unknown, subject: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(subject, 'expected an object');
  return value as Readonly<Record<string, unknown>>;
}

function decode(content: unknown, subject: string): Uint8Array {
  if (isAbsent(content)) return new Uint8Array();
  // Line breaks are allowed inside; everything else that is no base64 Buffer.from would pass over in silence.
  const compact = typeof content === 'string' ? content.replaceAll(/[\r\n]/g, '') : '!';
  if (!BASE64.test(compact)) throw refused(subject, 'a content is no base64');
  return Buffer.from(compact, 'base64');
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function refused(subject: string, why: string): RegistryError {
  return new RegistryError('registry-refused', `${subject}: ${why}`);
}
