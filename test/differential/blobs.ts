import { SigningError, importKeyRing, verifySignature } from '../../activities/signing/index.ts';
import type { KeyRing } from '../../activities/signing/index.ts';
import { MANIFEST, PAYLOAD, REFERENCE, makeBlobCase } from './blob-case.ts';
import type { BlobCase } from './blob-case.ts';
import { BLOB_EXCEPTIONS, excuseBlob } from './exceptions.ts';
import { makeRings } from './rings.ts';
import type { Ring } from './rings.ts';
import type { Subject, Verdict } from './subject.ts';

interface Prepared {
  readonly rings: readonly Ring[];
  readonly imported: ReadonlyMap<Ring, KeyRing>;
}

const DIGEST = /[0-9a-f]{64}/.exec(PAYLOAD.toString())?.[0] ?? '';

/** Stored signatures, from their first byte to the verdict: messages, signatures, keys. */
export const blobs: Subject<BlobCase, Prepared> = {
  name: 'blobs',
  weight: 6,
  exceptions: BLOB_EXCEPTIONS,
  async prepare() {
    const rings = makeRings();
    return await Promise.resolve({
      rings,
      imported: new Map(rings.map((ring) => [ring, importKeyRing([ring.bytes], { now: new Date() })])),
    });
  },
  generate: (random, _, { rings }) => makeBlobCase(random, rings),
  async ours({ ring, blob }, { imported }): Promise<Verdict> {
    const keyRing = imported.get(ring);
    if (keyRing === undefined) throw new Error('no key ring was made');
    try {
      const { digest, dockerReference, fingerprint } = await verifySignature(blob, keyRing, { now: new Date() });
      if (digest !== `sha256:${DIGEST}` || dockerReference !== REFERENCE) {
        return { accepted: false, reason: 'claim', message: 'it is about another image' };
      }
      return { accepted: true, result: fingerprint };
    } catch (error) {
      if (error instanceof SigningError) return { accepted: false, reason: error.reason, message: error.message };
      throw error;
    }
  },
  question: ({ ring, blob }) => ({
    kind: 'verify-blob',
    blob: blob.toString('base64'),
    keyFiles: [ring.bytes.toString('base64')],
    manifest: MANIFEST.toString('base64'),
    reference: REFERENCE,
  }),
  compare(ours, judges) {
    const theirs = (judges as { fingerprint: string }).fingerprint;
    return ours === theirs ? undefined : `ours by ${String(ours)}, the judge's by ${theirs}`;
  },
  excuse: excuseBlob,
  describe: ({ steps }) => steps.join('; '),
};
