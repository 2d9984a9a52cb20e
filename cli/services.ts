import type { ImageEye } from './images/image-eye.ts';
import type { PromotionEngine } from './promotions/engine.ts';
import type { Terminal } from './terminal.ts';
import type { Configuration } from '../worker/configuration/index.ts';

/** An engine and its connection. */
export interface OpenedEngine {
  readonly engine: PromotionEngine;
  readonly close: () => Promise<void>;
}

/** The neighbours of the command; each is loaded when a command needs it, and tests bring their own. */
export interface CliServices {
  readConfiguration(file: string): Promise<Configuration>;
  openEngine(configuration: Configuration): Promise<OpenedEngine>;
  openEye(configuration: Configuration, terminal: Terminal): Promise<ImageEye>;
  /** Who the caller is where neither an option nor the environment says so. */
  findCaller(terminal: Terminal): Promise<string>;
}

/** The real neighbours. Nothing heavy is loaded before it is asked for. */
export const systemServices: CliServices = {
  readConfiguration: async (file) => {
    const { readConfiguration } = await import('../worker/configuration/index.ts');
    return await readConfiguration(file);
  },
  openEngine: async (configuration) => {
    const [{ connectClient }, { createTemporalEngine }] = await Promise.all([
      import('../worker/connect.ts'),
      import('./promotions/temporal-engine.ts'),
    ]);
    const connected = await connectClient(configuration);
    return { engine: createTemporalEngine(connected.client), close: () => connected.close() };
  },
  openEye: async (configuration, terminal) => {
    const { openRegistryEye } = await import('./images/registry-eye.ts');
    return await openRegistryEye(configuration, terminal);
  },
  findCaller: async (terminal) => {
    const { findCaller } = await import('./caller.ts');
    return await findCaller(terminal);
  },
};
