import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { readPromotion } from '../../cli/promotions/read-promotion.ts';
import type { PromotionView } from '../../cli/promotions/view.ts';
import { ID, aDescription, aMemo, anActivity, fakeEngine } from './fake-engine.ts';
import type { FakeAnswers } from './fake-engine.ts';
import { NOW, fakeTerminal } from './fake-terminal.ts';
import { aStatus, runFake } from './fixtures.ts';
import type { Outcome } from '../../workflows/domain/promotion.ts';

async function read(answers: FakeAnswers): Promise<PromotionView> {
  const view = await readPromotion(fakeEngine(answers), ID, { now: () => NOW });
  if (view === undefined) throw new Error('nothing was read');
  return view;
}

async function status(answers: FakeAnswers, env: Record<string, string> = {}) {
  const terminal = fakeTerminal({ env });
  const code = await runFake(['status', 'shop/web:1.4.2'], { terminal, engine: fakeEngine(answers) });
  return { code, out: terminal.out(), err: terminal.err() };
}

const DECIDING = aDescription({ memo: aMemo({ condition: 'deciding', environment: 'prod', step: 'decide' }) });
const STALLED = aDescription({
  memo: aMemo({ condition: 'stalled', environment: 'prod', step: 'publish', stalled: 'push refused: 403', stall: 2 }),
});

describe('readPromotion', () => {
  it('shows state and environment from the memo where nobody polls, without asking anybody', async () => {
    const view = await read({ descriptions: [STALLED], status: aStatus(), polls: { countersign: null } });
    expect(view).toMatchObject({
      condition: 'stalled',
      environment: 'prod',
      step: 'publish',
      answered: false,
      stall: { number: 2, message: 'push refused: 403' },
    });
    expect(view.problems[0]).toMatch(/nobody polls the queue countersign; start "countersign worker --orchestrate"/);
  });

  it('says that the orchestrator is slow where it polls and does not answer', async () => {
    const view = await read({ descriptions: [DECIDING] });
    expect(view.problems).toEqual(['the orchestrator did not answer in time; shown is what Temporal knows']);
  });

  it('names the environment without a worker after a minute', async () => {
    const waiting = (seconds: number) =>
      aDescription({ environment: 'prod', activities: [anActivity({ scheduledAt: NOW - seconds * 1000 })] });
    const polls = { 'countersign-prod': NOW - 80_000 };
    const problems = async (seconds: number) =>
      (await read({ descriptions: [waiting(seconds)], status: aStatus(), polls })).problems;
    expect(await problems(59)).toEqual([]);
    expect(await problems(60)).toEqual([
      'no worker for prod: nobody polls the queue countersign-prod; start "countersign worker --environment prod"',
    ]);
  });

  it('does not miss a worker that polls, or one that has the activity in hand', async () => {
    const scheduledAt = NOW - 1e6;
    const late = [anActivity({ scheduledAt }), anActivity({ name: 'copy', scheduledAt, started: true })];
    const polls = { 'countersign-prod': NOW - 60_000, 'countersign-prod-copy': null };
    const description = aDescription({ environment: 'prod', activities: late });
    expect((await read({ descriptions: [description], status: aStatus(), polls })).problems).toEqual([]);
  });

  it('shows a workflow task that fails again and again as blocked', async () => {
    expect((await read({ descriptions: [aDescription({ taskAttempts: 3 })], status: aStatus() })).condition).toBe(
      'deciding',
    );
    const view = await read({ descriptions: [aDescription({ taskAttempts: 4 })] });
    expect(view.condition).toBe('blocked');
    expect(view.problems[0]).toMatch(/failed 3 times/);
  });

  it.each([
    ['failed', 'failed'],
    ['terminated', 'terminated'],
    ['timed-out', 'timed-out'],
    ['cancelled', 'cancelled'],
  ] as const)('shows an execution that %s so, whatever its memo says', async (execution, condition) => {
    const ending = { result: null, failure: 'nobody retried' };
    const view = await read({
      descriptions: [aDescription({ execution, memo: aMemo({ condition: 'stalled' }) })],
      ending,
    });
    expect(view).toMatchObject({ condition, failure: 'nobody retried', stall: null, problems: [] });
  });

  it('never takes a completed execution without an outcome for a success', async () => {
    expect((await read({ descriptions: [aDescription({ execution: 'completed' })] })).condition).toBe('failed');
  });

  it.each([[{ bytesDone: 'x' }], ['text'], [null], [{ bytesDone: -1, bytesTotal: 1, blobsDone: 0, blobsTotal: 1 }]])(
    'ignores a heartbeat that carries %j',
    async (untrustedHeartbeat) => {
      const activities = [anActivity({ name: 'copy', started: true, untrustedHeartbeat })];
      expect((await read({ descriptions: [aDescription({ activities })] })).activities[0]?.copy).toBeNull();
    },
  );
});

