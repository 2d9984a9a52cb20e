import { mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

/** A folder that is there while a test, or a whole suite, runs. */
export interface TempFolder {
  /** Absolute, without symbolic links, short enough for the sockets of gpg-agent. */
  readonly path: string;
  /** A path inside the folder; nothing is created. */
  readonly join: (...segments: readonly string[]) => string;
}

/**
 * A fresh folder for each test of the surrounding `describe` or file, removed after it;
 * with `per: 'suite'` one for all of them. To be called while tests are collected, used while they run.
 */
export function useTempFolder({ per = 'test' }: { readonly per?: 'test' | 'suite' } = {}): TempFolder {
  let current: string | undefined;
  const make = async (): Promise<void> => {
    current = await mkdtemp(path.join(await realpath(os.tmpdir()), 'cs-'));
  };
  const remove = async (): Promise<void> => {
    const folder = current;
    current = undefined;
    // Programs that are ending may still write into it.
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  if (per === 'suite') {
    beforeAll(make);
    afterAll(remove);
  } else {
    beforeEach(make);
    afterEach(remove);
  }
  const folder = (): string => {
    if (current === undefined) throw new Error('use a temp folder: it exists only while a test runs');
    return current;
  };
  return {
    get path() {
      return folder();
    },
    join: (...segments) => path.join(folder(), ...segments),
  };
}
