import type { RegistryClient } from '../../activities/oci/index.ts';
import { checkServedByAll, expectSignatures } from '../../activities/signature-server/index.ts';
import type { ExpectedSignature, Replica } from '../../activities/signature-server/index.ts';
import { verifySignature } from '../../activities/signing/index.ts';
import type { KeyRing } from '../../activities/signing/index.ts';
import { generatePolicy, judgeImage, parsePolicy, readLookaside } from '../../activities/trust/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { SignedImage } from '../publishing/image-manifests.ts';
import type { OfferedSignature } from '../publishing/offered-signatures.ts';

/** Where signatures are served, and what a cluster there trusts. */
export interface ConfirmationPlace {
  readonly client: RegistryClient;
  readonly servedAt: string;
  readonly resolveReplicas: (signal: AbortSignal) => Promise<readonly Replica[]>;
  readonly keys: KeyRing;
  /** Files of the same keys. */
  readonly keyFiles: readonly string[];
  /** The registry prefix that the policy is for. */
  readonly registry: string;
  /** Authorities that vouch for the signature servers, in PEM, instead of the system's. */
  readonly ca?: string;
}

/** What is looked for. */
export interface LookWish {
  readonly image: SignedImage;
  readonly offered?: readonly OfferedSignature[];
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** What one look has found. */
export interface Look {
  /** `refused` may pass when other signatures come; `refused-for-good` cannot: what was to come has come. */
  readonly state: 'accepted' | 'not-served' | 'refused' | 'refused-for-good';
  readonly reason: string;
  readonly replicas: readonly string[];
}

/**
 * One look at the address that clusters use and at every replica, then the judgement a cluster would come to.
 * @throws what keeps it from being seen.
 */
export async function lookOnce(place: ConfirmationPlace, wish: LookWish): Promise<Look> {
  const { signal } = wish;
  const servers = await place.resolveReplicas(signal);
  const replicas = servers.map(({ address }) => address);
  const found = await findServed(place, wish);
  if ('state' in found) return { ...found, replicas };
  const { servedAt, ca } = place;
  const files = expectSignatures(wish.image.reference.path, found);
  await checkServedByAll({ servedAt, replicas: servers, files, ...(ca !== undefined && { ca }) }, { signal });
  return { ...(await judge(place, wish)), replicas };
}

type Missing = Pick<Look, 'reason'> & { readonly state: 'not-served' | 'refused' };

/** The signatures that every server must serve, with what follows them; or what is not served yet. */
async function findServed(place: ConfirmationPlace, wish: LookWish): Promise<readonly ExpectedSignature[] | Missing> {
  const expected: ExpectedSignature[] = [];
  for (const { digest, kind } of wish.image.manifests) {
    const served = await readServed(place, wish, digest);
    const wanted = wish.offered?.filter((one) => one.digest === digest);
    const numbers = await numbersOf(served, { place, wish, digest, wanted });
    if (numbers.includes(-1)) return missing(place, { digest, served, isExact: wanted !== undefined });
    // No reader asks for the signature of an index.
    if (numbers.length === 0 && wanted === undefined && kind === 'image') {
      return missing(place, { digest, served, isExact: false });
    }
    for (const index of new Set(numbers)) {
      const blob = served[index];
      if (blob !== undefined) expected.push({ digest, number: index + 1, blob, next: served[index + 1] ?? 'absent' });
    }
  }
  return expected;
}

async function readServed(
  { servedAt, ca }: ConfirmationPlace,
  { image, signal }: LookWish,
  digest: Digest,
): Promise<readonly Uint8Array[]> {
  return await readLookaside(servedAt, image.reference.path, digest, { signal, ...(ca !== undefined && { ca }) });
}

interface Wanted {
  readonly place: ConfirmationPlace;
  readonly wish: LookWish;
  readonly digest: Digest;
  /** Left out: any that verifies. */
  readonly wanted: readonly OfferedSignature[] | undefined;
}

/** Where the wanted signatures stand, from 0; -1 for one that is not there. */
async function numbersOf(served: readonly Uint8Array[], search: Wanted): Promise<readonly number[]> {
  const { wanted } = search;
  if (wanted === undefined) {
    const index = await firstValid(served, search, undefined);
    return index < 0 ? [] : [index];
  }
  const found = wanted.map(async ({ blob, fingerprint }) => {
    const same = served.findIndex((one) => Buffer.from(one).equals(blob));
    // What was published before is not published again, so an equal one is as good.
    return same < 0 ? await firstValid(served, search, fingerprint) : same;
  });
  return await Promise.all(found);
}

/** The first that verifies for this digest and reference, by this key where one is given; -1 where none does. */
async function firstValid(
  served: readonly Uint8Array[],
  { place, wish, digest }: Wanted,
  fingerprint: string | undefined,
): Promise<number> {
  const reference = formatReference(wish.image.reference);
  for (const [index, blob] of served.entries()) {
    const verified = await verifySignature(blob, place.keys, { now: wish.now }).catch(() => undefined);
    const isKey = fingerprint === undefined || verified?.fingerprint === fingerprint;
    if (isKey && verified?.digest === digest && verified.dockerReference === reference) return index;
  }
  return -1;
}

function missing(
  { servedAt }: ConfirmationPlace,
  { digest, served, isExact }: { digest: Digest; served: readonly Uint8Array[]; isExact: boolean },
): Missing {
  if (isExact) return { state: 'not-served', reason: `${servedAt} does not serve the given signature of ${digest}` };
  if (served.length === 0) return { state: 'not-served', reason: `${servedAt} serves no signature of ${digest}` };
  const many = served.length === 1 ? 'a signature' : `${served.length} signatures`;
  const reason = `${servedAt} serves ${many} of ${digest}, none of them by one of the keys for this reference`;
  return { state: 'refused', reason };
}

async function judge(place: ConfirmationPlace, wish: LookWish): Promise<Pick<Look, 'state' | 'reason'>> {
  const { servedAt, keyFiles, registry, client, ca } = place;
  const { image, offered, now, signal } = wish;
  const keys = keyFiles.map((fileName) => ({ fileName }));
  const { policyJson } = generatePolicy([{ registry, keys, servedAt }]);
  const { reference, digest } = image;
  const verdict = await judgeImage({
    ...{ client, reference, digest, lookasideBase: servedAt, now, signal },
    policy: parsePolicy(Buffer.from(policyJson), 'policy'),
    ...(ca !== undefined && { ca }),
  });
  if (verdict.accepted) return { state: 'accepted', reason: 'served by all, and accepted on every platform' };
  const refused = verdict.platforms.find((one) => !one.verdict.accepted);
  const isInRegistry = verdict.signaturesIn !== undefined;
  const where = isInRegistry ? '; its registry keeps signatures itself, and clusters read only those' : '';
  const who = `${refused?.platform ?? 'image'} ${refused?.digest ?? digest}`;
  const reason = `served by all, but a cluster would refuse ${who}: ${refused?.verdict.reason ?? 'no platform'}${where}`;
  return { state: isComplete(image, offered) && !isInRegistry ? 'refused-for-good' : 'refused', reason };
}

/** Whether a signature of every platform was given: then nothing more is to come. */
function isComplete({ manifests }: SignedImage, offered: readonly OfferedSignature[] | undefined): boolean {
  const given = new Set(offered?.map(({ digest }) => digest));
  return manifests.every(({ digest, kind }) => kind === 'index' || given.has(digest));
}
