import { PROMOTION_WORKFLOW } from '../../workflows/domain/messages.ts';
import { CONDITIONS, isCondition, isEnded } from '../exit-codes.ts';
import type { ViewCondition } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { suggest } from '../../worker/configuration/suggestion.ts';

/** Every query is for promotions only: `resolve` is a workflow too. */
export const PROMOTION_WORKFLOW_QUERY = `WorkflowType = '${PROMOTION_WORKFLOW}'`;

/** What `list` is asked for. */
export interface ListFilter {
  /** An environment or a group of approvers that is waited for. */
  readonly awaiting?: string;
  readonly state?: string;
  /** Also what has ended. */
  readonly all: boolean;
}

/** How Temporal itself calls an end that the workflow never saw. */
const EXECUTIONS: Partial<Readonly<Record<ViewCondition, string>>> = {
  failed: 'Failed',
  cancelled: 'Canceled',
  terminated: 'Terminated',
  'timed-out': 'TimedOut',
};

/**
 * The visibility query of a filter.
 * @throws CliError for a state that does not exist, or a group that cannot be one.
 */
export function listQuery({ awaiting, state, all }: ListFilter): string {
  const parts = [PROMOTION_WORKFLOW_QUERY];
  if (awaiting !== undefined) {
    if (!/^[^'\\\p{Cc}]{1,200}$/u.test(awaiting)) {
      throw usageError('--awaiting: expected the name of an environment or of a group of approvers');
    }
    parts.push(`CountersignAwaiting = '${awaiting}'`);
  }
  if (state !== undefined) parts.push(stateQuery(state));
  else if (!all || awaiting !== undefined) parts.push("ExecutionStatus = 'Running'");
  // A run that continued as new is the same promotion, and its newest run is listed.
  else parts.push("ExecutionStatus != 'ContinuedAsNew'");
  return parts.join(' AND ');
}

function stateQuery(state: string): string {
  if (!isCondition(state) || state === 'blocked') {
    const known = CONDITIONS.filter((one) => one !== 'blocked');
    const guess = suggest(state, known);
    const hint = guess === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${guess}`;
    throw usageError(`--state: there is no state ${JSON.stringify(state.slice(0, 64))}; ${hint}`);
  }
  const execution = EXECUTIONS[state];
  if (execution !== undefined) return `ExecutionStatus = '${execution}'`;
  // What failed keeps the state that it last showed, so the execution must fit too.
  return `CountersignState = '${state}' AND ExecutionStatus = '${isEnded(state) ? 'Completed' : 'Running'}'`;
}
