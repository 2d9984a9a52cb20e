import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { parseImageArgument } from '../../cli/promotions/image-argument.ts';
import { startPromotion } from '../../cli/promotions/start.ts';
import type { StartWish } from '../../cli/promotions/start.ts';
import type { Outcome, PromotionResult } from '../../workflows/domain/promotion.ts';
import { DIGEST, ID, OTHER_DIGEST, aDescription, fakeEngine } from './fake-engine.ts';
import type { FakeAnswers } from './fake-engine.ts';
import { NOW, fakeTerminal } from './fake-terminal.ts';
import { fakeEye, runFake } from './fixtures.ts';
import type { CliServices } from '../../cli/services.ts';

const WISH: StartWish = {
  image: { name: 'shop/web', tag: '1.4.2', digest: DIGEST },
  route: ['dev', 'qa', 'prod'],
  to: 'prod',
  requestedBy: 'ci@example.com',
  again: false,
};

function ended(outcome: Outcome, environment: string): FakeAnswers {
  const result: PromotionResult = { outcome, environment, reason: 'because', leftBehind: [] };
  return { descriptions: [aDescription({ execution: 'completed' })], ending: { result, failure: null } };
}

async function start(answers: FakeAnswers, wish: Partial<StartWish> = {}, isPromoted = false) {
  const engine = fakeEngine(answers);
  const tools = { engine, isPromoted: () => Promise.resolve(isPromoted), now: () => NOW };
  return { engine, started: await startPromotion({ ...WISH, ...wish }, tools) };
}

describe('startPromotion', () => {
  it('starts with an initial memo and search attributes, and extends its own run harmlessly', async () => {
    const { engine, started } = await start({});
    expect(started).toEqual({ started: 'started', id: ID, run: 'run-1' });
    expect(engine.sent.starts).toMatchObject([
      {
        id: ID,
        input: { image: WISH.image, entry: 'dev', to: 'prod', requestedBy: 'ci@example.com' },
        memo: { condition: 'running', environment: 'dev', to: 'prod', run: '', stall: 0 },
      },
    ]);
    expect(engine.sent.signals).toEqual([
      { id: ID, run: 'run-1', name: 'extend', message: { to: 'prod', requestedBy: 'ci@example.com' } },
    ]);
  });

  it('joins the promotion that runs', async () => {
    const { started } = await start({ descriptions: [aDescription()] });
    expect(started).toMatchObject({ started: 'joined' });
  });

  it('starts again where the run it joined has just ended', async () => {
    const { engine } = await start({ signals: ['closed', 'delivered'] });
    expect(engine.sent.starts).toHaveLength(2);
    expect(engine.sent.signals.map(({ run }) => run)).toEqual(['run-1', 'run-2']);
  });

  it('gives up where every run ends at once', async () => {
    await expect(start({ signals: Array.from({ length: 50 }, () => 'closed' as const) })).rejects.toThrow(
      /ended 5 times/,
    );
  });

  it('starts nothing where the destination serves the image', async () => {
    const { engine, started } = await start({}, {}, true);
    expect(started).toEqual({ started: 'already-promoted', id: ID });
    expect(engine.sent.starts).toEqual([]);
  });

  it('starts with --again although the destination serves the image, and says so to the workflow', async () => {
    const { engine, started } = await start({}, { again: true }, true);
    expect(started.started).toBe('started');
    expect(engine.sent.starts[0]?.input.again).toBe(true);
    expect(engine.sent.signals[0]?.message).toMatchObject({ again: true });
  });

  it.each([
    ['rejected', 'prod', EXIT.rejected],
    ['rejected', 'qa', EXIT.rejected],
    ['expired', 'prod', EXIT.expired],
    ['superseded', 'prod', EXIT.superseded],
  ] as const)('refuses without --again after it was %s in %s', async (outcome, environment, exitCode) => {
    await expect(start(ended(outcome, environment))).rejects.toMatchObject({ exitCode });
    const { started } = await start(ended(outcome, environment), { again: true });
    expect(started.started).toBe('started');
  });

  it.each([
    ['released', 'prod', 'prod'],
    ['aborted', 'prod', 'prod'],
    ['superseded', 'qa', 'prod'],
    ['rejected', 'prod', 'qa'],
  ] as const)('starts after it was %s in %s, to %s', async (outcome, environment, to) => {
    expect((await start(ended(outcome, environment), { to })).started.started).toBe('started');
  });

  it('starts after a failure', async () => {
    const { started } = await start({ descriptions: [aDescription({ execution: 'failed' })] });
    expect(started.started).toBe('started');
  });
});

