import { isCancellation } from '@temporalio/workflow';
import { environmentActivities } from './activities.ts';
import { PromotionEnd } from './failures.ts';
import type { PromotionRun } from './promotion-run.ts';
import type { OpenGate } from '../domain/decision.ts';
import { evaluateGate } from '../domain/gate.ts';
import type { GateContext, GateState, PeopleGate } from '../domain/gate.ts';
import type { EnvironmentState } from '../domain/promotion.ts';

const DAY_MS = 24 * 3600 * 1000;

/** Waits until the environment's gate is passed; ends the promotion where it is rejected or its deadline passes. */
export async function decide(run: PromotionRun, one: EnvironmentState): Promise<void> {
  for (;;) {
    const gate = one.facts?.gate;
    if (gate === undefined || gate.kind === 'none') break;
    if (one.gate?.state === 'passed') break;
    openGate(one, gate);
    run.show();
    await untilDecided(run, one);
    // After the wait nothing is taken for granted: approvers, quorum and deadline are read again.
    await readFacts(run, one);
    if (settle(run, one) !== 'open') break;
  }
  one.phase = 'running';
  if (!one.done.includes('decide')) one.done.push('decide');
  run.show();
}

/** The gate that takes decisions now, or undefined where none is open. */
export function openGateOf(run: PromotionRun): OpenGate | undefined {
  const one = run.state.environments.find(({ phase }) => phase === 'deciding');
  if (one?.gate === undefined || one.facts?.gate.kind !== 'people') return undefined;
  const context = contextOf(run, one, one.facts.gate);
  const { decisions } = one.gate;
  const { environment } = one;
  const state = evaluateGate(context, decisions, Date.now());
  const { gate, requesters } = context;
  return { environment, digest: run.input.image.digest, run: run.state.run, gate, requesters, state, decisions };
}

/** Reads the environment's facts again; its own configuration is the only source of route and gate. */
export async function readFacts(run: PromotionRun, one: EnvironmentState): Promise<void> {
  const attempts = one.facts?.attempts ?? 20;
  const activities = environmentActivities(one.environment, { attempts });
  const { environment } = one;
  one.facts = await run.attempt(one, 'describe', () => activities.describe({ environment }));
}

/** The environment's worker found the decisions insufficient: its gate is open again. */
export async function reopen(run: PromotionRun, one: EnvironmentState, reason: string): Promise<void> {
  await readFacts(run, one);
  const gate = one.facts?.gate;
  if (
    one.gate === undefined ||
    gate?.kind !== 'people' ||
    evaluateGate(contextOf(run, one, gate), one.gate.decisions, Date.now()) === 'passed'
  ) {
    await run.stall(one, 'publish', { type: 'decisions-insufficient', message: reason });
    return;
  }
  one.gate.state = 'open';
  one.done.splice(0, one.done.length, ...one.done.filter((step) => step !== 'decide'));
}

function openGate(one: EnvironmentState, gate: PeopleGate): void {
  const openedAt = one.gate?.openedAt ?? Date.now();
  one.gate = { openedAt, deadline: openedAt + gate.deadlineMs, state: 'open', decisions: one.gate?.decisions ?? [] };
  one.phase = 'deciding';
  one.step = 'decide';
}

/** Waits for a message that settles the gate, or its deadline; has a look at the configuration once a day. */
async function untilDecided(run: PromotionRun, one: EnvironmentState): Promise<void> {
  while (evaluate(run, one) === 'open' && one.gate !== undefined) {
    const nextLook = Date.now() + DAY_MS;
    await run.untilMessage(Math.min(one.gate.deadline, nextLook));
    if (Date.now() >= nextLook) await glance(run, one);
  }
}

/** The daily look must not hold up a decision: an absent worker is no reason to stop waiting. */
async function glance(run: PromotionRun, one: EnvironmentState): Promise<void> {
  try {
    const { environment } = one;
    one.facts = await environmentActivities(environment, { attempts: 2 }).glance({ environment });
    if (one.gate !== undefined && one.facts.gate.kind === 'people') {
      one.gate.deadline = one.gate.openedAt + one.facts.gate.deadlineMs;
    }
  } catch (error) {
    if (isCancellation(error) && run.aborted !== null) throw error;
  }
}

function settle(run: PromotionRun, one: EnvironmentState): GateState {
  const gate = one.facts?.gate;
  if (gate?.kind !== 'people' || one.gate === undefined) return 'passed';
  one.gate.deadline = one.gate.openedAt + gate.deadlineMs;
  const state = evaluate(run, one);
  one.gate.state = state;
  if (state === 'rejected') {
    const rejection = one.gate.decisions.find(({ verdict }) => verdict === 'reject');
    throw new PromotionEnd(
      'rejected',
      one.environment,
      `${rejection?.by ?? 'an approver'}: ${rejection?.reason ?? ''}`,
    );
  }
  if (state === 'expired') {
    const deadline = new Date(one.gate.deadline).toISOString();
    throw new PromotionEnd(
      'expired',
      one.environment,
      `the gate's deadline ${deadline} passed without ${gate.quorum} approvals`,
    );
  }
  return state;
}

function evaluate(run: PromotionRun, one: EnvironmentState): GateState {
  const gate = one.facts?.gate;
  if (gate?.kind !== 'people' || one.gate === undefined) return 'passed';
  return evaluateGate(contextOf(run, one, gate), one.gate.decisions, Date.now());
}

function contextOf(run: PromotionRun, one: EnvironmentState, gate: PeopleGate): GateContext {
  return { gate, requesters: run.state.requesters, deadline: one.gate?.deadline ?? 0 };
}
