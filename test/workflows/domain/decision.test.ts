import { describe, expect, it } from 'vitest';
import { judgeDecision, parseDecision } from '../../../workflows/domain/decision.ts';
import type { OpenGate, UntrustedDecision } from '../../../workflows/domain/decision.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { evaluateGate, mergeApprovers } from '../../../workflows/domain/gate.ts';
import type { Decision, GateContext, PeopleGate } from '../../../workflows/domain/gate.ts';

const DIGEST = `sha256:${'a'.repeat(64)}` as Digest;
const ANN = 'Ann Lee <ann@example.com>';
const BOB = 'Bob <bob@example.com>';
const CAT = 'Cat <cat@example.com>';
const AT = '2026-01-02T03:04:05.000Z';
const NOW = Date.parse(AT);

const gate: PeopleGate = {
  kind: 'people',
  before: 'publish',
  quorum: 2,
  approvers: [{ userIds: [ANN, 'Ann Lee <ann@home.example>'] }, { userIds: [BOB] }, { userIds: [CAT] }],
  identity: 'claimed',
  deadlineMs: 1000,
  group: 'prod-approvers',
};
const context: GateContext = { gate, requesters: ['ci'], deadline: NOW + 1000 };
const approve = (by: string, at = AT): Decision => ({ verdict: 'approve', by, at });
const reject = (by: string): Decision => ({ verdict: 'reject', by, at: AT, reason: 'no' });

describe('evaluateGate', () => {
  it('is open until the quorum of different people is reached', () => {
    expect(evaluateGate(context, [], NOW)).toBe('open');
    expect(evaluateGate(context, [approve(ANN)], NOW)).toBe('open');
    expect(evaluateGate(context, [approve(ANN), approve(BOB)], NOW)).toBe('passed');
  });

  it('counts one person once, whatever user id they use', () => {
    expect(
      evaluateGate(context, [approve(ANN), approve('Ann Lee <ann@home.example>'), approve('ANN@example.com')], NOW),
    ).toBe('open');
  });

  it('lets a rejection win over every approval, before and after it', () => {
    const all = [approve(ANN), approve(BOB), approve(CAT)];
    expect(evaluateGate(context, [...all, reject(CAT)], NOW)).toBe('rejected');
    expect(evaluateGate(context, [reject(CAT), ...all], NOW)).toBe('rejected');
  });

  it('does not count strangers, nor the requester under any of their addresses', () => {
    expect(evaluateGate(context, [approve('Eve <eve@example.com>'), approve(ANN)], NOW)).toBe('open');
    expect(evaluateGate(context, [reject('Eve <eve@example.com>')], NOW)).toBe('open');
    const own = { ...context, requesters: ['ann@home.example'] };
    expect(evaluateGate(own, [approve(ANN), approve(BOB)], NOW)).toBe('open');
    expect(evaluateGate(own, [reject(ANN)], NOW)).toBe('open');
    expect(evaluateGate(own, [approve(CAT), approve(BOB)], NOW)).toBe('passed');
  });

  it('expires at the deadline, and not where the quorum was there in time', () => {
    expect(evaluateGate(context, [approve(ANN)], NOW + 1000)).toBe('expired');
    expect(evaluateGate(context, [approve(ANN), approve(BOB)], NOW + 5000)).toBe('passed');
    expect(evaluateGate(context, [approve(ANN), approve(BOB, new Date(NOW + 1000).toISOString())], NOW + 5000)).toBe(
      'expired',
    );
  });

  it('comes to the same end in every order of two approvals, a rejection and an expiry', () => {
    const votes = [approve(ANN), approve(BOB), reject(CAT)];
    for (const order of permutations(votes)) expect(evaluateGate(context, order, NOW)).toBe('rejected');
    for (const order of permutations(votes)) expect(evaluateGate(context, order, NOW + 9999)).toBe('rejected');
  });
});

describe('mergeApprovers', () => {
  it('makes certificates that share a mail address one person, in any order', () => {
    const certificates = [
      { userIds: [ANN] },
      { userIds: [BOB] },
      { userIds: ['Ann L. <ann@EXAMPLE.com>', 'A <a@x.example>'] },
      { userIds: ['<a@x.example>'] },
    ];
    for (const order of permutations(certificates)) expect(mergeApprovers(order)).toHaveLength(2);
  });
});

describe('judgeDecision', () => {
  const open: OpenGate = {
    environment: 'prod',
    digest: DIGEST,
    run: 'run-1',
    gate,
    requesters: ['ci', CAT],
    state: 'open',
    decisions: [],
  };
  const good: UntrustedDecision = {
    verdict: 'approve',
    environment: 'prod',
    digest: DIGEST,
    run: 'run-1',
    by: 'ann@example.com',
  };

  it('accepts an approver by mail address and writes the whole user id', () => {
    expect(judgeDecision(open, good, AT)).toEqual({
      accepted: true,
      repeated: false,
      decision: { verdict: 'approve', by: ANN, at: AT },
    });
  });

  it('counts the same statement of one person once', () => {
    const judged = judgeDecision({ ...open, decisions: [approve('Ann Lee <ann@home.example>')] }, good, AT);
    expect(judged).toMatchObject({ accepted: true, repeated: true });
  });

  it.each([
    ['another digest', { digest: `sha256:${'b'.repeat(64)}` }, /this promotion carries/],
    ['another run', { run: 'run-0' }, /is for run "run-0"/],
    ['another environment', { environment: 'qa' }, /no gate of "qa" is open; prod is being decided/],
    ['a stranger', { by: 'eve@example.com' }, /not among the approvers/],
    [
      'a stranger with an approver inside the name',
      { by: 'ann@example.com <eve@example.com>' },
      /not among the approvers/,
    ],
    ['the requester', { by: CAT }, /decided by others/],
  ])('refuses a decision of %s', (_, change, reason) => {
    const judged = judgeDecision(open, { ...good, ...change }, AT);
    expect(judged).toMatchObject({ accepted: false, reason: expect.stringMatching(reason) });
  });

  it('refuses everything while no gate is open, and after it is settled', () => {
    expect(judgeDecision(undefined, good, AT)).toMatchObject({ accepted: false, reason: 'no gate of "prod" is open' });
    expect(judgeDecision({ ...open, state: 'passed' }, good, AT)).toMatchObject({
      accepted: false,
      reason: 'the gate of prod is passed already',
    });
  });
});

describe('parseDecision', () => {
  const good = { environment: 'prod', digest: DIGEST, run: 'r', by: 'ann@example.com' };

  it('takes the four fields and an optional reason', () => {
    expect(parseDecision('approve', { ...good, extra: 1 })).toEqual({ decision: { verdict: 'approve', ...good } });
    expect(parseDecision('reject', { ...good, reason: 'no' })).toEqual({
      decision: { verdict: 'reject', ...good, reason: 'no' },
    });
  });

  it.each([
    null,
    undefined,
    7,
    'yes',
    [],
    {},
    { ...good, digest: 'sha256:abc' },
    { ...good, run: '' },
    { ...good, by: 5 },
    { ...good, by: 'x'.repeat(600) },
    { ...good, environment: ['prod'] },
    { ...good, reason: 5 },
    { ...good, reason: 'x'.repeat(5000) },
  ])('refuses %j with a reason', (untrusted) => {
    expect(parseDecision('approve', untrusted)).toEqual({ refused: expect.any(String) });
  });

  it('refuses a rejection without a reason', () => {
    expect(parseDecision('reject', { ...good, reason: ' ' })).toEqual({ refused: 'a rejection needs a reason' });
  });
});

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}
