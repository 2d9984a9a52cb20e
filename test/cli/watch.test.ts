import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { RateMeter } from '../../cli/promotions/copy-rate.ts';
import { ID, aDescription, aMemo, anActivity, fakeEngine } from './fake-engine.ts';
import type { FakeEngine } from './fake-engine.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { aStatus, runFake } from './fixtures.ts';
import type { PromotionDescription } from '../../cli/promotions/engine.ts';

/** Every look at the promotion takes the next description; the last one stays. */
function inTurn(...descriptions: PromotionDescription[]): FakeEngine {
  const engine = fakeEngine({ polls: { countersign: null } });
  let look = 0;
  const describe = (): Promise<PromotionDescription | undefined> =>
    Promise.resolve(descriptions[Math.min(look++, descriptions.length - 1)]);
  const result = { outcome: 'released', environment: 'prod', reason: 'released in prod', leftBehind: [] } as const;
  return { ...engine, describe, ending: () => Promise.resolve({ result, failure: null }) };
}

const RUNNING = aDescription();
const STALLED = aDescription({
  memo: aMemo({ condition: 'stalled', environment: 'prod', step: 'publish', stalled: 'no', stall: 1 }),
});
const RELEASED = aDescription({ execution: 'completed', memo: aMemo({ condition: 'released', environment: 'prod' }) });

async function watch(engine: FakeEngine, ...args: string[]) {
  const terminal = fakeTerminal();
  const code = await runFake(['watch', ID, ...args], { terminal, engine });
  return { code, lines: terminal.out().trimEnd().split('\n') };
}

describe('countersign watch', () => {
  it('writes a line per change where it does not write to a terminal, and ends with the outcome', async () => {
    const { code, lines } = await watch(inTurn(RUNNING, RUNNING, RUNNING, RUNNING, STALLED, STALLED, RELEASED));
    expect(code).toBe(EXIT.success);
    const states = lines.slice(0, lines.indexOf('')).map((line) => line.replace(/^\S+ \S+ /, '').split(';', 1)[0]);
    expect(states).toEqual(['dev copy: running', 'prod publish: stalled', 'prod copy: released']);
  });

  it('ends where it stalls, when that is wanted', async () => {
    expect((await watch(inTurn(RUNNING, RUNNING, STALLED, RELEASED), '--until-stalled')).code).toBe(EXIT.stalled);
  });

  it('ends with 9 when its time is over', async () => {
    expect((await watch(inTurn(RUNNING), '--timeout', '5s')).code).toBe(EXIT.unfinished);
  });

  it('ends with 9 when it is interrupted', async () => {
    const terminal = fakeTerminal();
    terminal.abort();
    expect(await runFake(['watch', ID], { terminal, engine: inTurn(RUNNING) })).toBe(EXIT.unfinished);
  });

  it('refuses a time that is none', async () => {
    expect((await watch(inTurn(RUNNING), '--timeout', 'soon')).code).toBe(EXIT.usage);
  });

  it('writes a JSON document per change', async () => {
    const { lines } = await watch(inTurn(RUNNING, RUNNING, STALLED, RELEASED), '--output', 'json');
    const conditions = lines.map((line) => (JSON.parse(line) as { condition: string }).condition);
    expect(conditions).toEqual(['running', 'stalled', 'released']);
  });

  it('shows the progress of a copy by tenths', async () => {
    const copying = (bytesDone: number): PromotionDescription => {
      const untrustedHeartbeat = { bytesDone, bytesTotal: 1000, blobsDone: 1, blobsTotal: 2, digestsDone: [] };
      return aDescription({ activities: [anActivity({ name: 'copy', started: true, untrustedHeartbeat })] });
    };
    const { lines } = await watch(inTurn(copying(0), copying(0), copying(50), copying(120), copying(150), RELEASED));
    expect(lines.filter((line) => line.includes('of 1.0 kB'))).toHaveLength(2);
  });

  it('keeps what a worker said last while it is silent', async () => {
    const engine = inTurn(RUNNING, RUNNING, RUNNING, RELEASED);
    let asked = 0;
    const silentLater: FakeEngine = {
      ...engine,
      lastPoll: () => Promise.resolve(Date.now()),
      query: () => Promise.resolve(asked++ === 0 ? aStatus() : undefined),
    };
    const { lines } = await watch(silentLater, '--output', 'json');
    const views = lines.map((line) => JSON.parse(line) as { environments: unknown[] });
    expect(views.at(-1)?.environments).toHaveLength(2);
    expect(asked).toBeLessThanOrEqual(3);
  });
});

describe('countersign start --wait', () => {
  it('ends at once where the promotion stalls, unless it is to go on waiting', async () => {
    const args = ['start', 'shop/web:1.4.2', '--to', 'prod', '--again', '--wait', '--output', 'json'];
    const first = fakeTerminal();
    expect(await runFake(args, { terminal: first, engine: inTurn(RUNNING, STALLED) })).toBe(EXIT.stalled);
    expect(JSON.parse(first.out())).toMatchObject({ condition: 'stalled' });
    const engine = inTurn(RUNNING, STALLED, STALLED, RELEASED);
    expect(await runFake([...args, '--keep-waiting'], { terminal: fakeTerminal(), engine })).toBe(EXIT.success);
  });
});

describe('RateMeter', () => {
  it('tells rate and remaining time from the last seconds', () => {
    const meter = new RateMeter();
    meter.add(0, 0);
    expect(meter.read(1000)).toBeNull();
    meter.add(1000, 100);
    expect(meter.read(1000)).toEqual({ bytesPerSecond: 100, leftMs: 9000 });
    for (let at = 2000; at <= 30_000; at += 1000) meter.add(at, 100);
    expect(meter.read(1000)).toEqual({ bytesPerSecond: 0, leftMs: null });
  });

  it('begins anew where a new attempt counts from the start', () => {
    const meter = new RateMeter();
    meter.add(0, 500);
    meter.add(1000, 900);
    meter.add(2000, 0);
    expect(meter.read(1000)).toBeNull();
    meter.add(3000, 50);
    expect(meter.read(1000)?.bytesPerSecond).toBe(50);
  });
});
