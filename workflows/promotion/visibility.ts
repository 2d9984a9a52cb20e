import { setCurrentDetails, upsertMemo, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { PromotionMemo } from '../domain/messages.ts';
import { conditionOf } from '../domain/promotion.ts';
import type { EnvironmentState, PromotionInput, PromotionResult, PromotionState } from '../domain/promotion.ts';

const KEYWORD_LIMIT = 255;
const STATE = defineSearchAttributeKey('CountersignState', 'KEYWORD');
const ENVIRONMENT = defineSearchAttributeKey('CountersignEnvironment', 'KEYWORD');
const DIGEST = defineSearchAttributeKey('CountersignDigest', 'KEYWORD');
const REPOSITORY = defineSearchAttributeKey('CountersignRepository', 'KEYWORD');
const AWAITING = defineSearchAttributeKey('CountersignAwaiting', 'KEYWORD_LIST');
const DEADLINE = defineSearchAttributeKey('CountersignDeadline', 'DATETIME');

/**
 * Shows the state outside the workflow, for lists and for `status` while no worker answers. Called when condition or
 * environment change, not at every step: each call is two events of history.
 */
export function publishState(input: PromotionInput, state: PromotionState, result: PromotionResult | null): void {
  const condition = conditionOf(state, result);
  const one = current(state);
  const deadline = condition === 'deciding' ? (one?.gate?.deadline ?? null) : null;
  upsertSearchAttributes([
    { key: STATE, value: condition },
    { key: ENVIRONMENT, value: one?.environment ?? input.entry },
    { key: DIGEST, value: input.image.digest },
    { key: REPOSITORY, value: input.image.name.slice(0, KEYWORD_LIMIT) },
    { key: AWAITING, value: condition === 'deciding' ? awaiting(one) : null },
    { key: DEADLINE, value: deadline === null ? null : new Date(deadline) },
  ]);
  upsertMemo({ ...memoOf(input, state, condition, one) });
  setCurrentDetails(details(condition, one, state));
}

function memoOf(
  input: PromotionInput,
  state: PromotionState,
  condition: string,
  one: EnvironmentState | undefined,
): PromotionMemo {
  return {
    condition,
    environment: one?.environment ?? input.entry,
    step: state.stall?.step ?? one?.step ?? '',
    to: state.to,
    since: Date.now(),
    started: state.started,
    image: input.image,
    entry: input.entry,
    run: workflowInfo().firstExecutionRunId,
    stalled: state.stall === null ? '' : state.stall.message.slice(0, 500),
    stall: state.stall?.number ?? 0,
  };
}

/** The environment at work: the last one that was begun. */
function current(state: PromotionState): EnvironmentState | undefined {
  return state.environments.findLast((one) => one.phase !== 'pending');
}

function awaiting(one: EnvironmentState | undefined): string[] {
  const gate = one?.facts?.gate;
  return gate?.kind === 'people' && one !== undefined ? [...new Set([one.environment, gate.group])] : [];
}

function details(condition: string, one: EnvironmentState | undefined, state: PromotionState): string {
  const environment = one?.environment ?? '';
  if (state.stall !== null) return `stalled in ${environment} at ${state.stall.step}: ${state.stall.message}`;
  return condition === 'deciding' ? `waiting for approval for ${environment}` : `${condition} ${environment}`;
}
