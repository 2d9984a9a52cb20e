import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { deliverDecision } from '../../cli/promotions/decide.ts';
import { canonicalStatement, statementId } from '../../cli/promotions/statement.ts';
import type { DecideMessage } from '../../workflows/domain/messages.ts';
import { DIGEST, ID, aDescription, aMemo, fakeEngine } from './fake-engine.ts';
import type { FakeAnswers } from './fake-engine.ts';
import { fakeTerminal } from './fake-terminal.ts';
import type { FakeTerminalOptions } from './fake-terminal.ts';
import { aStatus, runFake } from './fixtures.ts';

const MESSAGE: DecideMessage = {
  verdict: 'approve',
  environment: 'prod',
  digest: DIGEST,
  run: 'run-first',
  by: 'ann@example.com',
};

describe('deliverDecision', () => {
  it('answers with the judgement of the update, and sends no signal', async () => {
    const answer = { decision: 'counted', gateState: 'open' } as const;
    const engine = fakeEngine({ decide: { reply: 'judged', answer } });
    expect(await deliverDecision(engine, { id: ID }, MESSAGE)).toEqual({ outcome: 'judged', answer });
    expect(engine.sent.signals).toEqual([]);
  });

  it('leaves the same statement as a signal where the update gets no answer', async () => {
    const engine = fakeEngine({ decide: { reply: 'unanswered' } });
    expect(await deliverDecision(engine, { id: ID, run: 'run-first' }, MESSAGE)).toEqual({ outcome: 'delivered' });
    const { verdict, ...statement } = MESSAGE;
    expect(engine.sent.signals).toEqual([{ id: ID, name: verdict, message: statement }]);
  });

  it('sends a rejection as the signal reject', async () => {
    const engine = fakeEngine();
    await deliverDecision(engine, { id: ID }, { ...MESSAGE, verdict: 'reject', reason: 'no' });
    expect(engine.sent.signals[0]).toMatchObject({ name: 'reject', message: { reason: 'no' } });
  });

  it('passes on why a decision was refused', async () => {
    const engine = fakeEngine({ decide: { reply: 'refused', reason: 'not an approver' } });
    expect(await deliverDecision(engine, { id: ID }, MESSAGE)).toEqual({
      outcome: 'refused',
      reason: 'not an approver',
    });
  });

  it.each([{ decide: { reply: 'closed' } }, { signals: ['closed'] }] as FakeAnswers[])(
    'says that the promotion has ended: %j',
    async (answers) => {
      const outcome = await deliverDecision(fakeEngine(answers), { id: ID }, MESSAGE);
      expect(outcome).toEqual({ outcome: 'refused', reason: 'the promotion has ended' });
    },
  );
});

describe('the id of a statement', () => {
  it('does not depend on the order of the fields', () => {
    const { by, ...rest } = MESSAGE;
    expect(canonicalStatement({ by, ...rest })).toBe(canonicalStatement({ ...rest, by }));
  });

  it('is a SHA-256 and differs with every field', () => {
    const ids = [
      MESSAGE,
      { ...MESSAGE, verdict: 'reject' as const },
      { ...MESSAGE, run: 'other' },
      { ...MESSAGE, reason: 'x' },
    ].map(statementId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

const JUDGED = { reply: 'judged', answer: { decision: 'counted', gateState: 'open' } } as const;

async function approve(answers: FakeAnswers, options: FakeTerminalOptions = {}, ...more: string[]) {
  const terminal = fakeTerminal(options);
  const memo = aMemo({ condition: 'deciding', environment: 'prod' });
  const engine = fakeEngine({ descriptions: [aDescription({ memo })], status: aStatus(), decide: JUDGED, ...answers });
  const args = ['approve', 'shop/web:1.4.2', '--environment', 'prod', '--by', 'bob@example.com', ...more];
  const code = await runFake(args, { terminal, engine });
  return { code, engine, out: terminal.out(), err: terminal.err() };
}

describe('countersign approve', () => {
  it('shows what is approved, and sends run and full digest of what it showed', async () => {
    const { code, engine, out, err } = await approve({});
    expect(code).toBe(EXIT.success);
    expect(err).toContain(DIGEST);
    expect(err).toContain('from     registry.dev.example.com/acme/shop/web:1.4.2');
    expect(err).toContain('into     registry.prod.example.com/acme/shop/web:1.4.2');
    expect(err).toContain('passed   dev, commit 111111111111');
    expect(err).toContain('bob@example.com (claimed, not proven)');
    expect(engine.sent.decisions).toEqual([
      { message: { ...MESSAGE, by: 'bob@example.com' }, updateId: statementId({ ...MESSAGE, by: 'bob@example.com' }) },
    ]);
    expect(out).toBe(`approved ${DIGEST} for prod as bob@example.com; the gate is open\n`);
  });

  it('asks on a terminal, and decides nothing without a yes', async () => {
    for (const input of ['n\n', '\n', 'yeah\n', '']) {
      const { code, engine } = await approve({}, { isTTY: true, input });
      expect({ code, sent: engine.sent.decisions }).toEqual({ code: EXIT.refused, sent: [] });
    }
    expect((await approve({}, { isTTY: true, input: 'y\n' })).code).toBe(EXIT.success);
    expect((await approve({}, { isTTY: true, input: '' }, '--yes')).code).toBe(EXIT.success);
  });

  it('ends with 11 and the reason where the decision is refused', async () => {
    const { code, err } = await approve({ decide: { reply: 'refused', reason: 'the gate \u001b[2Jis passed' } });
    expect(code).toBe(EXIT.refused);
    expect(err).toContain('error: the decision was refused: the gate \\u{1b}[2Jis passed');
  });

  it('ends with 12 where it is delivered and not yet judged, with run and digest from the memo', async () => {
    const terminal = fakeTerminal();
    const engine = fakeEngine({ descriptions: [aDescription()] });
    const code = await runFake(['approve', DIGEST, '--environment', 'prod', '--output', 'json'], { terminal, engine });
    expect(code).toBe(EXIT.unjudged);
    expect(JSON.parse(terminal.out())).toMatchObject({ outcome: 'delivered', run: 'run-first', digest: DIGEST });
    expect(terminal.err()).toContain('from     registry.qa.example.com/acme/shop/web:1.4.2');
    expect(engine.sent.signals[0]?.message).toMatchObject({
      run: 'run-first',
      digest: DIGEST,
      by: 'caller@example.com',
    });
  });

  it('names the only run of a promotion that has shown nothing yet', async () => {
    const engine = fakeEngine({ descriptions: [aDescription({ run: 'only', memo: aMemo({ run: '' }) })] });
    await runFake(['approve', ID, '--environment', 'prod'], { terminal: fakeTerminal(), engine });
    expect(engine.sent.decisions[0]?.message.run).toBe('only');
  });
});
