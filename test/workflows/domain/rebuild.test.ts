import { describe, expect, it } from 'vitest';
import {
  MOST_WAITING,
  RebuildQueue,
  parseRebuildAnswer,
  parseRebuildAsk,
  parseRebuildInput,
} from '../../../workflows/domain/rebuild.ts';
import type { RebuildAnswer, RebuildAsk } from '../../../workflows/domain/rebuild.ts';

const ask = (request: string, promotion = 'promotion/a'): RebuildAsk => ({ promotion, request, attempts: 3 });
const rebuilt = ({ request }: RebuildAsk): RebuildAnswer => ({ request, outcome: 'rebuilt', subject: 's', shared: 0 });
const queueOf = (...asks: RebuildAsk[]): RebuildQueue => new RebuildQueue({ environment: 'dev', waiting: asks });

describe('a queue of rebuild requests', () => {
  it('serves those who were there, and leaves those who come meanwhile to the next', () => {
    const queue = queueOf(ask('1'));
    queue.add(ask('2'));
    expect(queue.take().map(({ request }) => request)).toEqual(['1', '2']);
    queue.add(ask('3'));
    expect(queue.settle(rebuilt).map(({ answer }) => answer.request)).toEqual(['1', '2']);
    expect(queue.waiting.map(({ request }) => request)).toEqual(['3']);
    expect(queue).toMatchObject({ rebuilds: 1, served: [] });
  });

  it('counts a request once, whether it waits, is being served, or was answered', () => {
    const queue = queueOf(ask('1'));
    expect(queue.add(ask('1'))).toBeUndefined();
    expect(queue.waiting).toHaveLength(1);
    queue.take();
    expect(queue.add(ask('1'))).toBeUndefined();
    expect(queue.waiting).toHaveLength(0);
    queue.settle(rebuilt);
    expect(queue.add(ask('1'))).toMatchObject({ request: '1', outcome: 'rebuilt' });
    expect(queue.waiting).toHaveLength(0);
  });

  it('tells apart two promotions that name a request alike', () => {
    const queue = queueOf(ask('1'), ask('1', 'promotion/b'));
    expect(queue.take()).toHaveLength(2);
  });

  it('is bounded, and forgets the oldest answers first', () => {
    const queue = queueOf();
    for (let index = 0; index < MOST_WAITING + 5; index++) queue.add(ask(String(index)));
    expect(queue).toMatchObject({ refused: 5 });
    expect(queue.take()).toHaveLength(MOST_WAITING);
    queue.settle(rebuilt);
    queue.add(ask('new'));
    queue.take();
    queue.settle(rebuilt);
    expect(queue.add(ask('new'))).toBeDefined();
    expect(queue.add(ask('0'))).toBeUndefined();
    expect(queue.add(ask('1'))).toBeDefined();
  });
});

describe('what anybody may have sent', () => {
  it.each([
    undefined,
    null,
    'x',
    [1],
    {},
    { promotion: 'p' },
    { promotion: 'p', request: '' },
    { promotion: 'p', request: 'r' },
    { promotion: 'p', request: 'r', attempts: 0 },
    { promotion: 'p', request: 'r', attempts: 1.5 },
    { promotion: 'p', request: 'r', attempts: 1e9 },
    { promotion: 'p'.repeat(301), request: 'r', attempts: 1 },
  ])('is no request: %j', (untrusted) => {
    expect(parseRebuildAsk(untrusted)).toHaveProperty('refused');
    const queue = queueOf();
    expect(queue.add(untrusted)).toBeUndefined();
    expect(queue).toMatchObject({ refused: 1, waiting: [] });
  });

  it('is cut down to what a request has', () => {
    expect(parseRebuildAsk({ ...ask('1'), more: 'x' })).toEqual({ ask: ask('1') });
  });

  it.each([
    null,
    { request: 'r' },
    { request: 'r', outcome: 'rebuilt' },
    { request: 'r', outcome: 'rebuilt', subject: 1, shared: 0 },
    { request: 'r', outcome: 'failed', type: 'internal' },
    { request: 'r', outcome: 'other', type: 'internal', message: '' },
  ])('is no answer: %j', (untrusted) => {
    expect(parseRebuildAnswer(untrusted)).toBeUndefined();
  });

  it('is bounded where it is an answer', () => {
    const long = { request: 'r', outcome: 'failed', type: 'internal', message: 'x'.repeat(10_000) };
    expect(parseRebuildAnswer(long)).toMatchObject({ message: 'x'.repeat(2000) });
  });

  it.each([null, 'x', {}, { environment: 'No Name' }, { environment: 'dev', waiting: [{ request: 'r' }] }])(
    'begins no rebuild: %j',
    (untrusted) => {
      expect(parseRebuildInput(untrusted)).toHaveProperty('refused');
    },
  );
});
