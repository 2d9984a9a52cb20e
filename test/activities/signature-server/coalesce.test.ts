import { describe, expect, it } from 'vitest';
import { coalesce } from '../../../activities/signature-server/coalesce.ts';

describe('coalesce', () => {
  const controlled = () => {
    const runs: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
    const request = coalesce(() => new Promise<number>((resolve, reject) => runs.push({ resolve, reject })));
    return { runs, request };
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('gives a request the outcome of a run that began after it', async () => {
    const { runs, request } = controlled();
    const first = request();
    const second = request();
    const third = request();
    expect(runs).toHaveLength(1);
    runs[0]?.resolve(1);
    expect(await first).toBe(1);
    await turn();
    expect(runs).toHaveLength(2);
    const fourth = request();
    runs[1]?.resolve(2);
    expect(await Promise.all([second, third])).toEqual([2, 2]);
    await turn();
    runs[2]?.resolve(3);
    expect(await fourth).toBe(3);
    expect(runs).toHaveLength(3);
  });

  it('starts no second run for a request that comes between two runs', async () => {
    let at = 0;
    let most = 0;
    const request = coalesce(async () => {
      most = Math.max(most, (at += 1));
      await turn();
      at -= 1;
    });
    const first = request();
    const waiting = request();
    const between: Promise<void>[] = [];
    // In every microtask in which the first run may just have ended.
    let microtask = first;
    for (let step = 0; step < 8; step++) {
      microtask = microtask.then(() => void between.push(request()));
    }
    await microtask;
    await Promise.all([waiting, ...between]);
    expect(most).toBe(1);
  });

  it('goes on after a failed run, and tells of it only whom it concerns', async () => {
    const { runs, request } = controlled();
    const first = request();
    const second = request();
    runs[0]?.reject(new Error('no'));
    await expect(first).rejects.toThrow('no');
    await turn();
    runs[1]?.resolve(2);
    expect(await second).toBe(2);
    const third = request();
    runs[2]?.resolve(3);
    expect(await third).toBe(3);
  });
});
