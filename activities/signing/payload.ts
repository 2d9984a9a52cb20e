import { isDigest, quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { signatureInvalid } from './error.ts';
import { JsonError, describeJson, exactMembers, hasUnreadableNumber, objectMembers, parseJson } from './json.ts';
import type { JsonValue } from './json.ts';

/** What an atomic container signature says. */
export interface Payload {
  /** Digest of the manifest. */
  readonly digest: Digest;
  /** The image's identity; any text, matched later. */
  readonly dockerReference: string;
  /** The program that made the signature. */
  readonly creator?: string;
  /** Seconds since 1970, as the signer claims. */
  readonly timestamp?: number;
}

const TYPE = 'atomic container signature';
const TWO_TO_63 = 2 ** 63;
/** Unknown members may hold anything; this many values take a few megabytes, and a signature of ours has nine. */
const MAX_VALUES = 20_000;

/**
 * Parses a payload exactly as strictly as the reference implementation (containers/image `signature/simple.go`).
 * @throws SigningError `signature-invalid`, reason `payload`.
 */
export function parsePayload(bytes: Uint8Array): Payload {
  try {
    const top = exactMembers(parseJson(bytes, { maxValues: MAX_VALUES }), 'payload', {
      required: ['critical', 'optional'],
    });
    const critical = exactMembers(top.get('critical'), 'critical', { required: ['type', 'image', 'identity'] });
    const image = exactMembers(critical.get('image'), 'critical.image', { required: ['docker-manifest-digest'] });
    const identity = exactMembers(critical.get('identity'), 'critical.identity', { required: ['docker-reference'] });
    const type = text(critical.get('type'), 'critical.type');
    if (type !== TYPE) throw new JsonError(`critical.type: expected "${TYPE}", received ${quote(type)}`);
    const digest = text(image.get('docker-manifest-digest'), 'docker-manifest-digest');
    if (!isDigest(digest)) throw new JsonError(`docker-manifest-digest: ${quote(digest)} is not a digest`);
    return {
      digest,
      dockerReference: textOrNull(identity.get('docker-reference'), 'docker-reference'),
      ...parseOptional(top.get('optional')),
    };
  } catch (cause) {
    if (cause instanceof JsonError)
      throw signatureInvalid('payload', `signature payload refused: ${cause.message}`, cause);
    throw cause;
  }
}

/** The bytes that the reference implementation would write for `payload`. */
export function writePayload(payload: Payload): Uint8Array {
  const json = JSON.stringify({
    critical: {
      identity: { 'docker-reference': payload.dockerReference },
      image: { 'docker-manifest-digest': payload.digest },
      type: TYPE,
    },
    optional: {
      ...(payload.creator !== undefined && { creator: payload.creator }),
      ...(payload.timestamp !== undefined && { timestamp: payload.timestamp }),
    },
  });
  const escaped = json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return new TextEncoder().encode(escaped);
}

function parseOptional(value: JsonValue | undefined): Pick<Payload, 'creator' | 'timestamp'> {
  const members = objectMembers(value, 'optional');
  const creator = members.get('creator');
  const timestamp = members.get('timestamp');
  for (const [name, member] of members) {
    if (hasUnreadableNumber(member)) throw new JsonError(`optional.${name}: a number out of range`);
  }
  return {
    ...(creator !== undefined && { creator: textOrNull(creator, 'optional.creator') }),
    ...(timestamp !== undefined && { timestamp: timestamp.kind === 'null' ? 0 : seconds(timestamp) }),
  };
}

function seconds(value: JsonValue): number {
  const fits = value.kind === 'number' && Number.isInteger(value.value);
  if (!fits || value.value < -TWO_TO_63 || value.value >= TWO_TO_63) {
    throw new JsonError('optional.timestamp: expected a whole number of seconds');
  }
  return value.value === 0 ? 0 : value.value;
}

/** The reference decodes null as nothing: the empty text here, 0 for a number. */
function textOrNull(value: JsonValue | undefined, where: string): string {
  return value?.kind === 'null' ? '' : text(value, where);
}

function text(value: JsonValue | undefined, where: string): string {
  if (value?.kind !== 'string') throw new JsonError(`${where}: expected a string, received ${describeJson(value)}`);
  return value.value;
}
