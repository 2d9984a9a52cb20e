import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCase, takeGround } from '../../support/hostile-registry/case.ts';
import type { Ground } from '../../support/hostile-registry/case.ts';
import { BULK } from '../../support/hostile-registry/content.ts';
import type { Behaviour } from '../../support/hostile-registry/index.ts';

/** Milliseconds that pass for our client in one. */
const HASTE = 400;
let ground: Ground;

beforeAll(() => {
  ground = takeGround();
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() * HASTE);
});

afterAll(() => {
  vi.restoreAllMocks();
  ground.network.restore();
});

it.each(['raw', 'undici'] as const)(
  'a registry that reads what is sent ever so slowly is given up (%s)',
  async (dataPath) => {
    const behaviour: Behaviour = {
      name: 'sips',
      threat: 'too-slow',
      does: 'reads a piece of a body every now and then',
      sound: 'asks for a minimum rate',
      probes: ['huge-upload'],
      readsEveryMs: 200,
      ...(dataPath === 'undici' && { dataPath }),
      expect: ['registry-unavailable'],
    };
    const report = await runCase(behaviour, 'huge-upload', ground);
    expect(behaviour.expect).toContain(report.outcome);
    expect(report.message).toMatch(/^upload blob .+: expected at least 30720 bytes in 30000 ms, received (fewer|\d+)$/);
  },
);

it('a blob that comes byte by byte is given up for good, though something is always heard', async () => {
  const size = BULK.bytes.length;
  const behaviour: Behaviour = {
    name: 'drip',
    threat: 'too-slow',
    does: 'sends a byte every now and then, and goes on where it stood when it is asked again',
    sound: 'asks for a minimum rate',
    probes: ['bulk-blob'],
    at: ['blob'],
    answer: ({ request, raw, drip }) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '')?.[1] ?? 0);
      const range = `content-range: bytes ${from}-${size - 1}/${size}\r\n`;
      raw(
        `HTTP/1.1 ${from === 0 ? '200 OK' : `206 Some\r\n${range.trimEnd()}`}\r\ncontent-length: ${size - from}\r\n\r\n`,
      );
      drip(Buffer.alloc(5000), 10);
    },
    expect: ['registry-unavailable'],
  };
  const report = await runCase(behaviour, 'bulk-blob', ground);
  expect(behaviour.expect).toContain(report.outcome);
  expect(report.message).toContain('expected at least 30720 bytes in 30000 ms');
  expect(report.requests.length).toBeLessThan(20);
  expect(report.leftOpen).toBe(0);
});
