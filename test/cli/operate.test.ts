import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { findLeftovers } from '../../cli/operations/find-leftovers.ts';
import { DIGEST, ID, aDescription, aMemo, fakeEngine } from './fake-engine.ts';
import type { FakeAnswers } from './fake-engine.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { aStatus, runFake } from './fixtures.ts';
import type { PromotionInput } from '../../workflows/domain/promotion.ts';

async function run(args: readonly string[], answers: FakeAnswers) {
  const terminal = fakeTerminal();
  const engine = fakeEngine(answers);
  const code = await runFake(args, { terminal, engine });
  return { code, engine, out: terminal.out(), err: terminal.err() };
}

const STALL = {
  number: 3,
  environment: 'prod',
  step: 'publish',
  type: 'internal',
  message: 'no',
  since: 1,
  until: 2,
} as const;
const FAILED = aDescription({ execution: 'failed', run: 'run-last' });

describe('countersign retry', () => {
  it('names the number of the stall', async () => {
    const status = aStatus({ condition: 'stalled', stall: STALL });
    const { code, engine } = await run(['retry', ID], { descriptions: [aDescription()], status });
    expect(code).toBe(EXIT.success);
    expect(engine.sent.signals).toEqual([{ id: ID, name: 'retry', message: { stall: 3 } }]);
  });

  it('takes the number from the memo where no worker answers', async () => {
    const memo = aMemo({ condition: 'stalled', stall: 7, stalled: 'x' });
    const { engine } = await run(['retry', ID], { descriptions: [aDescription({ memo })] });
    expect(engine.sent.signals[0]?.message).toEqual({ stall: 7 });
  });

  it('refuses where nothing is stalled', async () => {
    const { code, engine, err } = await run(['retry', ID], { descriptions: [aDescription()], status: aStatus() });
    expect({ code, signals: engine.sent.signals }).toEqual({ code: EXIT.refused, signals: [] });
    expect(err).toContain('is not stalled, it is deciding');
  });
});

describe('countersign abort', () => {
  it('says who and why', async () => {
    const { code, engine } = await run(['abort', ID, '--reason', 'wrong image'], { descriptions: [aDescription()] });
    expect(code).toBe(EXIT.success);
    expect(engine.sent.signals).toEqual([
      { id: ID, name: 'abort', message: { by: 'caller@example.com', reason: 'wrong image' } },
    ]);
  });

  it('refuses what has ended', async () => {
    expect((await run(['abort', ID], { descriptions: [FAILED] })).code).toBe(EXIT.refused);
    expect((await run(['abort', ID], { descriptions: [aDescription()], signals: ['closed'] })).code).toBe(EXIT.refused);
  });
});

describe('countersign replay', () => {
  const input: PromotionInput = {
    image: { name: 'shop/web', tag: '1.4.2', digest: DIGEST, source: 'quay.example.com/builds' },
    entry: 'dev',
    to: 'qa',
    requestedBy: 'ci@example.com',
    again: true,
  };

  it('starts a failed promotion under its id with its original start time and requesters', async () => {
    const status = aStatus({ requesters: ['ci@example.com', 'zoe@example.com'] });
    const { code, engine } = await run(['replay', ID], { descriptions: [FAILED], input, status });
    expect(code).toBe(EXIT.success);
    const { started } = aMemo();
    expect(engine.sent.starts).toMatchObject([
      { id: ID, input: { ...input, to: 'prod', started }, memo: { started, run: '' } },
    ]);
    expect(engine.sent.signals).toMatchObject([
      { name: 'extend', message: { to: 'prod', requestedBy: 'zoe@example.com' } },
    ]);
  });

  it('rebuilds its arguments from the memo, and from the id where there is none', async () => {
    const fromMemo = await run(['replay', ID], { descriptions: [FAILED] });
    const image = { name: 'shop/web', tag: '1.4.2', digest: DIGEST };
    expect(fromMemo.engine.sent.starts[0]?.input).toMatchObject({
      image,
      entry: 'dev',
      to: 'prod',
      requestedBy: 'caller@example.com',
    });
    const bare = { ...FAILED, memo: {} };
    const fromId = await run(['replay', ID, '--to', 'qa', '--by', 'ops@example.com'], { descriptions: [bare] });
    const startedAt = new Date(FAILED.startedAt).toISOString();
    expect(fromId.engine.sent.starts[0]?.input).toEqual({
      image,
      entry: 'dev',
      to: 'qa',
      requestedBy: 'ops@example.com',
      started: startedAt,
    });
    expect((await run(['replay', ID], { descriptions: [bare] })).code).toBe(EXIT.usage);
  });

  it.each([
    ['running', 'has not ended'],
    ['completed', 'did not fail'],
  ] as const)('refuses one that is %s', async (execution, message) => {
    const { code, engine, err } = await run(['replay', ID], { descriptions: [aDescription({ execution })] });
    expect({ code, starts: engine.sent.starts }).toEqual({ code: EXIT.refused, starts: [] });
    expect(err).toContain(message);
  });

  it.each(['failed', 'terminated', 'timed-out', 'cancelled'] as const)('takes one that is %s', async (execution) => {
    expect((await run(['replay', ID], { descriptions: [aDescription({ execution })] })).code).toBe(EXIT.success);
  });
});

describe('findLeftovers', () => {
  const proposal = {
    branch: 'countersign/prod/1',
    commit: '1',
    promotion: ID,
    run: 'run-first',
    reference: 'r',
    digest: DIGEST,
    started: '',
  };
  const why = async (answers: FakeAnswers) =>
    (await findLeftovers([proposal], fakeEngine(answers))).map((one) => one.why);

  it('leaves the proposal of a running promotion alone', async () => {
    expect(await why({ descriptions: [aDescription()] })).toEqual([]);
    expect(await why({ descriptions: [aDescription({ memo: aMemo({ run: '' }) })] })).toEqual([]);
  });

  it('says why another one is left over', async () => {
    expect(await why({ descriptions: [FAILED] })).toEqual(['ended']);
    expect(await why({ descriptions: [aDescription({ memo: aMemo({ run: 'newer' }) })] })).toEqual(['another-run']);
    expect(await why({})).toEqual(['unknown']);
  });
});
