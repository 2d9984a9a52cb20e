import { randomUUID } from 'node:crypto';
import {
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError, defineSearchAttributeKey } from '@temporalio/common';
import type {
  DecideOptions,
  DecideReply,
  ListedPromotion,
  PromotionDescription,
  PromotionEnding,
  PromotionEngine,
  ResolveReply,
  RunRef,
  StartRequest,
} from './engine.ts';
import { describedPromotion, listedPromotion } from './temporal-rows.ts';
import { isNoAnswer, rootCause, translateStartError } from './temporal-errors.ts';
import { DECIDE, PROMOTION_WORKFLOW, RESOLVE_WORKFLOW, STATUS } from '../../workflows/domain/messages.ts';
import type { DecideAnswer, DecideMessage } from '../../workflows/domain/messages.ts';
import { ORCHESTRATOR_QUEUE } from '../../workflows/domain/names.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { PromotionInput, PromotionResult, PromotionStatus } from '../../workflows/domain/promotion.ts';
import type { ResolveInput } from '../../workflows/domain/steps.ts';

/** Every call that waits for nobody but the server. */
const CALL_WITHIN_MS = 10_000;
const KEYWORD_LIMIT = 255;
type QueueType = NonNullable<Parameters<Client['workflowService']['describeTaskQueue']>[0]['taskQueueType']>;
/** `temporal.api.enums.v1.TaskQueueType`; the package that names its values is not ours to import. */
const QUEUE_TYPES = { workflow: 1, activity: 2 } as unknown as Readonly<Record<'workflow' | 'activity', QueueType>>;

const STATE = defineSearchAttributeKey('CountersignState', 'KEYWORD');
const ENVIRONMENT = defineSearchAttributeKey('CountersignEnvironment', 'KEYWORD');
const DIGEST = defineSearchAttributeKey('CountersignDigest', 'KEYWORD');
const REPOSITORY = defineSearchAttributeKey('CountersignRepository', 'KEYWORD');

/** The promotions of one Temporal namespace. */
export function createTemporalEngine(client: Client): PromotionEngine {
  return new TemporalEngine(client);
}

class TemporalEngine implements PromotionEngine {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async start({ id, input, memo, summary }: StartRequest): Promise<{ readonly run: string }> {
    try {
      const handle = await this.#soon(() =>
        this.#client.workflow.start(PROMOTION_WORKFLOW, {
          workflowId: id,
          taskQueue: ORCHESTRATOR_QUEUE,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          memo: { ...memo },
          typedSearchAttributes: [
            { key: STATE, value: memo.condition },
            { key: ENVIRONMENT, value: memo.environment },
            { key: DIGEST, value: input.image.digest },
            { key: REPOSITORY, value: input.image.name.slice(0, KEYWORD_LIMIT) },
          ],
          staticSummary: summary,
        }),
      );
      return { run: handle.firstExecutionRunId };
    } catch (error) {
      throw translateStartError(error);
    }
  }

  async signal(target: RunRef, name: string, message: unknown): Promise<'delivered' | 'closed'> {
    try {
      await this.#soon(() => this.#handle(target).signal(name, message));
      return 'delivered';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'closed';
      throw error;
    }
  }

  async decide({ id, run }: RunRef, message: DecideMessage, options: DecideOptions): Promise<DecideReply> {
    const handle = this.#client.workflow.getHandle(
      id,
      undefined,
      run === undefined ? {} : { firstExecutionRunId: run },
    );
    try {
      const answer = await this.#within(options.withinMs, () =>
        handle.executeUpdate<DecideAnswer, [DecideMessage]>(DECIDE, { args: [message], updateId: options.updateId }),
      );
      return { reply: 'judged', answer };
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError) return { reply: 'refused', reason: rootCause(error).message };
      if (error instanceof WorkflowNotFoundError) return { reply: 'closed' };
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isNoAnswer(error))
        return { reply: 'unanswered' };
      throw error;
    }
  }

  async query(target: RunRef, withinMs: number): Promise<PromotionStatus | undefined> {
    try {
      return await this.#within(withinMs, () => this.#handle(target).query<PromotionStatus>(STATUS));
    } catch {
      // Whatever keeps a worker from answering, what Temporal knows is shown instead.
      return undefined;
    }
  }

  async describe(id: string): Promise<PromotionDescription | undefined> {
    try {
      return describedPromotion(await this.#soon(() => this.#handle({ id }).describe()));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  async ending(target: RunRef): Promise<PromotionEnding> {
    const { id, run } = target;
    try {
      const result = await this.#soon(() =>
        this.#client.workflow.result<() => Promise<PromotionResult>>(id, run, { followRuns: false }),
      );
      return { result, failure: null };
    } catch (error) {
      if (error instanceof WorkflowFailedError) return { result: null, failure: rootCause(error).message };
      return { result: null, failure: null };
    }
  }

  async firstInput({ id: workflowId, run: runId }: RunRef): Promise<PromotionInput | undefined> {
    try {
      const { history } = await this.#soon(() =>
        this.#client.workflowService.getWorkflowExecutionHistory({
          namespace: this.#client.options.namespace,
          execution: { workflowId, ...(runId !== undefined && { runId }) },
          maximumPageSize: 1,
        }),
      );
      const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
      if (payload === undefined) return undefined;
      return JSON.parse(Buffer.from(payload.data ?? []).toString()) as PromotionInput;
    } catch {
      return undefined;
    }
  }

  async list(query: string, limit: number): Promise<readonly ListedPromotion[]> {
    return await this.#soon(async () => {
      const found: ListedPromotion[] = [];
      for await (const one of this.#client.workflow.list({ query, pageSize: Math.min(limit, 1000) })) {
        found.push(listedPromotion(one));
        if (found.length >= limit) break;
      }
      return found;
    });
  }

  async lastPoll(queue: string, kind: 'workflow' | 'activity'): Promise<number | null> {
    const { pollers } = await this.#soon(() =>
      this.#client.workflowService.describeTaskQueue({
        namespace: this.#client.options.namespace,
        taskQueue: { name: queue },
        taskQueueType: QUEUE_TYPES[kind],
      }),
    );
    const times = pollers.map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000);
    return times.length === 0 ? null : Math.max(...times);
  }

  async resolve(input: ResolveInput, withinMs: number): Promise<ResolveReply> {
    const image = `${input.name}:${input.tag}`.slice(0, 200);
    try {
      const { digest } = await this.#within(withinMs + 2_000, () =>
        this.#client.workflow.execute<(input: ResolveInput) => Promise<{ digest: Digest }>>(RESOLVE_WORKFLOW, {
          workflowId: `resolve/${image}/${randomUUID()}`,
          taskQueue: ORCHESTRATOR_QUEUE,
          args: [input],
          workflowExecutionTimeout: withinMs,
          staticSummary: `resolve ${image}`,
        }),
      );
      return { reply: 'resolved', digest };
    } catch (error) {
      const cause = rootCause(error);
      if (cause instanceof ApplicationFailure) {
        return { reply: 'failed', type: cause.type ?? 'internal', message: cause.message };
      }
      if (error instanceof WorkflowFailedError || isNoAnswer(error)) return { reply: 'unanswered' };
      throw error;
    }
  }

  #handle({ id, run }: RunRef): WorkflowHandle {
    return this.#client.workflow.getHandle(id, run);
  }

  async #soon<T>(call: () => Promise<T>): Promise<T> {
    return await this.#within(CALL_WITHIN_MS, call);
  }

  async #within<T>(ms: number, call: () => Promise<T>): Promise<T> {
    return await this.#client.connection.withDeadline(Date.now() + ms, call);
  }
}
