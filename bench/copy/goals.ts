/** What the figures are held against. */
import { spreadOf } from '../statistics.ts';
import type { Spread } from '../statistics.ts';
import type { CaseResult, CopyCase, Measured } from './cases.ts';
import { BLOBS_IN_FLIGHT } from './memory.ts';
import type { MemoryRow } from './memory.ts';
import type { Tool } from './tools.ts';

/** One goal and what was measured; it is met when the figure is not above the limit. */
export interface Goal {
  readonly subject: string;
  readonly what: string;
  readonly limit: number;
  /** Undefined where nothing was measured that could be judged: then the goal is missed. */
  readonly figure: number | undefined;
  readonly digits: number;
}

/** One figure of a measurement. */
export type Figure = (one: Measured) => number;

/** The time from start to end, and that of the processors. */
export const WALL: Figure = ({ wallSeconds }) => wallSeconds;
export const CPU: Figure = ({ cpuSeconds }) => cpuSeconds;

const SKOPEO_CPU = 0.25;
const CHECKER_CPU = 0.85;
const SKOPEO_WALL = 0.6;
const FAR_SKOPEO_WALL = 1 / 3;
const FAR_BEST_WALL = 1 / 1.5;
const REQUESTS_PER_BLOB = 2;
const PEAK_MIB = 128;
const GROWTH_MIB = 64;

/** Whether the figure is not above the limit. */
export function isMet({ figure, limit }: Goal): boolean {
  return figure !== undefined && figure <= limit;
}

/** The goals that a case is held against. */
export function judgeCase(result: CaseResult): readonly Goal[] {
  const subject = `${result.copyCase.title}, ${result.program}`;
  const goal = (what: string, limit: number, figure: number | undefined, digits = 2): Goal => ({
    ...{ subject, what, limit, figure, digits },
  });
  const wallToSkopeo = ratio(result, WALL, isSkopeo);
  const wallToBest = ratio(result, WALL, isOther);
  const perBlob = (): Goal =>
    goal('requests for blobs at the target per missing blob', REQUESTS_PER_BLOB, requestsPerBlob(result));
  const bulk = (): readonly Goal[] => [
    goal("CPU, of skopeo's", SKOPEO_CPU, ratio(result, CPU, isSkopeo)),
    goal('CPU, of the best that checks what it passes on', CHECKER_CPU, ratio(result, CPU, isChecker)),
    goal("wall, of skopeo's", SKOPEO_WALL, wallToSkopeo),
    goal('wall, of the best of all', 1, wallToBest),
    ...(result.copyCase.id === 'large' ? [perBlob()] : []),
  ];
  const far = (): readonly Goal[] => [
    goal("wall, of skopeo's", FAR_SKOPEO_WALL, wallToSkopeo),
    goal('wall, of the best of all', FAR_BEST_WALL, wallToBest),
    perBlob(),
  ];
  const goals: Readonly<Record<CopyCase['id'], () => readonly Goal[]>> = {
    small: () => [perBlob()],
    index: () => [perBlob()],
    again: () => [goal('requests at the target', 1, spreadFor(result, isOurs, ({ requests }) => requests)?.most, 0)],
    'far-layers': far,
    'far-index': far,
    large: bulk,
    larger: bulk,
  };
  return goals[result.copyCase.id]();
}

/** The goals for memory. */
export function judgeMemory(rows: readonly MemoryRow[]): readonly Goal[] {
  const ours = (image: MemoryRow['image']): number | undefined =>
    rows.find((row) => row.role === 'ours' && row.image === image)?.usage.peakMiB;
  const wide = rows.filter(
    ({ role, image, atOnce }) =>
      (role === 'ours' || role === 'beside') && image === 'wide' && atOnce >= BLOBS_IN_FLIGHT,
  );
  const peaks = wide.map(({ usage }) => usage.peakMiB);
  const [small, large] = [ours('small'), ours('large')];
  const growth = small === undefined || large === undefined ? undefined : large - small;
  return [
    {
      ...{ subject: 'memory', what: `MiB at most with ${BLOBS_IN_FLIGHT} blobs in flight`, limit: PEAK_MIB, digits: 0 },
      figure: peaks.length > 0 ? Math.max(...peaks) : undefined,
    },
    {
      ...{ subject: 'memory', what: 'MiB more for the large image than for the small one', limit: GROWTH_MIB },
      ...{ figure: growth, digits: 0 },
    },
  ];
}

/** Our median by that of the best among others; undefined where one of them is missing. */
export function ratio(result: CaseResult, figure: Figure, others: (tool: Tool) => boolean): number | undefined {
  const ours = spreadFor(result, isOurs, figure)?.median;
  const best = bestOf(result, figure, others);
  return ours === undefined || best === undefined ? undefined : ours / best;
}

/** The lowest median among some tools. */
export function bestOf(result: CaseResult, figure: Figure, among: (tool: Tool) => boolean): number | undefined {
  const medians = [...result.measured]
    .filter(([tool]) => among(tool))
    .map(([, all]) => spreadOf(all.map(figure)).median);
  return medians.length === 0 ? undefined : Math.min(...medians);
}

/** Debian's skopeo. */
export const isSkopeo = ({ role }: Tool): boolean => role === 'skopeo';
/** Those of today that hash what they pass on. */
export const isChecker = ({ role }: Tool): boolean => role === 'checks';
const isOurs = ({ role }: Tool): boolean => role === 'ours';
const isOther = ({ role }: Tool): boolean => role !== 'ours' && role !== 'beside';

function requestsPerBlob(result: CaseResult): number | undefined {
  const requests = spreadFor(result, isOurs, ({ blobRequests }) => blobRequests)?.most;
  return requests === undefined ? undefined : requests / result.image.blobs.size;
}

function spreadFor(result: CaseResult, which: (tool: Tool) => boolean, figure: Figure): Spread | undefined {
  const measured = [...result.measured].find(([tool]) => which(tool))?.[1];
  return measured === undefined || measured.length === 0 ? undefined : spreadOf(measured.map(figure));
}
