/** Memory of each tool, by the size of the image and by how many blobs are on their way at once. */
import { startForked } from './forked.ts';
import { startLongRunning } from './long-running.ts';
import type { OwnCommand, Route, Tool } from './tools.ts';
import type { Usage } from '../process-usage.ts';

/** One copy between registries that keep nothing. */
export interface MemoryRow {
  readonly name: string;
  readonly role: Tool['role'];
  readonly image: 'small' | 'large' | 'wide';
  readonly bytes: number;
  /** The most layers that the source was sending at one moment. */
  readonly atOnce: number;
  readonly usage: Usage;
}

interface Shape {
  readonly layers: number;
  readonly layerBytes: number;
}

interface Endless {
  readonly open: (shape: Shape) => Promise<Route>;
  readonly close: () => Promise<{ readonly atOnce: number; readonly received: number }>;
  readonly stop: () => Promise<void>;
}

const MIB = 1024 * 1024;
/** What the goal for memory asks for. */
export const BLOBS_IN_FLIGHT = 16;

/** The images: a small one, a large one, and one with as many layers as are to be on their way at once. */
export function memoryShapes(quick: boolean): Readonly<Record<MemoryRow['image'], Shape>> {
  const mib = quick ? 16 : 1024;
  return {
    small: { layers: 1, layerBytes: 10 * MIB },
    wide: { layers: BLOBS_IN_FLIGHT, layerBytes: (mib / 8) * MIB },
    large: { layers: 20, layerBytes: mib * MIB },
  };
}

/** Every tool on every image, once; ours also in a process that is told to take 16 blobs at once. */
export async function measureMemory({
  own,
  tools,
  quick,
  log,
}: {
  own: OwnCommand;
  tools: readonly Tool[];
  quick: boolean;
  log: (line: string) => void;
}): Promise<readonly MemoryRow[]> {
  const endless = startEndless();
  const rows: MemoryRow[] = [];
  const measure = async (
    { name, role }: Pick<Tool, 'name' | 'role'>,
    image: MemoryRow['image'],
    copy: Tool['copy'],
  ): Promise<void> => {
    const usage = await copy(await endless.open(memoryShapes(quick)[image]));
    const { atOnce, received } = await endless.close();
    rows.push({ name, role, image, bytes: received, atOnce, usage });
    log(`memory, ${image}: ${name} ${usage.peakMiB.toFixed(0)} MiB, ${usage.cpuSeconds.toFixed(2)} CPU-s`);
  };
  try {
    for (const image of ['small', 'wide', 'large'] as const)
      for (const tool of tools) await measure(tool, image, tool.copy);
    const running = startLongRunning(own);
    const told = { name: `countersign, told to take ${BLOBS_IN_FLIGHT} at once`, role: 'beside' } as const;
    try {
      await measure(told, 'wide', (route) => running.copy(route, { concurrency: BLOBS_IN_FLIGHT }));
    } finally {
      await running.stop();
    }
  } finally {
    await endless.stop();
  }
  return rows;
}

function startEndless(): Endless {
  type Answer =
    { readonly source: string; readonly target: string } | { readonly atOnce: number; readonly received: number };
  const { ask, stop } = startForked<Shape | { readonly stop: true }, Answer>('endless-process.ts');
  return {
    stop,
    open: async (shape) => {
      const answer = await ask(shape);
      if (!('source' in answer)) throw new Error('open endless registries: another answer was expected');
      return { source: `${answer.source}/endless/image:1`, target: `${answer.target}/endless/image:1` };
    },
    close: async () => {
      const answer = await ask({ stop: true });
      if (!('atOnce' in answer)) throw new Error('close endless registries: another answer was expected');
      return answer;
    },
  };
}
