import { readFile } from 'node:fs/promises';
import { quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { SigningError, classifyBlob, importKeyRing, verifySignature } from '../signing/index.ts';
import type { KeyRing } from '../signing/index.ts';
import { matchIdentity, wantedIdentity } from './match-identity.ts';
import type { Requirement, SignedByRequirement } from './policy.ts';
import type { RequirementVerdict, SignatureVerdict } from './verdict.ts';

/** The image a policy is asked about. */
export interface JudgedImage {
  /** As the user asked for it, not a mirror's. */
  readonly reference: ImageReference;
  /** sha256 of the manifest at hand: of the platform's, not of its index. */
  readonly manifestDigest: Digest;
  readonly transport?: 'docker';
}

/** What an evaluation needs of the world. */
export interface EvaluationOptions {
  readonly now: Date;
  /** Reads a key file; from disk, with paths as the policy writes them, unless given. */
  readonly readFile?: (path: string) => Promise<Uint8Array>;
  /** Readers refuse a larger set as a whole; 127 unless given, the number for a store. */
  readonly maxSignatures?: number;
}

/** One image under evaluation: what is found out about its signatures is kept over all requirements. */
export class Evaluation {
  readonly #image: JudgedImage;
  readonly #blobs: readonly Uint8Array[];
  readonly #options: EvaluationOptions;
  readonly #signatures: (SignatureVerdict | undefined)[] = [];

  constructor(image: JudgedImage, blobs: readonly Uint8Array[], options: EvaluationOptions) {
    this.#image = image;
    this.#blobs = blobs;
    this.#options = options;
  }

  async decide(requirement: Requirement): Promise<RequirementVerdict> {
    const { type } = requirement;
    switch (type) {
      case 'insecureAcceptAnything':
        return { type, accepted: true, reason: 'the policy accepts anything here' };
      case 'reject':
        return { type, accepted: false, reason: 'the policy rejects every image here' };
      case 'signedBaseLayer':
        return { type, accepted: false, reason: 'signedBaseLayer is implemented by no reader and always rejects' };
      case 'sigstoreSigned':
        return { type, accepted: false, reason: 'sigstore signatures are not evaluated here, so they do not count' };
      case 'signedBy':
        return await this.#decideSignedBy(requirement).then(({ accepted, reason }) => ({ type, accepted, reason }));
    }
  }

  /** What was found out about each signature, in order. */
  signatures(): SignatureVerdict[] {
    return this.#blobs.map(
      (_, index) =>
        this.#signatures[index] ?? { number: index + 1, accepted: false, reason: 'no requirement asked for it' },
    );
  }

  /** The numbers of the signatures that a requirement accepts. */
  async acceptedBy(requirement: SignedByRequirement): Promise<readonly number[]> {
    return (await this.#decideSignedBy(requirement)).numbers;
  }

  async #decideSignedBy(requirement: SignedByRequirement): Promise<Decision> {
    if (requirement.keyType !== 'GPGKeys') {
      return { accepted: false, reason: `key type ${requirement.keyType} is implemented by no reader`, numbers: [] };
    }
    let keyRing: KeyRing;
    try {
      keyRing = await this.#readKeys(requirement);
    } catch (error) {
      return { accepted: false, reason: describe(error), numbers: [] };
    }
    const accepted: number[] = [];
    const refusals: string[] = [];
    for (const [index, blob] of this.#blobs.entries()) {
      if (classifyBlob(blob).kind !== 'simple-signing') continue;
      const verdict = await this.#judgeSignature(blob, { requirement, keyRing, number: index + 1 });
      if (verdict.accepted) accepted.push(verdict.number);
      else refusals.push(`signature ${verdict.number}: ${verdict.reason}`);
      if (this.#signatures[index]?.accepted !== true) this.#signatures[index] = verdict;
    }
    if (accepted.length > 0) {
      return { accepted: true, reason: `signature ${accepted.join(', ')} accepted`, numbers: accepted };
    }
    const reason = refusals.length === 0 ? 'no signature is there' : refusals.join('; ');
    return { accepted: false, reason, numbers: [] };
  }

  async #judgeSignature(
    blob: Uint8Array,
    { requirement, keyRing, number }: { requirement: SignedByRequirement; keyRing: KeyRing; number: number },
  ): Promise<SignatureVerdict> {
    try {
      const verified = await verifySignature(blob, keyRing, { now: this.#options.now });
      const { fingerprint, dockerReference } = verified;
      const known = { number, fingerprint, dockerReference };
      const refuse = (reason: string): SignatureVerdict => ({ ...known, accepted: false, reason });
      if (verified.digest !== this.#image.manifestDigest) return refuse(`it is for ${verified.digest}`);
      if (!matchIdentity(requirement.signedIdentity, this.#image.reference, verified.dockerReference)) {
        const asked = wantedIdentity(requirement.signedIdentity, this.#image.reference);
        return refuse(
          `it is for ${quote(verified.dockerReference)}, not for ${asked} (${requirement.signedIdentity.type})`,
        );
      }
      return { ...known, accepted: true, reason: `made by ${fingerprint}` };
    } catch (error) {
      if (!(error instanceof SigningError)) throw error;
      return { number, accepted: false, reason: error.message };
    }
  }

  async #readKeys({ keys }: SignedByRequirement): Promise<KeyRing> {
    const read = this.#options.readFile ?? ((path: string) => readFile(path));
    const files = 'data' in keys ? [keys.data] : await Promise.all(keys.paths.map((path) => read(path)));
    const ring = importKeyRing(files, { now: this.#options.now });
    if (ring.keys.length > 0) return ring;
    const names = 'data' in keys ? 'keyData' : keys.paths.map(quote).join(', ');
    throw new Error(names === '' ? 'the requirement names no key' : `no public key is in ${names}`);
  }
}

interface Decision extends Omit<RequirementVerdict, 'type'> {
  readonly numbers: readonly number[];
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