describe('countersign status', () => {
  it('shows a promotion that waits for approvals', async () => {
    const { code, out } = await status({ descriptions: [DECIDING], status: aStatus() });
    expect(code).toBe(EXIT.success);
    expect(out).toMatchInlineSnapshot(`
      "shop/web:1.4.2

        state    deciding in prod, at decide since 2026-11-21 07:59:00Z (1 min ago)
        digest   sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        id       promotion/shop/web:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        run      run-first
        to       prod on the route dev → prod
        started  2026-11-21 07:00:00Z (1 h ago) by ci@example.com

        dev   ✔ copy ✔ sign ✔ propose ✔ publish ✔ rebuild ✔ confirm ✔ release
              registry.dev.example.com/acme/shop/web:1.4.2
              copied 0 blobs, 4 were there, 0 mounted
              published by commit 1111111111111111111111111111111111111111
              served by 2 replicas
              the tag is its builder's
        prod  ✔ verify ✔ copy ✔ sign ✔ propose ● decide · publish · rebuild · confirm · release
              registry.prod.example.com/acme/shop/web:1.4.2
              waits for 2 approvals of prod-approvers, 1 so far, until 2026-11-27 08:00:00Z (in 6 d)
              identities are claimed, not proven
              approved by Ann Lee <ann@example.com> at 2026-11-21 07:50:00Z: tested \\u{202e}in qa\\u{1b}[31m
      "
    `);
  });

  it('shows a stalled promotion that nobody works for', async () => {
    const { code, out } = await status({ descriptions: [STALLED], polls: { countersign: null } });
    expect(code).toBe(EXIT.stalled);
    expect(out).toMatchInlineSnapshot(`
      "shop/web:1.4.2

        state    stalled in prod, at publish since 2026-11-21 07:59:00Z (1 min ago)
        digest   sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        id       promotion/shop/web:1.4.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        run      run-first
        to       prod
        started  2026-11-21 07:00:00Z (1 h ago)

      stalled in prod at publish since 2026-11-21 07:59:00Z (1 min ago)
        push refused: 403
        mend it, then: countersign retry shop/web:1.4.2@sha256:0123456789ab
        or give up:    countersign abort shop/web:1.4.2@sha256:0123456789ab
      problem: no worker for the workflows: nobody polls the queue countersign; start "countersign worker --orchestrate" or "countersign up"
      "
    `);
  });

  it('shows a running copy with its bytes, and the last failure of a step', async () => {
    const untrustedHeartbeat = { bytesDone: 250e6, bytesTotal: 1e9, blobsDone: 2, blobsTotal: 8, digestsDone: [] };
    const activities = [
      anActivity({ name: 'copy', started: true, attempt: 2, untrustedHeartbeat, lastFailure: 'cut \u0007connection' }),
    ];
    const { out } = await status({ descriptions: [aDescription({ activities })], polls: { countersign: null } });
    expect(out).toContain('dev  ━━━━━━━─────────────────────── 25 %, 250 MB of 1.0 GB, 2 of 8 blobs');
    expect(out).toContain('copy failed, attempt 2: cut \\u{7}connection');
  });

  it('writes untrusted text so that a terminal cannot be led astray', async () => {
    const memo = aMemo({
      condition: 'stalled',
      stalled: '\u001b]0;owned\u0007\u202egnp.exe',
      environment: 'pr\u001b[2Jod',
    });
    const { out } = await status({ descriptions: [aDescription({ memo })], status: aStatus() });
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(out).toContain('tested \\u{202e}in qa\\u{1b}[31m');
  });

  it.each([
    ['released', EXIT.success],
    ['rejected', EXIT.rejected],
    ['expired', EXIT.expired],
    ['superseded', EXIT.superseded],
    ['aborted', EXIT.aborted],
    ['aborted-after-publish', EXIT.abortedAfterPublish],
  ] as const satisfies readonly (readonly [Outcome, number])[])(
    'ends with the code of %s',
    async (outcome, expected) => {
      const result = { outcome, environment: 'prod', reason: 'because', leftBehind: ['branch x'] };
      const description = aDescription({
        execution: 'completed',
        closedAt: NOW - 1000,
        memo: aMemo({ condition: outcome }),
      });
      const { code, out } = await status({ descriptions: [description], ending: { result, failure: null } });
      expect(code).toBe(expected);
      expect(out).toContain(`${outcome} in prod: because; left behind: branch x`);
    },
  );

  it('is coloured where that is wanted, and only there', async () => {
    const answers = { descriptions: [DECIDING], status: aStatus() };
    const escape = '\u001b[';
    expect((await status(answers)).out).not.toContain(escape);
    expect((await status(answers, { FORCE_COLOR: '1' })).out).toContain(escape);
    expect((await status(answers, { FORCE_COLOR: '0' })).out).not.toContain(escape);
    expect((await status(answers, { FORCE_COLOR: '1', NO_COLOR: '1' })).out).toContain(escape);
  });

  it('is one JSON document with --output json', async () => {
    const terminal = fakeTerminal();
    const engine = fakeEngine({ descriptions: [DECIDING], status: aStatus() });
    await runFake(['status', ID, '--output', 'json'], { terminal, engine });
    const view = JSON.parse(terminal.out()) as PromotionView;
    expect(view).toMatchObject({ id: ID, condition: 'deciding', answered: true, environments: aStatus().environments });
    expect(terminal.out()).not.toContain('\u202e');
  });
});

