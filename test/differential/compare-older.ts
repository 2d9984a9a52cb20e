import { readSignatureClaimUntrusted } from '../../activities/signing/index.ts';
import { blobs } from './blobs.ts';
import type { BlobCase } from './blob-case.ts';
import type { Agreement, Fault } from './compare.ts';
import type { OlderJudge } from './older-judge.ts';
import { policies } from './policies.ts';
import { Random } from './random.ts';
import type { Refusal, Subject, Verdict } from './subject.ts';

/** What library 5.22 refuses and today's accepts, with the version that changed it. */
export const NEWER: Readonly<Record<string, string>> = {
  'signing subkey': 'a signature by a signing subkey counts for its primary key since 5.37',
  'sigstore keys': 'keyPaths and keyDatas of sigstoreSigned, and rekorPublicKey… in the plural, came later',
  'fulcio and pki': 'fulcio and pki of sigstoreSigned came later',
  'sigstore null': 'null beside the one key of sigstoreSigned was refused',
};

/** What library 5.22 accepts and today's refuses, or what Debian's program looks at otherwise. */
export const OLDER: Readonly<Record<string, string>> = {
  atomic: 'built without the transport `atomic`, skopeo keeps its scopes unchecked',
  'sigstore without a key': 'an empty or null key of sigstoreSigned was accepted, and failed at evaluation',
  'no stored form': '`standalone-verify` reads no stored signature: armour passes, a prefix does not',
};

/** How a subject is put to the older judge. */
interface OlderSubject<Case, Prepared> {
  readonly subject: Subject<Case, Prepared>;
  readonly ask: (judge: OlderJudge, generated: Case) => Promise<boolean>;
  /** Which of `NEWER` or `OLDER` it is that only we accept. */
  readonly newer: (generated: Case, ours: Verdict) => string | undefined;
  /** Which of `OLDER` it is that only we refuse. */
  readonly older: (generated: Case, ours: Refusal) => string | undefined;
}

const OLDER_BLOBS: OlderSubject<BlobCase, Awaited<ReturnType<NonNullable<typeof blobs.prepare>>>> = {
  subject: blobs,
  ask: (judge, generated) => judge.acceptsBlob(generated),
  newer({ blob }, ours) {
    if (blob[0] === 0) return 'no stored form';
    return isBySubkey(blob, ours) ? 'signing subkey' : undefined;
  },
  older: (_, { reason }) => (reason === 'format' ? 'no stored form' : undefined),
};
const OLDER_POLICIES: OlderSubject<Parameters<typeof policies.describe>[0], unknown> = {
  subject: policies,
  ask: (judge, { bytes }) => judge.acceptsPolicy(bytes),
  newer({ bytes }) {
    const text = bytes.toString();
    if (/fulcio|pki/.test(text)) return 'fulcio and pki';
    if (/"key(?:Path|Data)": ?null/.test(text) && text.includes('sigstoreSigned')) return 'sigstore null';
    return /keyPaths|keyDatas|rekorPublicKey/.test(text) && text.includes('sigstoreSigned')
      ? 'sigstore keys'
      : undefined;
  },
  older({ bytes }, { message }) {
    if (message.includes('expected exactly one of keyPath')) return 'sigstore without a key';
    return bytes.toString().includes('atomic') ? 'atomic' : undefined;
  },
};

/** Puts cases of one kind before us and the older judge. */
export async function compareWithOlder(
  name: string,
  judge: OlderJudge,
  run: { readonly seed: number; readonly cases: number },
): Promise<Agreement> {
  return name === 'blobs' ? await compareEach(OLDER_BLOBS, judge, run) : await compareEach(OLDER_POLICIES, judge, run);
}

async function compareEach<Case, Prepared>(
  older: OlderSubject<Case, Prepared>,
  judge: OlderJudge,
  { seed, cases }: { readonly seed: number; readonly cases: number },
): Promise<Agreement> {
  const { subject } = older;
  const prepared = (await subject.prepare?.(new Random(`${seed}/${subject.name}`))) as Prepared;
  const tally = { bothAccept: 0, bothRefuse: 0, stricter: {} as Record<string, number>, faults: [] as Fault[] };
  for (let index = 0; index < cases; index++) {
    const generated = await subject.generate(new Random(`${seed}/${subject.name}/${index}`), index, prepared);
    const ours = await subject.ours(generated, prepared);
    const theirs = await older.ask(judge, generated);
    if (ours.accepted === theirs) {
      tally[theirs ? 'bothAccept' : 'bothRefuse']++;
      continue;
    }
    const exception = ours.accepted ? older.newer(generated, ours) : excuse(older, generated, ours);
    if (exception !== undefined) tally.stricter[exception] = (tally.stricter[exception] ?? 0) + 1;
    else {
      const what = ours.accepted ? 'LAXER' : 'stricter';
      tally.faults.push({ what, index, description: subject.describe(generated), detail: JSON.stringify(ours) });
    }
  }
  return { subject: subject.name, cases, ...tally };
}

function excuse<Case, Prepared>(
  { subject, older }: OlderSubject<Case, Prepared>,
  generated: Case,
  ours: Refusal,
): string | undefined {
  return older(generated, ours) ?? subject.excuse?.(generated, ours, { ok: true });
}

function isBySubkey(blob: Uint8Array, ours: Verdict): boolean {
  const untrusted = readSignatureClaimUntrusted(blob);
  if (untrusted === undefined || !ours.accepted || typeof ours.result !== 'string') return false;
  const { untrustedIssuerFingerprint: named, untrustedIssuerKeyId } = untrusted;
  return named === undefined ? !ours.result.endsWith(untrustedIssuerKeyId) : named !== ours.result;
}
