/** The figures as Markdown. */
import { cpus, release } from 'node:os';
import { spreadOf } from '../statistics.ts';
import type { Spread } from '../statistics.ts';
import type { CaseResult, Measured } from './cases.ts';
import { CPU, WALL, bestOf, isChecker, isMet, isSkopeo } from './goals.ts';
import type { Figure, Goal } from './goals.ts';
import type { MemoryRow } from './memory.ts';
import type { Tool } from './tools.ts';

/** What holds for all figures. */
export interface Circumstances {
  readonly quick: boolean;
  readonly runs: number;
  /** Of the largest case. */
  readonly largerRuns: number;
  /** Whether every case has run. */
  readonly isWhole: boolean;
  /** Whether the registries kept their folders in memory. */
  readonly inMemory: boolean;
  /** Of the machine: when it began, and after each case. */
  readonly loads: readonly number[];
  /** Program and version of each registry. */
  readonly registries: readonly string[];
  readonly tools: readonly Tool[];
}

/** Two registries and a client are two to three, more than this per core is somebody else. */
const BUSY_LOAD = 2;
const GB = 1e9;
const MIB = 1024 * 1024;
/** Below it the start of a process is most of what is measured. */
const BULK_BYTES = 100 * MIB;

/** The opening: what was compared, on what, how. */
export function describeCircumstances(given: Circumstances): readonly string[] {
  const { quick, runs, largerRuns, isWhole, inMemory, loads, registries, tools } = given;
  const [cpu] = cpus();
  const versions = tools.filter(({ role }) => role !== 'beside').map(({ name, version }) => `${name} ${version}`);
  const folders = inMemory ? 'their folders on a tmpfs' : '**their folders on a disk, for no tmpfs has the room**';
  const load = `load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  const busy = Math.max(...loads) > BUSY_LOAD * cpus().length;
  return [
    '# Copying, beside other tools',
    '',
    ...(quick
      ? ['**Quick: small images, once each. This only tries the benchmark; it says nothing of speed.**', '']
      : []),
    ...(isWhole ? [] : ['**Ended before its end: what is missing here was not measured.**', '']),
    ...(busy ? ['**The machine had other work: wall times say little, CPU times somewhat more.**', ''] : []),
    `${versions.join(', ')}.`,
    `Registries: ${registries.join(', ')}; ${folders}; a new target for every copy. Loopback, plain HTTP.`,
    `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), Linux ${release()}, Node ${process.version}; ${load}.`,
    `Medians of ${runs}, of ${largerRuns} for 4 × 1024 MiB (least to most), tools taking turns; wall, CPU and peak memory of the client's processes alone, as the kernel counts them.`,
    '`process kept`: ours in a process that has copied before, as the worker of a promotion; its memory is the most since its start. It is never judged.',
    '`trusts`: leaves it to the target to hash what is passed on. GB: 10⁹ bytes.',
    'Layers are gzipped tar archives, and every copy has the digest of its source: skopeo and containers/image compress layers that are not, and then the digest is another.',
    '',
  ];
}

/** Every goal, the missed ones named as such. */
export function goalTable(goals: readonly Goal[]): readonly string[] {
  const missed = goals.filter((goal) => !isMet(goal)).length;
  const rows = goals.map((goal) => {
    const { subject, what, limit, figure, digits } = goal;
    const measured = figure === undefined ? 'not measured' : figure.toFixed(digits);
    return `| ${subject} | ${what} | ≤ ${limit.toFixed(digits)} | ${measured} | ${isMet(goal) ? 'met' : '**MISSED**'} |`;
  });
  return [
    ...['## Goals', '', `${goals.length - missed} met, ${missed} missed.`, ''],
    ...['| case | figure | goal | measured | |', '|---|---|---|---|---|', ...rows, ''],
  ];
}

/** One case, a line per tool. */
export function caseTable(result: CaseResult): readonly string[] {
  const { copyCase, program, image, bytes } = result;
  const isBulk = bytes >= BULK_BYTES;
  const columns = ['tool', 'wall, s', '× skopeo', 'CPU, s', ...(isBulk ? ['CPU-s per GB'] : [])];
  const more = ['× skopeo', '× best checker', 'peak, MiB', 'requests at the target', 'for blobs, per missing blob'];
  const header = [...columns, ...more];
  const rows = [...result.measured].map(([tool, measured]) => {
    const of = (figure: Figure): Spread => spreadOf(measured.map(figure));
    const cells = [
      nameOf(tool),
      showSpread(of(WALL)),
      times(of(WALL).median, bestOf(result, WALL, isSkopeo)),
      showSpread(of(CPU)),
      ...(isBulk ? [(of(CPU).median / (bytes / GB)).toFixed(2)] : []),
      times(of(CPU).median, bestOf(result, CPU, isSkopeo)),
      times(of(CPU).median, bestOf(result, CPU, isChecker)),
      of(({ peakMiB }: Measured) => peakMiB).median.toFixed(0),
      String(of(({ requests }) => requests).median),
      copyCase.again ? '' : (of(({ blobRequests }) => blobRequests).median / image.blobs.size).toFixed(2),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    ...[`## ${copyCase.title}, ${program}`, '', `| ${header.join(' | ')} |`, `|${header.map(() => '---|').join('')}`],
    ...[...rows, ''],
  ];
}

/** Memory, and what it takes where the registries take nothing. */
export function memoryTable(rows: readonly MemoryRow[]): readonly string[] {
  const lines = rows.map(({ name, role, image, bytes, atOnce, usage }) => {
    const { peakMiB, wallSeconds, cpuSeconds } = usage;
    const perGb = bytes < BULK_BYTES ? '' : (cpuSeconds / (bytes / GB)).toFixed(2);
    const cells = [nameOf({ name, role }), image, (bytes / MIB).toFixed(0), atOnce, peakMiB.toFixed(0)];
    return `| ${[...cells, wallSeconds.toFixed(2), perGb].join(' | ')} |`;
  });
  return [
    '## Memory',
    '',
    'Between registries that make layers up and swallow them, once each.',
    '',
    '| tool | image | MiB passed on | layers at once | peak, MiB | wall, s | CPU-s per GB |',
    ...['|---|---|---|---|---|---|---|', ...lines, ''],
  ];
}

function nameOf({ name, role }: { readonly name: string; readonly role: Tool['role'] }): string {
  if (role === 'ours') return `**${name}**`;
  return role === 'trusts' ? `${name} (trusts)` : name;
}

function showSpread({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;
}

function times(value: number, base: number | undefined): string {
  return base === undefined ? '' : (value / base).toFixed(2);
}
