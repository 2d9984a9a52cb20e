import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { environmentActivities } from '../promotion/activities.ts';
import { explainFailure } from '../promotion/failures.ts';
import { REBUILT, REQUEST_REBUILD, STATUS } from '../domain/messages.ts';
import { RebuildQueue, parseRebuildInput } from '../domain/rebuild.ts';
import type { RebuildAnswer, RebuildAsk, RebuildInput, RebuildSummary } from '../domain/rebuild.ts';

const requestSignal = defineSignal<[unknown]>(REQUEST_REBUILD);
const statusQuery = defineQuery<RebuildSummary>(STATUS);
const rebuiltSignal = defineSignal<[RebuildAnswer]>(REBUILT);

/** Temporal bounds what a workflow may have on its way at once. */
const TOLD_AT_ONCE = 50;

/**
 * Rebuilds the signature server of one environment, for all promotions together: whoever asked before a rebuild was
 * scheduled is served by it, whoever asks later by the next one. It ends when nobody waits, and is started again by the
 * next request. Whatever arrives is untrusted; what is no request is refused and counted.
 */
export async function rebuild(untrusted: RebuildInput): Promise<RebuildSummary> {
  const input = parseRebuildInput(untrusted);
  if ('refused' in input) throw ApplicationFailure.nonRetryable(input.refused, 'configuration-invalid');
  const queue = new RebuildQueue(input);
  const summary = (): RebuildSummary => summaryOf(input.environment, queue);
  let telling = 0;
  // Not async: thousands of signals at once would be as many promises, and a signal is answered at once only rarely.
  setHandler(requestSignal, (ask) => {
    const answer = queue.add(ask);
    if (answer === undefined) return;
    telling += 1;
    void tell([{ to: (ask as RebuildAsk).promotion, answer }]).finally(() => (telling -= 1));
  });
  setHandler(statusQuery, summary);
  setDefaultSignalHandler(() => {
    queue.refused += 1;
  });
  // A signal that comes while this run completes makes the server refuse the completion, and the loop is gone through again.
  while (queue.waiting.length > 0) {
    await rebuildOnce(input.environment, queue);
    await condition(() => telling === 0);
    if (workflowInfo().continueAsNewSuggested && queue.waiting.length > 0) await goOn(input.environment, queue);
  }
  return summary();
}

async function rebuildOnce(environment: string, queue: RebuildQueue): Promise<void> {
  const asks = queue.take();
  // The largest: a request that says less must not shorten the patience of the others.
  const attempts = Math.max(...asks.map((ask) => ask.attempts));
  setCurrentDetails(`rebuilding the signature server of ${environment} for ${asks.length} promotions`);
  let answer: (ask: RebuildAsk) => RebuildAnswer;
  let cancelled: unknown;
  try {
    const request = uuid4();
    const { subject } = await environmentActivities(environment, { attempts }).triggerRebuild({ environment, request });
    answer = ({ request: asked }) => ({ request: asked, outcome: 'rebuilt', subject, shared: asks.length - 1 });
  } catch (error) {
    if (isCancellation(error)) cancelled = error;
    const { type, message } = cancelled === undefined ? explainFailure(error) : CANCELLED;
    log.warn('rebuild failed', { environment, type, reason: message, promotions: asks.length });
    answer = ({ request }) => ({ request, outcome: 'failed', type, message });
  }
  await CancellationScope.nonCancellable(async () => {
    await tell(queue.settle(answer));
    // Nobody is left waiting by a cancellation: those who came meanwhile are told as well.
    if (cancelled === undefined) return;
    queue.take();
    await tell(queue.settle(answer));
  });
  if (cancelled !== undefined) throw cancelled as Error;
}

const CANCELLED = { type: 'rebuild-unavailable', message: 'the rebuild was cancelled; retry asks for a new one' };

/** A promotion that has ended meanwhile needs no answer; one that misses it asks again. */
async function tell(answers: readonly { readonly to: string; readonly answer: RebuildAnswer }[]): Promise<void> {
  for (let index = 0; index < answers.length; index += TOLD_AT_ONCE) {
    const some = answers.slice(index, index + TOLD_AT_ONCE);
    await Promise.allSettled(some.map(({ to, answer }) => getExternalWorkflowHandle(to).signal(rebuiltSignal, answer)));
  }
}

async function goOn(environment: string, queue: RebuildQueue): Promise<never> {
  const { waiting, rebuilds } = queue;
  return await continueAsNew<typeof rebuild>({ environment, waiting, rebuilds });
}

function summaryOf(environment: string, queue: RebuildQueue): RebuildSummary {
  const { rebuilds, refused, served, waiting } = queue;
  return { environment, rebuilds, served: served.length, waiting: waiting.length, refused };
}
