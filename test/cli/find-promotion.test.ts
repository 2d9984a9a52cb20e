import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { findPromotion } from '../../cli/promotions/find-promotion.ts';
import { idOf, parseId, shortId } from '../../cli/promotions/promotion-ids.ts';
import { listQuery } from '../../cli/promotions/visibility-query.ts';
import type { ListedPromotion } from '../../cli/promotions/engine.ts';
import { DIGEST, ID, OTHER_DIGEST, aDescription, aMemo, fakeEngine } from './fake-engine.ts';
import { NOW } from './fake-terminal.ts';

function promotion(name: string, tag: string, fields: Partial<ListedPromotion> = {}, digest = DIGEST): ListedPromotion {
  const image = { name, tag, digest };
  return { ...aDescription({ memo: aMemo({ image }) }), id: idOf(image), ...fields };
}

async function find(text: string, listed: readonly ListedPromotion[], preferRunning = false) {
  const engine = fakeEngine({ listed: [...listed] });
  const prefixes = ['registry.dev.example.com/acme', 'registry.dev.example.com/acme/deep'];
  return await findPromotion(engine, text, { prefixes, preferRunning });
}

const WEB = promotion('shop/web', '1.4.2');
const LATER = promotion('shop/web', '1.4.20', {}, OTHER_DIGEST);

describe('findPromotion', () => {
  it('takes a full id without asking the list', async () => {
    const engine = fakeEngine({ descriptions: [aDescription()], listed: [] });
    expect(await findPromotion(engine, ID, { prefixes: [] })).toBe(ID);
    expect(await findPromotion(engine, ID.slice('promotion/'.length), { prefixes: [] })).toBe(ID);
    expect(engine.sent.queries).toEqual([]);
  });

  it.each([
    'shop/web:1.4.2',
    'shop/web:1.4.2@sha256:0123',
    `promotion/shop/web:1.4.2@`,
    '012345',
    'sha256:0123456',
    DIGEST,
  ])('finds by %s', async (text) => {
    expect(await find(text, [WEB, LATER])).toBe(WEB.id);
  });

  it('finds by a reference below a registry of the configuration', async () => {
    expect(await find('registry.dev.example.com/acme/shop/web:1.4.2', [WEB, LATER])).toBe(WEB.id);
    expect(await find(`registry.dev.example.com/acme/shop/web@${OTHER_DIGEST}`, [WEB, LATER])).toBe(LATER.id);
  });

  it('prefers an exact NAME:TAG to ids that merely begin so', async () => {
    expect(await find('shop/web:1.4.2', [LATER, WEB])).toBe(WEB.id);
  });

  it('names the candidates where a prefix fits several, with exit code 10', async () => {
    const failure = find('shop/web', [WEB, LATER]);
    await expect(failure).rejects.toMatchObject({
      exitCode: EXIT.notFound,
      details: ['  shop/web:1.4.2@sha256:0123456789ab  running', '  shop/web:1.4.20@sha256:fedcba987654  running'],
    });
  });

  it('counts the runs of one id as one promotion', async () => {
    const older = promotion('shop/web', '1.4.2', { run: 'older', startedAt: NOW - 1e9, execution: 'failed' });
    expect(await find('shop/web', [WEB, older])).toBe(WEB.id);
  });

  it('means the one that runs where a command acts', async () => {
    const done = promotion('shop/web', '1.4.2', { execution: 'completed' }, OTHER_DIGEST);
    await expect(find('shop/web:1.4.2', [WEB, done])).rejects.toThrow(/fits 2 promotions/);
    expect(await find('shop/web:1.4.2', [WEB, done], true)).toBe(WEB.id);
  });

  it('finds a long name that its id shortens', async () => {
    const name = `team/${'a'.repeat(150)}/${'b'.repeat(60)}`;
    const long = promotion(name, '1.0');
    expect(long.id.length).toBeLessThanOrEqual(255);
    expect(long.id).toContain('~');
    expect(await find(`${name}:1.0`, [WEB, long])).toBe(long.id);
  });

  it('does not take a tag for a digest', async () => {
    const hexTag = promotion('tools', '012345', {}, OTHER_DIGEST);
    await expect(find('tools:0123456', [hexTag])).rejects.toMatchObject({ exitCode: EXIT.notFound });
  });

  it.each(["x' OR WorkflowId != '", 'a\\', 'a b', '', '\u202e', 'x'.repeat(500)])(
    'never lets %j reach a query',
    async (text) => {
      const engine = fakeEngine({ listed: [WEB] });
      await expect(findPromotion(engine, text, { prefixes: [] })).rejects.toMatchObject({ exitCode: EXIT.notFound });
      expect(engine.sent.queries).toEqual([]);
    },
  );
});

describe('promotion ids', () => {
  it('are read back into name, tag and digest', () => {
    expect(parseId(ID)).toEqual({ name: 'shop/web', tag: '1.4.2', digest: DIGEST, shortened: false });
    expect(parseId('promotion/x')).toBeUndefined();
    expect(parseId('resolve/x:1@sha256:1')).toBeUndefined();
  });

  it('have a short form that finds them again', async () => {
    expect(shortId(ID)).toBe('shop/web:1.4.2@sha256:0123456789ab');
    expect(await find(shortId(ID), [WEB, LATER])).toBe(ID);
  });
});

describe('listQuery', () => {
  it.each([
    [{ all: false }, "WorkflowType = 'promotion' AND ExecutionStatus = 'Running'"],
    [{ all: true }, "WorkflowType = 'promotion' AND ExecutionStatus != 'ContinuedAsNew'"],
    [
      { all: false, awaiting: 'prod' },
      "WorkflowType = 'promotion' AND CountersignAwaiting = 'prod' AND ExecutionStatus = 'Running'",
    ],
    [
      { all: false, state: 'stalled' },
      "WorkflowType = 'promotion' AND CountersignState = 'stalled' AND ExecutionStatus = 'Running'",
    ],
    [
      { all: false, state: 'rejected' },
      "WorkflowType = 'promotion' AND CountersignState = 'rejected' AND ExecutionStatus = 'Completed'",
    ],
    [{ all: false, state: 'failed' }, "WorkflowType = 'promotion' AND ExecutionStatus = 'Failed'"],
  ])('asks for %j', (filter, query) => {
    expect(listQuery(filter)).toBe(query);
  });

  it.each([
    { all: true, awaiting: "a' OR '" },
    { all: true, awaiting: 'a\\' },
    { all: true, awaiting: '' },
    { all: true, state: 'constructor' },
    { all: true, state: 'blocked' },
  ])('refuses %j', (filter) => {
    expect(() => listQuery(filter)).toThrow(/--(awaiting|state)/);
  });
});
