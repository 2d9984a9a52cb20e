/** What the programs that read container signatures make of a key; `signatures.md` calls them by their OpenPGP library. */
import type { KeyDescription, KeyPart } from './describe-keys.ts';

/** One implementation of OpenPGP and the programs that are built with it. */
export type ReaderName = 'gnupg' | 'go' | 'sequoia' | 'countersign';

/** Whether a reader accepts what the key signs. */
export interface ReaderVerdict {
  readonly reader: ReaderName;
  /** For people. */
  readonly programs: string;
  /**
   * `newer`: only readers of library 5.37 (September 2025) or later, which know signing subkeys. `unknown`: the key is of
   * a kind whose self-signature cannot be checked here.
   */
  readonly accepts: 'yes' | 'no' | 'newer' | 'unknown';
  /** One reason; of a yes, what is worth knowing. */
  readonly why?: string;
}

type Opinion = Pick<ReaderVerdict, 'accepts' | 'why'>;

const PROGRAMS: Readonly<Record<ReaderName, string>> = {
  gnupg: 'skopeo, podman and CRI-O (GnuPG)',
  go: 'oc, and podman on macOS and Windows (Go)',
  sequoia: 'newer Fedora builds (Sequoia)',
  countersign: 'countersign',
};
const OPINIONS: Readonly<Record<ReaderName, (key: KeyDescription, now: Date) => Opinion>> = {
  gnupg: askGnupg,
  go: askGo,
  sequoia: askSequoia,
  countersign: askCountersign,
};
const NO_SELF_SIGNATURE = 'it has no valid self-signature';
const RSA_MINIMUM_BITS = 2048;
const ED25519 = 27;
const ED448 = 28;
const EDDSA = 22;
const DSA = 17;
const RSA = [1, 2, 3];
const GO_ALGORITHMS: readonly number[] = [...RSA, DSA, 19];
/** From then on Sequoia's policy takes no self-signature over SHA-1. */
const SEQUOIA_REFUSES_SHA1_FROM = new Date('2023-02-01T00:00:00Z');

/** What every reader makes of signatures by this key, the strictest common one first. */
export function readerVerdicts(key: KeyDescription, now: Date): readonly ReaderVerdict[] {
  return (Object.keys(OPINIONS) as ReaderName[]).map((reader) => ({
    reader,
    programs: PROGRAMS[reader],
    ...OPINIONS[reader](key, now),
  }));
}

/** What to warn the owner of a key of: each a sentence of its own. */
export function keyWarnings(key: KeyDescription, now: Date): readonly string[] {
  const refusals = readerVerdicts(key, now)
    .filter(({ accepts }) => accepts === 'no')
    .map(({ programs, why }) => `${programs} cannot verify its signatures: ${why ?? 'for an unknown reason'}`);
  const warnings = [...refusals];
  const subkeys = key.subkeys.filter((part) => part.maySign && !part.revoked && !hasExpired(part, now));
  if (key.maySign && subkeys.length > 0) {
    warnings.push(
      'GnuPG signs with its signing subkey, which readers before library 5.37 refuse; countersign signs with the primary key',
    );
  }
  if (!key.maySign && subkeys.length > 0) {
    warnings.push('only a subkey may sign: countersign refuses it, and so do readers before library 5.37');
  }
  if (key.expiresAt !== undefined && key.expiresAt > now) {
    warnings.push(
      `GnuPG readers refuse all its signatures, old ones too, from ${key.expiresAt.toISOString()}, when it expires`,
    );
  }
  return warnings;
}

function askGnupg(key: KeyDescription, now: Date): Opinion {
  if (!knownToGnupg(key)) return no(`GnuPG up to 2.4 does not read ${nameOf(key)}`);
  const common = refuseBroken(key, now);
  if (common !== undefined) return common;
  if (hasExpired(key, now)) {
    return no(`it expired on ${key.expiresAt?.toISOString() ?? ''}, and with it its signatures`);
  }
  return signedByPrimary(key, (part) => knownToGnupg(part) && !hasExpired(part, now));
}

function askGo(key: KeyDescription, now: Date): Opinion {
  if (key.version !== 4 || !GO_ALGORITHMS.includes(key.algorithmId)) {
    return no(`the Go library does not read ${nameOf(key)}; use RSA`);
  }
  const common = refuseBroken(key, now);
  if (common !== undefined) return common;
  if (key.block > 0) {
    return no('it stands in a later armoured block of the file, of which the Go library reads the first');
  }
  const opinion = signedByPrimary(key, (part) => GO_ALGORITHMS.includes(part.algorithmId), 'any');
  if (!hasExpired(key, now) || opinion.accepts !== 'yes') return opinion;
  return { accepts: 'yes', why: 'it expired, which the Go library does not look at' };
}

function askSequoia(key: KeyDescription, now: Date): Opinion {
  const common = refuseBroken(key, now);
  if (common !== undefined) return common;
  const { algorithmId, bits = 0, selfSignature } = key;
  if ([...RSA, DSA].includes(algorithmId) && bits < RSA_MINIMUM_BITS) return no(`${key.algorithm} is too short`);
  const hash = selfSignature?.hash ?? '';
  const late = selfSignature !== undefined && selfSignature.created >= SEQUOIA_REFUSES_SHA1_FROM;
  if (hash === 'MD5' || (hash === 'SHA-1' && late)) return no(`its self-signature is made with ${hash}`);
  const opinion = signedByPrimary(key, () => true, 'any');
  if (!hasExpired(key, now) || opinion.accepts !== 'yes') return opinion;
  return { accepts: 'yes', why: 'it expired; what it signed before stays good' };
}

function askCountersign(key: KeyDescription, now: Date): Opinion {
  if (key.refusal !== undefined) return no(key.refusal);
  const common = refuseBroken(key, now);
  if (common !== undefined) return common;
  if (hasExpired(key, now)) return no(`it expired on ${key.expiresAt?.toISOString() ?? ''}`);
  return signedByPrimary(key, (part) => part.refusal === undefined && !hasExpired(part, now), 'any');
}

function refuseBroken(key: KeyDescription, now: Date): Opinion | undefined {
  if (key.revoked) return no('it is revoked');
  if (key.selfSignature === undefined) {
    const isUnknown = key.refusal !== undefined;
    return isUnknown ? { accepts: 'unknown', why: `${key.refusal}: not checked here` } : no(NO_SELF_SIGNATURE);
  }
  return key.created > now ? no(`it was made on ${key.created.toISOString()}, later than now`) : undefined;
}

/** The primary key, or a subkey that may sign in its place. */
function signedByPrimary(
  key: KeyDescription,
  isUsable: (part: KeyPart) => boolean,
  subkeys: 'any' | 'newer' = 'newer',
): Opinion {
  if (key.maySign) return { accepts: 'yes' };
  const signing = key.subkeys.filter((part) => part.maySign && !part.revoked && isUsable(part));
  if (signing.length === 0) return no('no part of it may sign');
  return { accepts: subkeys === 'any' ? 'yes' : 'newer', why: 'only a subkey of it may sign' };
}

function knownToGnupg({ version, algorithmId }: KeyPart): boolean {
  return version <= 4 && algorithmId !== ED25519 && algorithmId !== ED448;
}

function nameOf({ version, algorithm, algorithmId }: KeyPart): string {
  if (version !== 4) return `keys of version ${version}`;
  return algorithmId === EDDSA ? `${algorithm} keys` : algorithm;
}

function hasExpired({ expiresAt }: KeyPart, now: Date): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

function no(why: string): Opinion {
  return { accepts: 'no', why };
}
