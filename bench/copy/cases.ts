/** What is copied, by which tool in which turn, and what each used. */
import { tagOf } from '../../test/support/registry-push.ts';
import type { Usage } from '../process-usage.ts';
import { startGround } from './ground.ts';
import type { Ground, RegistryProgram } from './ground.ts';
import { pushImage } from './images.ts';
import type { ImageShape, PushedImage } from './images.ts';
import type { Tool } from './tools.ts';

/** One line of the goals and one table. */
export interface CopyCase {
  readonly id: 'small' | 'large' | 'larger' | 'index' | 'far-layers' | 'far-index' | 'again';
  readonly title: string;
  readonly shape: ImageShape;
  /** Between the clients and both registries; default: none. */
  readonly roundTripMs?: number;
  /** The same command ran before: nothing is missing. */
  readonly again?: true;
}

/** What one copy used, and asked of the target. */
export interface Measured extends Usage {
  readonly requests: number;
  /** Those for blobs. */
  readonly blobRequests: number;
}

/** What came of one case. */
export interface CaseResult {
  readonly copyCase: CopyCase;
  readonly program: RegistryProgram;
  readonly image: PushedImage;
  /** Of all blobs. */
  readonly bytes: number;
  readonly measured: ReadonlyMap<Tool, readonly Measured[]>;
}

interface Setting {
  readonly program: RegistryProgram;
  readonly tools: readonly Tool[];
  readonly runs: number;
  readonly log: (line: string) => void;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const REPOSITORY = 'bench/image';
const WARM_UP = 'bench/warm-up';

/** Every case; `quick`: so small that only the benchmark itself is tried. */
export function copyCases(quick: boolean): readonly CopyCase[] {
  const large = (mib: number): ImageShape => ({ platforms: 1, layers: 4, layerBytes: (quick ? mib / 16 : mib) * MIB });
  const count = (layers: number): number => (quick ? Math.ceil(layers / 10) : layers);
  const small = (platforms: number, layers: number): ImageShape => ({
    ...{ platforms, layers: count(layers), layerBytes: 64 * KIB },
  });
  const describe = ({ platforms, layers, layerBytes }: ImageShape): string => {
    const size = layerBytes < MIB ? `${layerBytes / KIB} KiB` : `${layerBytes / MIB} MiB`;
    return `${platforms > 1 ? `${platforms} platforms × ` : ''}${layers} × ${size}`;
  };
  const shaped = (id: CopyCase['id'], shape: ImageShape, suffix = ''): Pick<CopyCase, 'id' | 'title' | 'shape'> => ({
    ...{ id, title: `${describe(shape)}${suffix}`, shape },
  });
  return [
    shaped('small', small(1, 60)),
    shaped('index', small(6, 60)),
    { ...shaped('far-layers', small(1, 60), ', 50 ms away'), roundTripMs: 50 },
    { ...shaped('far-index', small(6, 10), ', 50 ms away'), roundTripMs: 50 },
    { ...shaped('again', small(1, 60), ', nothing to do'), again: true },
    shaped('large', large(256)),
    shaped('larger', large(1024)),
  ];
}

/** All tools, taking turns, `runs` times; each has copied something before it is measured. */
export async function runCase(copyCase: CopyCase, setting: Setting): Promise<CaseResult> {
  const { program, tools, runs, log } = setting;
  const ground = await startGround(program, copyCase.roundTripMs ?? 0);
  try {
    const image = await pushImage(ground.source.near, REPOSITORY, copyCase.shape);
    await warmUp(ground, tools);
    const measured = new Map<Tool, Measured[]>(tools.map((tool) => [tool, []]));
    for (let run = 0; run < runs; run += 1) {
      const turns = [...tools.slice(run % tools.length), ...tools.slice(0, run % tools.length)];
      for (const tool of turns) {
        const one = await copyOnce(ground, { tool, image, again: copyCase.again ?? false });
        measured.get(tool)?.push(one);
        log(`${program}, ${copyCase.title}, run ${run + 1}: ${tool.name} ${show(one)}`);
      }
    }
    const bytes = [...image.blobs.values()].reduce((sum, size) => sum + size, 0);
    return { copyCase, program, image, bytes, measured };
  } finally {
    await ground.stop();
  }
}

/** Programs are read from the disk once, and a process that is kept has compiled what it runs. */
async function warmUp({ source, openTarget }: Ground, tools: readonly Tool[]): Promise<void> {
  await pushImage(source.near, WARM_UP, { platforms: 2, layers: 3, layerBytes: 64 * KIB });
  const target = await openTarget();
  try {
    for (const [number, tool] of tools.entries())
      await tool.copy({ source: `${source.host}/${WARM_UP}:1`, target: `${target.host}/warm-up/${number}:1` });
  } finally {
    await target.stop();
  }
}

async function copyOnce(
  { source, openTarget }: Ground,
  { tool, image, again }: { readonly tool: Tool; readonly image: PushedImage; readonly again: boolean },
): Promise<Measured> {
  const target = await openTarget();
  try {
    const route = { source: `${source.host}/${REPOSITORY}:1`, target: `${target.host}/${REPOSITORY}:1` };
    if (again) await tool.copy(route);
    const before = await target.requests();
    const usage = await tool.copy(route);
    const requests = (await target.requests()).slice(before.length);
    // A registry takes a manifest only when it has all that the manifest names.
    const digest = await tagOf(target.near, REPOSITORY, '1');
    if (digest !== image.digest) throw new Error(`${tool.name}: expected ${image.digest}, it made ${String(digest)}`);
    const blobRequests = requests.filter((line) => line.includes('/blobs/')).length;
    return { ...usage, requests: requests.length, blobRequests };
  } finally {
    await target.stop();
  }
}

function show({ wallSeconds, cpuSeconds, peakMiB, requests }: Measured): string {
  return `${wallSeconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} CPU-s, ${peakMiB.toFixed(0)} MiB, ${requests} requests`;
}
