/**
 * Two registries that keep nothing: one has an image of any size, the other takes uploads, counts their bytes and
 * forgets them. With them the client is all that is measured. Started with `fork`. In: `{ layers, layerBytes }`. Out:
 * `{ source, target }`, for each; and `{ stop: true }` asks for `{ atOnce, received }`: the most layers that were being
 * sent at one moment, and the bytes taken.
 */
import { startEndlessRegistry } from '../../test/support/endless-registry.ts';
import type { EndlessRegistry } from '../../test/support/endless-registry.ts';

interface Shape {
  readonly layers: number;
  readonly layerBytes: number;
}

/** The layers differ in length alone, so that one pass over the longest gives the digest of each. */
const STEP_BYTES = 1024 * 1024;

let running: { readonly source: EndlessRegistry; readonly target: EndlessRegistry } | undefined;

process.on('message', (order: Shape | { readonly stop: true }) => {
  void ('stop' in order ? stop() : start(order)).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());

async function start({ layers, layerBytes }: Shape): Promise<{ readonly source: string; readonly target: string }> {
  const sizes = Array.from({ length: layers }, (_, number) => layerBytes + number * STEP_BYTES);
  const source = await startEndlessRegistry({ images: [sizes] });
  const target = await startEndlessRegistry({ images: [], trusts: source.contents });
  running = { source, target };
  return { source: source.host, target: target.host };
}

async function stop(): Promise<{ readonly atOnce: number; readonly received: number }> {
  if (running === undefined) throw new Error('stop endless registries: none was started');
  const { source, target } = running;
  await Promise.all([source.stop(), target.stop()]);
  return { atOnce: source.counts.sendingAtOnce, received: target.counts.bytesReceived };
}