const PLACES = {
  entry: 'dev',
  registry: 'registry.dev.example.com/acme',
  sources: ['quay.example.com/builds', 'quay.example.com/builds/deep'],
  later: { prod: 'registry.prod.example.com/acme' },
};

describe('parseImageArgument', () => {
  it.each([
    ['shop/web:1.4.2', undefined, { name: 'shop/web', tag: '1.4.2' }],
    ['web:1', undefined, { name: 'web', tag: '1' }],
    ['registry.dev.example.com/acme/shop/web:1.4.2', undefined, { name: 'shop/web', tag: '1.4.2' }],
    [`shop/web@${DIGEST}`, '1.4.2', { name: 'shop/web', tag: '1.4.2', digest: DIGEST }],
    [`shop/web:1.4.2@${DIGEST}`, '1.4.2', { name: 'shop/web', tag: '1.4.2', digest: DIGEST }],
    ['quay.example.com/builds/web:1', undefined, { name: 'web', tag: '1', source: 'quay.example.com/builds' }],
    [
      'quay.example.com/builds/deep/web:1',
      undefined,
      { name: 'web', tag: '1', source: 'quay.example.com/builds/deep' },
    ],
  ])('reads %s with --tag %s', (text, tag, expected) => {
    const { reference, ...wanted } = parseImageArgument(text, tag, PLACES);
    expect(wanted).toEqual(expected);
    expect(reference.tag).toBe(expected.tag);
  });

  it.each([
    ['registry.prod.example.com/acme/shop/web:1', undefined, /it lies in prod; a promotion begins in dev/],
    ['elsewhere.example.com/web:1', undefined, /lies outside registry\.dev\.example\.com\/acme/],
    ['registry.dev.example.com/acmeevil/web:1', undefined, /lies outside/],
    ['shop/web', undefined, /has no tag/],
    [`shop/web@${DIGEST}`, undefined, /has no tag/],
    ['shop/web:1', '2', /name two tags/],
    ['shop/web', 'no tag', /--tag "no tag"/],
    [`shop/web:1@sha512:${'a'.repeat(128)}`, undefined, /expected a sha256 digest/],
    ['Shop/web:1', undefined, /lower case/],
    ['shop/../web:1', undefined, /invalid reference/],
  ])('refuses %s with --tag %s', (text, tag, message) => {
    expect(() => parseImageArgument(text, tag, PLACES)).toThrow(message);
  });
});

