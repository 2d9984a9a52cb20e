import { Agent } from 'undici';
import type { Digest } from '../../workflows/domain/digest.ts';
import { MAX_SIGNATURES } from '../../workflows/domain/signature-path.ts';
import { SIGNATURE_SIZE_LIMIT, classifyBlob } from '../signing/index.ts';
import { fetchUrl, lookasideUrl, readLookaside } from '../trust/index.ts';
import type { SeenStore } from './examine-policy.ts';
import { messageOf } from './patient.ts';
import type { Patient } from './patient.ts';

/** The signatures of one manifest as readers find them, and what ends their reading too early. */
export interface SeenSignatures {
  readonly blobs: readonly Uint8Array[];
  /** Readers then refuse the image, whatever else is there. */
  readonly broken?: { readonly what: string; readonly why?: string };
  /** The number of a signature behind a gap, which no reader finds. */
  readonly beyondGap?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** How far behind the last signature a gap is looked for. */
const GAP = 3;
const LESS_THAN = 0x3c;

/** Reads a manifest's signatures one after the other, so that what is wrong can be told by its number. */
export async function readSignatures(patient: Patient, store: SeenStore, digest: Digest): Promise<SeenSignatures> {
  if (store.in === 'registry') {
    try {
      return { blobs: await store.read(digest, patient.signal) };
    } catch (error) {
      patient.signal?.throwIfAborted();
      return { blobs: [], broken: { what: messageOf(error) } };
    }
  }
  return store.base.startsWith('file:')
    ? await readDirectory(patient, store.base, digest)
    : await readServer(patient, store.base, digest);
}

async function readDirectory({ image }: Patient, base: string, digest: Digest): Promise<SeenSignatures> {
  try {
    return withBadForm(await readLookaside(base, image.path, digest));
  } catch (error) {
    return { blobs: [], broken: { what: messageOf(error) } };
  }
}

async function readServer(patient: Patient, base: string, digest: Digest): Promise<SeenSignatures> {
  const { ca } = patient.environment;
  const agent = ca === undefined ? undefined : new Agent({ connect: { ca } });
  const fetch = async (number: number): Promise<Uint8Array | undefined> =>
    await fetchUrl(lookasideUrl(base, patient.image.path, digest, number), {
      limit: SIGNATURE_SIZE_LIMIT,
      timeoutMs: patient.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS,
      ...(patient.signal !== undefined && { signal: patient.signal }),
      ...(agent !== undefined && { dispatcher: agent }),
    });
  try {
    return await readNumbers(fetch);
  } catch (error) {
    patient.signal?.throwIfAborted();
    return { blobs: [], broken: { what: messageOf(error) } };
  } finally {
    await agent?.close();
  }
}

async function readNumbers(fetch: (number: number) => Promise<Uint8Array | undefined>): Promise<SeenSignatures> {
  const blobs: Uint8Array[] = [];
  for (let number = 1; ; number++) {
    const blob = await fetch(number);
    if (blob === undefined) break;
    blobs.push(blob);
    const seen = withBadForm(blobs);
    // A server that answers everything with a page would be asked for ever.
    if (seen.broken !== undefined) return seen;
  }
  const last = blobs.length;
  for (let number = last + 2; number <= last + 1 + GAP; number++) {
    const found = await fetch(number).catch(() => undefined);
    if (found !== undefined) return { blobs, beyondGap: number };
  }
  return { blobs };
}

/** One blob of a form that readers do not know spoils the whole set. */
function withBadForm(blobs: readonly Uint8Array[]): SeenSignatures {
  const number = blobs.length;
  if (number > MAX_SIGNATURES) {
    return {
      blobs: [],
      broken: { what: `signature-${number} is there, and readers refuse more than ${MAX_SIGNATURES}` },
    };
  }
  for (const [index, blob] of blobs.entries()) {
    try {
      classifyBlob(blob);
    } catch (error) {
      const isPage = blob[0] === LESS_THAN;
      const what = `what is served as signature-${index + 1} is ${isPage ? 'a web page' : 'no signature'}`;
      return { blobs: [], broken: { what, why: messageOf(error) } };
    }
  }
  return { blobs };
}
