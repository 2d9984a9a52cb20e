import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BranchMirror, Refreshed } from '../../../activities/signature-server/branch-mirror.ts';
import { SignatureServerError } from '../../../activities/signature-server/index.ts';
import { createPublishedBranch } from '../../../activities/signature-server/published-branch.ts';
import { createServerMetrics } from '../../../activities/signature-server/server-metrics.ts';

describe('createPublishedBranch', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const refreshed = (commit: string): Refreshed => ({
    rewritten: false,
    snapshot: { commit, files: new Map(), read: () => Promise.reject(new Error('not read here')) },
  });
  const create = (look: () => Promise<Refreshed>, pollIntervalMs: number) => {
    const refresh = vi.fn(look);
    const mirror: BranchMirror = { refresh, restore: () => Promise.resolve(undefined) };
    const settings = { pollIntervalMs, log: () => undefined };
    return {
      refresh,
      branch: createPublishedBranch(mirror, settings, { metrics: createServerMetrics('main'), restored: undefined }),
    };
  };

  it('looks again after a failure by itself, ever more slowly, and soon at the old pace when it works again', async () => {
    let works = false;
    const failure = new SignatureServerError('repository-unavailable', 'not reachable');
    const { branch, refresh } = create(() => (works ? Promise.resolve(refreshed('a')) : Promise.reject(failure)), 0);
    branch.start();
    const counts: number[] = [];
    for (const seconds of [0, 1, 2, 4, 8, 16, 32, 60, 60]) {
      await vi.advanceTimersByTimeAsync(seconds * 1000);
      counts.push(refresh.mock.calls.length);
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(branch.trouble()).toMatchObject({ attempts: 9, code: 'repository-unavailable' });
    works = true;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(branch.snapshot()?.commit).toBe('a');
    expect(branch.trouble()).toBeUndefined();
    // Without a poll interval nothing is left to do.
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(refresh).toHaveBeenCalledTimes(10);
    await branch.stop();
  });

  it('polls in its interval and stops when told', async () => {
    const { branch, refresh } = create(() => Promise.resolve(refreshed('a')), 5000);
    branch.start();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(refresh).toHaveBeenCalledTimes(4);
    await branch.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(refresh).toHaveBeenCalledTimes(4);
  });

  it('never looks twice at once, and once more for all who asked meanwhile', async () => {
    const ends: (() => void)[] = [];
    let at = 0;
    let most = 0;
    const { branch, refresh } = create(async () => {
      most = Math.max(most, (at += 1));
      await new Promise<void>((resolve) => ends.push(resolve));
      at -= 1;
      return refreshed('a');
    }, 0);
    const all = Array.from({ length: 20 }, () => branch.refresh());
    await vi.advanceTimersByTimeAsync(0);
    expect(refresh).toHaveBeenCalledTimes(1);
    ends.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(refresh).toHaveBeenCalledTimes(2);
    ends.shift()?.();
    await Promise.all(all);
    expect(refresh).toHaveBeenCalledTimes(2);
    expect(most).toBe(1);
  });
});