describe('countersign start', () => {
  const args = ['start', 'shop/web:1.4.2', '--to', 'prod', '--output', 'json'];

  it('says which promotion it started', async () => {
    const terminal = fakeTerminal();
    const engine = fakeEngine();
    expect(await runFake(args, { terminal, engine })).toBe(EXIT.success);
    expect(JSON.parse(terminal.out())).toEqual({
      started: 'started',
      id: ID,
      run: 'run-1',
      to: 'prod',
      digest: DIGEST,
      reference: 'registry.prod.example.com/acme/shop/web:1.4.2',
      condition: 'running',
      outcome: null,
      environment: null,
      reason: null,
    });
    expect(engine.sent.starts[0]?.input.requestedBy).toBe('caller@example.com');
  });

  it('has the same fields where nothing is left to do, and where it was waited for', async () => {
    const wanted = [
      'id',
      'run',
      'digest',
      'reference',
      'condition',
      'outcome',
      'environment',
      'reason',
      'started',
      'to',
    ];
    const result: PromotionResult = { outcome: 'rejected', environment: 'prod', reason: 'no', leftBehind: [] };
    const engine = { ...fakeEngine(), describe: () => Promise.resolve(aDescription({ execution: 'completed' })) };
    const waited = { ...engine, ending: () => Promise.resolve({ result, failure: null }) };
    const promoted = fakeEye({ isPromoted: () => Promise.resolve(true) });
    const one = fakeTerminal();
    expect(await runFake(args, { terminal: one, engine, eye: promoted })).toBe(EXIT.success);
    const other = fakeTerminal();
    expect(await runFake([...args, '--wait', '--again'], { terminal: other, engine: waited })).toBe(EXIT.rejected);
    for (const terminal of [one, other]) {
      expect(Object.keys(JSON.parse(terminal.out()) as object)).toEqual(expect.arrayContaining(wanted));
    }
    expect(JSON.parse(one.out())).toMatchObject({ started: 'already-promoted', outcome: 'released', run: null });
    expect(JSON.parse(other.out())).toMatchObject({ outcome: 'rejected', environment: 'prod', reason: 'no' });
  });

  it('finds Temporal where --temporal says', async () => {
    const asked: unknown[] = [];
    const openEngine: CliServices['openEngine'] = ({ temporal }) => {
      asked.push(temporal);
      return Promise.resolve({ engine: fakeEngine(), close: () => Promise.resolve() });
    };
    const command = [...args, '--temporal', 'temporal.example.com:7233'];
    expect(await runFake(command, { terminal: fakeTerminal(), services: { openEngine } })).toBe(EXIT.success);
    expect(asked).toEqual([{ address: 'temporal.example.com:7233', namespace: 'default' }]);
    const wrong = fakeTerminal();
    expect(await runFake([...args, '--temporal', 'http://x:1'], { terminal: wrong })).toBe(EXIT.usage);
    expect(wrong.err()).toContain('--temporal is a URL; expected HOST:PORT');
  });

  it('warns where the tag points elsewhere by now, and promotes the digest that was given', async () => {
    const terminal = fakeTerminal();
    const eye = fakeEye({ resolve: () => Promise.resolve({ look: 'found', digest: OTHER_DIGEST }) });
    const engine = fakeEngine();
    await runFake(['start', `shop/web:1.4.2@${DIGEST}`, '--to', 'prod'], { terminal, engine, eye });
    expect(terminal.err()).toContain('points to fedcba987654 by now');
    expect(engine.sent.starts[0]?.input.image.digest).toBe(DIGEST);
  });

  it('ends with 10 where the registry has no such tag', async () => {
    const eye = fakeEye({ resolve: () => Promise.resolve({ look: 'absent' }) });
    const engine = fakeEngine();
    expect(await runFake(args, { terminal: fakeTerminal(), engine, eye })).toBe(EXIT.notFound);
    expect(engine.sent.starts).toEqual([]);
  });

  const blind = fakeEye({ resolve: () => Promise.resolve({ look: 'unreadable', reason: 'access denied' }) });

  it('asks the first environment’s worker where its own credentials do not reach', async () => {
    const engine = fakeEngine({ resolve: { reply: 'resolved', digest: OTHER_DIGEST } });
    expect(await runFake(args, { terminal: fakeTerminal(), engine, eye: blind })).toBe(EXIT.success);
    expect(engine.sent.starts[0]?.input.image.digest).toBe(OTHER_DIGEST);
  });

  it.each([
    [{ resolve: { reply: 'failed', type: 'image-unknown', message: 'none' } } as const, EXIT.notFound, 'none'],
    [{ resolve: { reply: 'unanswered' } } as const, EXIT.unreachable, 'did not answer within 60 s'],
    [{ polls: { countersign: null } }, EXIT.unreachable, 'no orchestrator polls'],
    [{ polls: { 'countersign-dev': null } }, EXIT.unreachable, 'no worker polls the queue countersign-dev'],
  ])('ends with a reason where nobody resolves the tag: %j', async (answers, code, message) => {
    const terminal = fakeTerminal();
    expect(await runFake(args, { terminal, engine: fakeEngine(answers), eye: blind })).toBe(code);
    expect(terminal.err()).toContain(message);
  });

  it('says already promoted with exit code 0', async () => {
    const terminal = fakeTerminal();
    const eye = fakeEye({ isPromoted: (environment) => Promise.resolve(environment === 'prod') });
    expect(await runFake([...args, '--wait'], { terminal, engine: fakeEngine(), eye })).toBe(EXIT.success);
    expect(JSON.parse(terminal.out())).toMatchObject({ started: 'already-promoted', id: ID });
  });
});
