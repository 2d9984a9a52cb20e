/** What processes used, from /proc: CPU time with that of ended children, and resident memory of whole trees. */
import { readFileSync, readdirSync } from 'node:fs';

/** One measurement. */
export interface Usage {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Largest sum of resident memory over all processes at one moment, MiB. */
  readonly peakMiB: number;
}

const TICKS_PER_SECOND = 100;
const PAGE_MIB = 4096 / (1024 * 1024);
const SAMPLE_MS = 20;

interface ProcessSample {
  readonly parent: number;
  /** Own ticks and those of children that were waited for. */
  readonly ticks: number;
  readonly pages: number;
}

/**
 * Measures the trees below `roots` while `work` runs. The roots must live before and after it; what their children used
 * is counted when they have ended.
 */
export async function measureRoots(roots: readonly number[], work: () => Promise<void>): Promise<Usage> {
  const before = ticksOf(roots);
  const { wallSeconds, peakMiB } = await watch(() => roots, work);
  return { wallSeconds, cpuSeconds: (ticksOf(roots) - before) / TICKS_PER_SECOND, peakMiB };
}

/** Wall time of `work` and the peak memory of the trees below `roots` meanwhile. */
export async function watch(
  roots: () => readonly number[],
  work: () => Promise<void>,
): Promise<Omit<Usage, 'cpuSeconds'>> {
  let peakMiB = 0;
  const sample = (): void => {
    peakMiB = Math.max(peakMiB, residentMiB(roots()));
  };
  const timer = setInterval(sample, SAMPLE_MS);
  const start = performance.now();
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return { wallSeconds: (performance.now() - start) / 1000, peakMiB };
}

function ticksOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (readProcess(pid)?.ticks ?? 0), 0);
}

function residentMiB(roots: readonly number[]): number {
  const all = new Map<number, ProcessSample>();
  for (const name of readdirSync('/proc')) {
    const sample = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (sample !== undefined) all.set(Number(name), sample);
  }
  const belongs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined; at = all.get(at)?.parent)
      if (roots.includes(at)) return true;
    return false;
  };
  return [...all].reduce((sum, [pid, { pages }]) => sum + (belongs(pid) ? pages * PAGE_MIB : 0), 0);
}

function readProcess(pid: number): ProcessSample | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    // proc(5), counted from its third field: parent 4, utime 14, stime 15, cutime 16, cstime 17, rss 24.
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
    return { parent: fields[1] ?? 0, ticks, pages: fields[21] ?? 0 };
  } catch {
    return undefined;
  }
}