describe('countersign list', () => {
  it('shows an id that can be typed, the state, and what is waited for', async () => {
    const deadline = NOW + 3_600_000;
    const deciding = { ...DECIDING, awaiting: ['prod', 'prod-approvers'], deadline };
    const terminal = fakeTerminal();
    const engine = fakeEngine({
      listed: [deciding, STALLED, aDescription({ execution: 'failed', closedAt: NOW - 1000 })],
    });
    expect(await runFake(['list', '--all'], { terminal, engine })).toBe(EXIT.success);
    expect(terminal.out()).toMatchInlineSnapshot(`
      "ID                                  STATE     ENVIRONMENT  WAITING FOR                     SINCE
      shop/web:1.4.2@sha256:0123456789ab  deciding  prod         prod, prod-approvers, 1 h left  2026-11-21 07:59:00Z (1 min)
      shop/web:1.4.2@sha256:0123456789ab  stalled   prod         retry: push refused: 403        2026-11-21 07:59:00Z (1 min)
      shop/web:1.4.2@sha256:0123456789ab  failed    dev                                          2026-11-21 07:59:59Z (1 s)
      "
    `);
  });

  it('says so where there is nothing', async () => {
    const terminal = fakeTerminal();
    await runFake(['list'], { terminal, engine: fakeEngine() });
    expect(terminal.out()).toBe('no promotions\n');
  });
});
