import { readFile } from 'node:fs/promises';
import { quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import { MAX_SIGNATURES } from '../../workflows/domain/signature-path.ts';
import { SigningError, classifyBlob, readKeyRing, verifySignature } from '../signing/index.ts';
import type { KeyRing } from '../signing/index.ts';
import { matchIdentity } from './match-identity.ts';
import type { Policy, Requirement, RequirementList, SignedByRequirement } from './policy.ts';
import { scopesOf, withDefaultTag } from './scopes.ts';
import type { RequirementVerdict, SignatureVerdict, Verdict } from './verdict.ts';

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
}

/**
 * Decides as a reader with `policy` would about one manifest with these signatures. Never throws for what it is given:
 * unreadable keys, unknown formats and forged signatures are refusals that say why.
 */
export async function evaluatePolicy(
  policy: Policy,
  image: JudgedImage,
  untrustedSignatures: readonly Uint8Array[],
  options: EvaluationOptions,
): Promise<Verdict> {
  const reference = withDefaultTag(image.reference);
  const { scope, list } = requirementsFor(policy, reference);
  const unreadable = refuseWholeSet(untrustedSignatures);
  if (unreadable !== undefined) return { accepted: false, scope, requirements: [], ...unreadable };

  const evaluation = new Evaluation({ ...image, reference }, untrustedSignatures, options);
  const requirements: RequirementVerdict[] = [];
  for (const requirement of list) {
    const verdict = await evaluation.decide(requirement);
    requirements.push(verdict);
    if (!verdict.accepted) break;
  }
  const last = requirements.at(-1);
  return {
    accepted: requirements.every((requirement) => requirement.accepted),
    scope,
    requirements,
    signatures: evaluation.signatures(),
    reason: last?.reason ?? 'no requirement',
  };
}

/** The one list that counts: of the first scope that exists, else the transport's default, else the policy's. */
function requirementsFor(policy: Policy, reference: ImageReference): { scope: string; list: RequirementList } {
  const scopes = policy.transports.get('docker');
  for (const scope of scopes === undefined ? [] : [...scopesOf(reference), '']) {
    const list = scopes?.get(scope);
    if (list !== undefined) return { scope: scope === '' ? 'docker' : scope, list };
  }
  return { scope: 'default', list: policy.default };
}

/** Readers fail while they fetch the signatures when one of them has no known form, or when there are too many. */
function refuseWholeSet(blobs: readonly Uint8Array[]): Pick<Verdict, 'signatures' | 'reason'> | undefined {
  if (blobs.length > MAX_SIGNATURES) {
    return { signatures: [], reason: `${blobs.length} signatures; readers refuse more than ${MAX_SIGNATURES}` };
  }
  for (const [index, blob] of blobs.entries()) {
    try {
      classifyBlob(blob);
    } catch (error) {
      if (!(error instanceof SigningError)) throw error;
      const number = index + 1;
      return {
        signatures: [{ number, accepted: false, reason: error.message }],
        reason: `signature ${number}: ${error.message}`,
      };
    }
  }
  return undefined;
}

class Evaluation {
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
        return { type, ...(await this.#decideSignedBy(requirement)) };
    }
  }

  /** What was found out about each signature, in order. */
  signatures(): SignatureVerdict[] {
    return this.#blobs.map(
      (_, index) =>
        this.#signatures[index] ?? { number: index + 1, accepted: false, reason: 'no requirement asked for it' },
    );
  }

  async #decideSignedBy(requirement: SignedByRequirement): Promise<Omit<RequirementVerdict, 'type'>> {
    if (requirement.keyType !== 'GPGKeys') {
      return { accepted: false, reason: `key type ${requirement.keyType} is implemented by no reader` };
    }
    let keyRing: KeyRing;
    try {
      keyRing = await this.#readKeys(requirement);
    } catch (error) {
      return { accepted: false, reason: describe(error) };
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
    if (accepted.length > 0) return { accepted: true, reason: `signature ${accepted.join(', ')} accepted` };
    return { accepted: false, reason: refusals.length === 0 ? 'no signature is there' : refusals.join('; ') };
  }

  async #judgeSignature(
    blob: Uint8Array,
    { requirement, keyRing, number }: { requirement: SignedByRequirement; keyRing: KeyRing; number: number },
  ): Promise<SignatureVerdict> {
    try {
      const verified = await verifySignature(blob, keyRing, { now: this.#options.now });
      const { fingerprint } = verified;
      const refuse = (reason: string): SignatureVerdict => ({ number, accepted: false, reason, fingerprint });
      if (verified.digest !== this.#image.manifestDigest) return refuse(`it is for ${verified.digest}`);
      if (!matchIdentity(requirement.signedIdentity, this.#image.reference, verified.dockerReference)) {
        const asked = formatReference(this.#image.reference);
        return refuse(
          `it is for ${quote(verified.dockerReference)}, not for ${asked} (${requirement.signedIdentity.type})`,
        );
      }
      return { number, accepted: true, reason: `made by ${fingerprint}`, fingerprint };
    } catch (error) {
      if (!(error instanceof SigningError)) throw error;
      return { number, accepted: false, reason: error.message };
    }
  }

  async #readKeys({ keys }: SignedByRequirement): Promise<KeyRing> {
    if ('data' in keys) return await readKeyRing([{ name: 'keyData', bytes: keys.data }]);
    if (keys.paths.length === 0) throw new Error('the requirement names no key');
    const read = this.#options.readFile ?? ((path: string) => readFile(path));
    const files = keys.paths.map(async (name) => ({ name, bytes: await read(name) }));
    return await readKeyRing(await Promise.all(files));
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
