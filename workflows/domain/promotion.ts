import type { Decision, Gate, GateState } from './gate.ts';
import type { PromotedImage } from './names.ts';
import type { RebuildAnswer } from './rebuild.ts';
import type { CopyOutcome, EnvironmentFacts, ProposalRef, ReleaseOutcome, StepSignature, Step } from './steps.ts';

/** The argument of the promotion workflow. */
export interface PromotionInput {
  readonly image: PromotedImage;
  /** The first environment of the route as the starter knows it; its own worker confirms or refuses. */
  readonly entry: string;
  /** The environment at which the promotion ends. */
  readonly to: string;
  readonly requestedBy: string;
  /** Open the gate of `to` anew, after a rejection, an expiry, or to go back to an overtaken digest. */
  readonly again?: boolean;
  /** ISO 8601: the original start of a promotion that is replayed. */
  readonly started?: string;
  /** State carried over a continue-as-new. */
  readonly carried?: PromotionState;
}

/** How a promotion ended. */
export type Outcome = 'released' | 'superseded' | 'rejected' | 'expired' | 'aborted' | 'aborted-after-publish';

/** What a promotion returns. */
export interface PromotionResult {
  readonly outcome: Outcome;
  /** Where it ended, and why, in a sentence. */
  readonly environment: string;
  readonly reason: string;
  /** What clean-up had to leave behind; empty when nothing. */
  readonly leftBehind: readonly string[];
}

/** How far one environment is. */
export type EnvironmentPhase = 'pending' | 'running' | 'deciding' | 'passed' | 'stopped';

/** Everything a promotion knows of one environment; plain JSON, carried over continue-as-new. */
export interface EnvironmentState {
  readonly environment: string;
  phase: EnvironmentPhase;
  /** The step at work, or the one it stopped at. */
  step: Step | null;
  readonly done: Step[];
  facts?: EnvironmentFacts;
  copy?: CopyOutcome;
  signatures?: readonly StepSignature[];
  proposal?: ProposalRef;
  /** Commit of the publication on the served branch. */
  publication?: string;
  /** It was published before this promotion came; nothing was asked again. */
  stood?: boolean;
  /** The rebuild that was asked for. */
  rebuild?: RebuildProgress;
  release?: ReleaseOutcome;
  /** Replicas that served the signature; 0 where the configuration names none. */
  replicas?: number;
  gate?: { readonly openedAt: number; deadline: number; state: GateState; decisions: Decision[] };
}

/** A rebuild that a promotion asked for; the workflow `rebuild/ENVIRONMENT` does it for all of them. */
export interface RebuildProgress {
  readonly request: string;
  /** Milliseconds since 1970 at which it was asked for. */
  readonly since: number;
  answer?: RebuildAnswer;
}

/** Why a promotion does not go on by itself. */
export interface Stall {
  /** `retry` names it, so that a double click does not retry twice. */
  readonly number: number;
  readonly environment: string;
  readonly step: Step | 'describe' | 'assess';
  readonly type: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
}

/** The state of a promotion. */
export interface PromotionState {
  readonly run: string;
  readonly started: string;
  to: string;
  readonly requesters: string[];
  readonly again: string[];
  route: readonly string[];
  readonly environments: EnvironmentState[];
  stall: Stall | null;
  stalls: number;
  /** Signals and updates that were refused; counted, and the last few reasons kept. */
  refused: number;
  readonly refusals: string[];
}

/** A promotion's state in one word, as lists and search attributes show it. */
export type PromotionCondition = 'running' | 'deciding' | 'stalled' | Outcome | 'failed';

/** The complete snapshot that the query `status` returns. */
export interface PromotionStatus {
  readonly id: string;
  readonly run: string;
  readonly image: PromotedImage;
  readonly condition: PromotionCondition;
  readonly to: string;
  readonly started: string;
  readonly requesters: readonly string[];
  readonly route: readonly string[];
  readonly environments: readonly EnvironmentStatus[];
  readonly stall: Stall | null;
  readonly refused: number;
  readonly refusals: readonly string[];
  readonly result: PromotionResult | null;
}

/** One environment in a snapshot. */
export interface EnvironmentStatus {
  readonly environment: string;
  readonly phase: EnvironmentPhase;
  readonly step: Step | null;
  readonly done: readonly Step[];
  readonly reference: string | null;
  readonly gate: Gate | null;
  readonly gateState: GateState | null;
  readonly deadline: number | null;
  readonly decisions: readonly Decision[];
  readonly copy: CopyOutcome | null;
  readonly proposal: ProposalRef | null;
  readonly publication: string | null;
  readonly stood: boolean;
  readonly rebuild: RebuildProgress | null;
  readonly release: ReleaseOutcome | null;
  readonly replicas: number | null;
}

/** A fresh state. */
export function newPromotion(run: string, started: string, input: PromotionInput): PromotionState {
  return {
    run,
    started,
    to: input.to,
    requesters: [input.requestedBy],
    again: input.again === true ? [input.to] : [],
    route: [],
    environments: [],
    stall: null,
    stalls: 0,
    refused: 0,
    refusals: [],
  };
}

/** The condition in one word. */
export function conditionOf(state: PromotionState, result: PromotionResult | null): PromotionCondition {
  if (result !== null) return result.outcome;
  if (state.stall !== null) return 'stalled';
  return state.environments.some((one) => one.phase === 'deciding') ? 'deciding' : 'running';
}

/** The snapshot of a state; every field is there, null where nothing is known yet. */
export function statusOf(
  id: string,
  image: PromotedImage,
  state: PromotionState,
  result: PromotionResult | null,
): PromotionStatus {
  const { run, to, started, requesters, route, stall, refused, refusals } = state;
  const environments = state.environments.map((one) => environmentStatus(image, one));
  const condition = conditionOf(state, result);
  return { id, run, image, condition, to, started, requesters, route, environments, stall, refused, refusals, result };
}

function environmentStatus(image: PromotedImage, one: EnvironmentState): EnvironmentStatus {
  return {
    environment: one.environment,
    phase: one.phase,
    step: one.step,
    done: one.done,
    reference: one.facts === undefined ? null : `${one.facts.registry}/${image.name}:${image.tag}`,
    gate: one.facts?.gate ?? null,
    gateState: one.gate?.state ?? null,
    deadline: one.gate?.deadline ?? null,
    decisions: one.gate?.decisions ?? [],
    copy: one.copy ?? null,
    proposal: one.proposal ?? null,
    publication: one.publication ?? null,
    stood: one.stood ?? false,
    rebuild: one.rebuild ?? null,
    release: one.release ?? null,
    replicas: one.replicas ?? null,
  };
}

/** The environments from the first one to the destination, or undefined where the route does not lead there. */
export function routeTo(route: readonly string[], to: string): readonly string[] | undefined {
  const end = route.indexOf(to);
  return end < 0 ? undefined : route.slice(0, end + 1);
}
