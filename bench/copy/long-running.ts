/** Ours in a process that lives on between copies, as the worker of a promotion does. */
import path from 'node:path';
import type { Usage } from '../process-usage.ts';
import { startForked } from './forked.ts';
import type { OwnCommand, Route, Tool } from './tools.ts';

/** A running process; `stop` it. */
export interface LongRunning {
  /** `concurrency`: blobs at once; default: what a copy does by itself. The peak of memory is that since the start. */
  readonly copy: (route: Route, options?: { readonly concurrency?: number }) => Promise<Usage>;
  readonly stop: () => Promise<void>;
}

type Order = Route & { readonly concurrency?: number };
type Answer = { readonly usage: Usage } | { readonly error: string };

/** Starts the process. */
export function startLongRunning({ file }: OwnCommand): LongRunning {
  const compiled = path.resolve(file, '../..');
  const { ask, stop } = startForked<Order, Answer>('long-running-process.mjs', { args: [compiled], execArgv: [] });
  return {
    stop,
    copy: async (route, options = {}) => {
      const answer = await ask({ ...route, ...options });
      if ('error' in answer) throw new Error(`copy in a long-running process: ${answer.error}`);
      return answer.usage;
    },
  };
}

/** The process as a tool that stands beside the others. */
export function toolOf(running: LongRunning, { version }: OwnCommand): Tool {
  return { name: 'countersign, process kept', version, role: 'beside', copy: (route) => running.copy(route) };
}
