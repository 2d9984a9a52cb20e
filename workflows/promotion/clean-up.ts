import { environmentActivities } from './activities.ts';
import type { PromotionRun } from './promotion-run.ts';
import type { EnvironmentState, PromotionResult } from '../domain/promotion.ts';

/**
 * The result of a promotion that was aborted or cancelled. Where `publish` may have gone through although its answer
 * was lost, git is asked: "aborted, already published" is another outcome than "aborted".
 */
export async function abortedResult(run: PromotionRun): Promise<PromotionResult> {
  const reason = run.aborted ?? 'cancelled';
  run.state.stall = null;
  const one = run.state.environments.findLast(({ phase }) => phase !== 'pending' && phase !== 'passed');
  if (one === undefined) return { outcome: 'aborted', environment: run.input.entry, reason, leftBehind: [] };
  if (one.publication === undefined && one.step === 'publish') await lookUpPublication(run, one);
  const outcome = one.publication === undefined ? 'aborted' : 'aborted-after-publish';
  return { outcome, environment: one.environment, reason, leftBehind: [] };
}

/** Deletes the proposals of a promotion that ends without publishing them; returns what had to be left behind. */
export async function cleanUp(run: PromotionRun, result: PromotionResult): Promise<readonly string[]> {
  const leftBehind: string[] = [];
  if (result.outcome === 'released') return leftBehind;
  for (const one of run.state.environments) {
    if (one.phase !== 'passed') one.phase = 'stopped';
    if (one.publication !== undefined || !(one.proposal !== undefined || one.step === 'propose')) continue;
    try {
      const input = { ...run.stepInput(one), proposal: one.proposal ?? null };
      await environmentActivities(one.environment, { attempts: 10 }).discard(input);
    } catch {
      leftBehind.push(
        `branch ${one.proposal?.branch ?? 'of the proposal'} in the signature repository of ${one.environment}`,
      );
    }
  }
  return leftBehind;
}

async function lookUpPublication(run: PromotionRun, one: EnvironmentState): Promise<void> {
  try {
    const activities = environmentActivities(one.environment, { attempts: 5 });
    const standing = await activities.assessSoon({ ...run.stepInput(one), again: true });
    if (standing.standing !== 'none') one.publication = standing.commit;
  } catch {
    // Nothing more can be learnt here; the proposal's clean-up names what it leaves.
  }
}
