import type { PromotionEngine } from '../promotions/engine.ts';
import type { Digest } from '../../workflows/domain/digest.ts';

/** A proposal as the signature repository tells of it. */
export interface ListedProposal {
  readonly branch: string;
  readonly commit: string;
  readonly promotion: string;
  readonly run: string;
  readonly reference: string;
  readonly digest: Digest;
  readonly started: string;
}

/** A proposal that nobody waits for, and why. */
export interface Leftover extends ListedProposal {
  readonly why: 'ended' | 'another-run' | 'unknown';
}

/** The proposals whose promotion does not run, or runs anew and has a branch of its own. */
export async function findLeftovers(
  proposals: readonly ListedProposal[],
  engine: PromotionEngine,
): Promise<readonly Leftover[]> {
  const leftovers: Leftover[] = [];
  for (const proposal of proposals) {
    const why = await whyLeft(proposal, engine);
    if (why !== undefined) leftovers.push({ ...proposal, why });
  }
  return leftovers;
}

async function whyLeft(
  { promotion, run }: ListedProposal,
  engine: PromotionEngine,
): Promise<Leftover['why'] | undefined> {
  const description = await engine.describe(promotion);
  if (description === undefined) return 'unknown';
  if (description.execution !== 'running') return 'ended';
  const current = description.memo.run;
  // Before it has shown its run, a promotion may be about to use the branch.
  return current === undefined || current === '' || current === run ? undefined : 'another-run';
}
