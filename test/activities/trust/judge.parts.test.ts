/** Live: the reference implementation says what we say. Longer runs are `npm run test:differential`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSubject } from '../../differential/compare.ts';
import { evaluations } from '../../differential/evaluations.ts';
import { lookaside } from '../../differential/lookaside.ts';
import { policies } from '../../differential/policies.ts';
import { references } from '../../differential/references.ts';
import { registriesD } from '../../differential/registries-d.ts';
import type { Subject } from '../../differential/subject.ts';
import { Judge } from '../../support/judge.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { signedManifests } from './signed-manifests.ts';
import { digestOf, makeSigner } from './signers.ts';

let judge: Judge;
beforeAll(async () => {
  judge = await Judge.start();
});
afterAll(() => judge.stop());

/** Enough for every edge that a subject lists, and as many random ones again. */
const SHARES: readonly (readonly [subject: Subject, cases: number])[] = [
  [references, 1000],
  [policies, 2000],
  [registriesD, 1500],
  [lookaside, 250],
  [evaluations, 60],
];

describe('the reference implementation and we', () => {
  it.each(SHARES)('agree about $name', async (subject, cases) => {
    // Another seed than that of the recorded cases.
    const agreement = await compareSubject(subject, { judge, seed: 20, cases });
    expect(agreement.faults).toEqual([]);
    expect(agreement.bothAccept).toBeGreaterThan(cases / 5);
  });
});

describe('the digest of a manifest', () => {
  it.each(signedManifests())(
    'is the same for the reference implementation, of one $name',
    async ({ bytes, digest }) => {
      const signer = await makeSigner();
      const reference = 'registry.example.com/acme/web:1';
      const ask = async (claimed: string): Promise<boolean> => {
        const blob = await signer.sign(reference, parseDigest(claimed));
        const answer = await judge.ask({
          kind: 'verify-blob',
          blob: Buffer.from(blob).toString('base64'),
          keyFiles: [signer.publicKey.toString('base64')],
          manifest: bytes.toString('base64'),
          reference,
        });
        return answer.ok;
      };
      const ofBytes = digestOf(bytes);
      expect(await ask(digest ?? ofBytes)).toBe(digest !== undefined);
      if (digest !== ofBytes) expect(await ask(ofBytes)).toBe(false);
    },
  );
});
