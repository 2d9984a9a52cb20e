import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  WorkflowIdReusePolicy,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { PromotionRun } from './promotion-run.ts';
import { REBUILD_WORKFLOW, REQUEST_REBUILD } from '../domain/messages.ts';
import { rebuildId } from '../domain/names.ts';
import type { EnvironmentState, RebuildProgress } from '../domain/promotion.ts';
import type { RebuildAsk, RebuildInput } from '../domain/rebuild.ts';

const requestSignal = defineSignal<[RebuildAsk]>(REQUEST_REBUILD);

/** Asking anew costs little, and is all that mends a rebuild workflow that somebody has terminated. */
const FIRST_ANSWER_MS = 30_000;
const MOST_ANSWER_MS = 5 * 60_000;
/** As long as an absent worker may be away. */
const LONGEST_MS = 7 * 24 * 3600 * 1000;
/** Promotions that race to start the one workflow. */
const ROUNDS = 5;

/**
 * Has the signature server rebuilt after this moment, by the one workflow that does so for all promotions to the
 * environment, and waits until it is.
 * @throws ApplicationFailure with the trigger's own type and message, which stalls the promotion.
 */
export async function requestRebuild(run: PromotionRun, one: EnvironmentState): Promise<void> {
  // What was asked for before a continue-as-new is the same request.
  if (one.rebuild === undefined || one.rebuild.answer !== undefined) {
    one.rebuild = { request: uuid4(), since: Date.now() };
  }
  const asked = one.rebuild;
  for (let wait = FIRST_ANSWER_MS; asked.answer === undefined; wait = Math.min(wait * 2, MOST_ANSWER_MS)) {
    if (Date.now() - asked.since > LONGEST_MS) throw unanswered(one);
    await ask(one, asked);
    const until = Date.now() + wait;
    while (isOpen(asked) && Date.now() < until) await run.untilMessage(until);
  }
  const { answer } = asked;
  if (answer?.outcome !== 'failed') return;
  throw ApplicationFailure.nonRetryable(answer.message, answer.type);
}

/** Apart, because the answer comes while others wait. */
function isOpen({ answer }: RebuildProgress): boolean {
  return answer === undefined;
}

async function ask({ environment, facts }: EnvironmentState, { request }: RebuildProgress): Promise<void> {
  const message: RebuildAsk = { promotion: workflowInfo().workflowId, request, attempts: facts?.attempts ?? 1 };
  for (let round = 0; round < ROUNDS; round++) {
    if (await signalled(environment, message)) return;
    if (await started(environment, message)) return;
  }
}

/** False where the workflow does not run. */
async function signalled(environment: string, message: RebuildAsk): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(rebuildId(environment)).signal(requestSignal, message);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}

/** False where another promotion was faster. The end of this promotion, or an abort, does not touch what it started. */
async function started(environment: string, message: RebuildAsk): Promise<boolean> {
  const input: RebuildInput = { environment, waiting: [message] };
  try {
    await startChild(REBUILD_WORKFLOW, {
      workflowId: rebuildId(environment),
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    });
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}

function unanswered({ environment }: EnvironmentState): ApplicationFailure {
  const message = `the workflow ${rebuildId(environment)} did not answer for a week; is a worker there for ${environment}, and is it the workflow that runs under this id`;
  return ApplicationFailure.nonRetryable(message, 'rebuild-unavailable');
}
