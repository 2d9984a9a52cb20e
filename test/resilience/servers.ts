/**
 * The other side of the resilience tests, in a process of its own. In: an order; out: one message for each.
 * `start` answers with addresses, `look` with what was counted, `end` ends everything.
 */
import { startBreakingProxy } from './breaking-proxy.ts';
import type { BreakingProxy } from './breaking-proxy.ts';
import { startEndlessRegistry } from '../support/endless-registry.ts';
import type { EndlessCounts, EndlessOptions, EndlessRegistry } from '../support/endless-registry.ts';

export interface StartOrder {
  readonly order: 'start';
  readonly source: EndlessOptions;
  readonly target: Omit<EndlessOptions, 'images'>;
  /** Counts of bytes at which connections are reset, one list for each registry. */
  readonly resets?: { readonly source: readonly number[]; readonly target: readonly number[] };
}

export interface Started {
  readonly source: string;
  readonly target: string;
  readonly digests: readonly string[];
}

export interface Seen {
  readonly source: EndlessCounts & Partial<BreakingProxy['counts']>;
  readonly target: EndlessCounts & Partial<BreakingProxy['counts']>;
  /** Of the images, how many have arrived. */
  readonly arrived: number;
}

interface Running {
  readonly source: EndlessRegistry;
  readonly target: EndlessRegistry;
  readonly proxies: readonly BreakingProxy[];
}

let running: Running | undefined;

process.on('message', (message: StartOrder | { readonly order: 'look' | 'end' }) => {
  if (message.order === 'start') void start(message).then((answer) => process.send?.(answer));
  else if (message.order === 'look') process.send?.(look());
  else process.exit();
});
process.on('disconnect', () => process.exit());

async function start({ source: sourceOptions, target: targetOptions, resets }: StartOrder): Promise<Started> {
  const source = await startEndlessRegistry(sourceOptions);
  const target = await startEndlessRegistry({ ...targetOptions, images: [] });
  const proxies =
    resets === undefined
      ? []
      : [await startBreakingProxy(source.host, resets.source), await startBreakingProxy(target.host, resets.target)];
  running = { source, target, proxies };
  return {
    source: proxies[0]?.host ?? source.host,
    target: proxies[1]?.host ?? target.host,
    digests: source.digests,
  };
}

function look(): Seen {
  if (running === undefined) throw new Error('not started');
  const { source, target, proxies } = running;
  return {
    source: { ...source.counts, ...proxies[0]?.counts },
    target: { ...target.counts, ...proxies[1]?.counts },
    arrived: source.digests.filter((digest) => target.taken.has(digest)).length,
  };
}
