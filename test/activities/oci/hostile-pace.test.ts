import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runCase, takeGround } from '../../support/hostile-registry/case.ts';
import type { Ground } from '../../support/hostile-registry/case.ts';
import type { Behaviour, Probe } from '../../support/hostile-registry/index.ts';

/** Milliseconds that pass for our client in one. */
const HASTE = 400;
const LENGTHS: Readonly<Record<string, number>> = { blob: 45, 'bulk-blob': 1_300_143 };

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

it.each(['bulk-blob'] as const satisfies readonly Probe[])(
  'a %s that comes byte by byte is given up, though something is always heard',
  async (probe) => {
    const behaviour: Behaviour = {
      name: 'drip',
      threat: 'too-slow',
      does: 'sends a byte every now and then, without end',
      sound: 'asks for a minimum rate',
      probes: [probe],
      at: ['blob'],
      answer: ({ raw, drip }) => {
        raw(`HTTP/1.1 200 OK\r\ncontent-length: ${LENGTHS[probe] ?? 0}\r\n\r\n`);
        drip(Buffer.alloc(5000), 10);
      },
      expect: ['registry-unavailable'],
    };
    const report = await runCase(behaviour, probe, ground);
    expect(behaviour.expect).toContain(report.outcome);
    expect(report.message).toContain('expected at least 30720 bytes in 30000 ms');
    expect(report.leftOpen).toBe(0);
  },
);
