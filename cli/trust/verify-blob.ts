import { SigningError, readKeyRing, verifySignature } from '../../activities/signing/index.ts';
import type { KeyRing } from '../../activities/signing/index.ts';
import { matchIdentity } from '../../activities/trust/index.ts';
import { quote } from '../../workflows/domain/digest.ts';
import { formatReference, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { readBytes, readBytesList, readDigest, readTime, refuseUnknown, textOf } from './given-material.ts';
import type { Material, MaterialReader } from './given-material.ts';
import { usageError } from '../failure.ts';

/** The verdict on one signature; the JSON of `verify-signature`. */
export interface VerifiedBlob {
  readonly accepted: boolean;
  /** `accepted`, or the rule that was broken: `bad-signature`, `unknown-signer`, `payload`, `digest`, `identity`, … */
  readonly rule: string;
  readonly reason: string;
  /** The rest only where the signature itself is good. */
  readonly fingerprint?: string;
  readonly digest?: string;
  readonly reference?: string;
  readonly created?: string;
  readonly creator?: string;
  readonly timestamp?: number;
}

/** The members of one line of `verify-signature -`. */
const MEMBERS = ['blob', 'key', 'digest', 'manifest', 'identity', 'time'];
const MAX_CACHED_RINGS = 256;

/** Verifies signatures, the key files of each read once. */
export class BlobVerifier {
  readonly #reader: MaterialReader;
  readonly #now: () => number;
  readonly #rings = new Map<string, Promise<KeyRing>>();

  constructor(reader: MaterialReader, now: () => number) {
    this.#reader = reader;
    this.#now = now;
  }

  /** @throws CliError for members that are missing or wrong, SigningError for a file that holds no key. */
  async verify(material: Material): Promise<VerifiedBlob> {
    refuseUnknown(material, MEMBERS);
    const blob = await readBytes(material['blob'], 'blob', this.#reader);
    if (blob === undefined) throw usageError('expected blob');
    if (material['key'] === undefined) throw usageError('expected key');
    const digest = await readDigest(material, this.#reader);
    const { identity } = material;
    const expected = identity === undefined ? undefined : parseReference(textOf(identity, 'identity'));
    const keyRing = await this.#keyRing(material['key']);
    return await judge(blob.bytes, { keyRing, now: readTime(material, this.#now()), digest, expected });
  }

  async #keyRing(key: unknown): Promise<KeyRing> {
    const name = JSON.stringify(key);
    const known = this.#rings.get(name);
    if (known !== undefined) return await known;
    const ring = readBytesList(key, 'key', this.#reader).then((files) => readKeyRing(files));
    if (this.#rings.size >= MAX_CACHED_RINGS) this.#rings.clear();
    this.#rings.set(name, ring);
    return await ring;
  }
}

async function judge(
  untrustedBlob: Uint8Array,
  wanted: {
    readonly keyRing: KeyRing;
    readonly now: Date;
    readonly digest: string;
    readonly expected: ImageReference | undefined;
  },
): Promise<VerifiedBlob> {
  try {
    const { now, expected } = wanted;
    const { dockerReference, created, digest, fingerprint, ...rest } = await verifySignature(
      untrustedBlob,
      wanted.keyRing,
      { now },
    );
    const facts = {
      fingerprint,
      digest,
      reference: dockerReference,
      created: created.toISOString(),
      ...optional(rest),
    };
    if (digest !== wanted.digest) {
      return { accepted: false, rule: 'digest', reason: `it is for ${digest}, not for ${wanted.digest}`, ...facts };
    }
    // As the standalone verification of skopeo: the same text after normalization, whatever has a tag and what not.
    if (expected !== undefined && !isSame(expected, dockerReference)) {
      const reason = `it is for ${quote(dockerReference)}, not for ${formatReference(expected)}`;
      return { accepted: false, rule: 'identity', reason, ...facts };
    }
    return { accepted: true, rule: 'accepted', reason: `made by ${fingerprint}`, ...facts };
  } catch (error) {
    if (!(error instanceof SigningError)) throw error;
    return { accepted: false, rule: error.reason, reason: error.message };
  }
}

function isSame(expected: ImageReference, claimed: string): boolean {
  const { tag, digest } = expected;
  if (tag !== undefined || digest !== undefined) return matchIdentity({ type: 'matchExact' }, expected, claimed);
  try {
    return formatReference(parseReference(claimed)) === formatReference(expected);
  } catch {
    return false;
  }
}

function optional({ creator, timestamp }: { creator?: string; timestamp?: number }): Partial<VerifiedBlob> {
  return { ...(creator !== undefined && { creator }), ...(timestamp !== undefined && { timestamp }) };
}
