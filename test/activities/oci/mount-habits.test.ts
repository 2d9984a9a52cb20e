import { describe, expect, it } from 'vitest';
import { MountHabits } from '../../../activities/oci/open-upload.ts';

const repository = { domain: 'registry.example.com', path: 'web' };

describe('how a registry answers a mount of what it has', () => {
  it('is asked once, however many blobs are done meanwhile', async () => {
    const habits = new MountHabits();
    let asked = 0;
    const ask = async (): Promise<boolean> => {
      asked += 1;
      await Promise.resolve();
      return true;
    };
    await Promise.all([1, 2, 3].map(() => habits.findOut(repository, ask)));
    await habits.findOut({ ...repository, path: 'another' }, ask);
    expect(asked).toBe(1);
    expect(habits.of(repository)).toBe(true);
  });

  it('is asked again where the first time failed', async () => {
    const habits = new MountHabits();
    await expect(habits.findOut(repository, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
    expect(habits.of(repository)).toBeUndefined();
    await habits.findOut(repository, () => Promise.resolve(false));
    expect(habits.of(repository)).toBe(false);
  });
});
