import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Call } from '../call.ts';
import { findLeftovers } from './find-leftovers.ts';
import type { Leftover } from './find-leftovers.ts';
import { openEnvironment } from '../../worker/environment-context.ts';

/** The leftovers of one environment, found and removed with its own git credentials. */
export interface Leftovers {
  readonly find: () => Promise<readonly Leftover[]>;
  readonly remove: (leftover: Leftover) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens an environment's signature repository; the signing key is not unlocked. */
export async function openLeftovers(call: Call, environment: string): Promise<Leftovers> {
  const cacheDirectory = await mkdtemp(path.join(tmpdir(), 'countersign-tidy-'));
  const removeCache = async (): Promise<void> => {
    await rm(cacheDirectory, { recursive: true, force: true });
  };
  try {
    const { context, close } = await openEnvironment(await call.configuration(), environment, cacheDirectory);
    const { store } = context;
    const engine = await call.engine();
    const { signal } = call.terminal;
    return {
      find: async () => await findLeftovers(await store.proposals({ signal }), engine),
      remove: async ({ branch, commit }) => await store.discard({ branch, commit }, { signal }),
      close: async () => {
        await close();
        await removeCache();
      },
    };
  } catch (error) {
    await removeCache();
    throw error;
  }
}
