/**
 * Copying, beside other tools: the same images between the same registries, the tools taking turns. What each client used
 * is held against the goals; a goal that is missed is printed as missed.
 *
 *     npm run bench -- copy [--runs N] [--larger-runs N] [--only CASE]… [--quick]
 *
 * Only a run of all cases is kept, in `results/copy.md`, after each of them; `--larger-runs` is for the case of 4 GiB.
 * `--quick` tries the benchmark itself with small images.
 */
import { rmSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../test/support/command.ts';
import { ensureParts } from '../test/support/parts/index.mjs';
import { copyCases, runCase } from './copy/cases.ts';
import { judgeCase, judgeMemory } from './copy/goals.ts';
import type { Goal } from './copy/goals.ts';
import { makeFolder } from './copy/ground.ts';
import { startLongRunning, toolOf } from './copy/long-running.ts';
import { measureMemory } from './copy/memory.ts';
import { caseTable, describeCircumstances, goalTable, memoryTable } from './copy/report.ts';
import { prepareTools } from './copy/tools.ts';
import type { OwnCommand, Tool } from './copy/tools.ts';

const PROGRAMS = ['docker-registry', 'distribution-3'] as const;
/** Twice the largest image, and some. */
const ROOM_BYTES = 10 * 1024 ** 3;
const ROOT = path.resolve(import.meta.dirname, '..');

const { values: asked } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    'larger-runs': { type: 'string' },
    only: { type: 'string', multiple: true },
  },
});
const { quick, only } = asked;
const runs = quick ? 1 : Number(asked.runs ?? 3);
const largerRuns = quick ? 1 : Number(asked['larger-runs'] ?? runs);
const known: readonly string[] = [...copyCases(quick).map(({ id }) => id), 'memory'];
const unknown = only?.filter((id) => !known.includes(id)) ?? [];
if (unknown.length > 0 || [runs, largerRuns].some((one) => !Number.isInteger(one) || one < 1)) {
  console.error(`usage: npm run bench -- copy [--runs N] [--larger-runs N] [--only ${known.join(' | ')}]… [--quick]`);
  process.exit(2);
}
const cases = copyCases(quick).filter(({ id }) => only?.includes(id) ?? true);
const withMemory = only?.includes('memory') ?? true;
const log = (line: string): void => {
  console.error(line);
};

const loads = [load()];
const { folder, inMemory } = await makeFolder(quick ? ROOM_BYTES / 20 : ROOM_BYTES);
// Where the registries make their folders.
process.env['TMPDIR'] = folder;
const own = await keepCommand();
removeAtExit([folder, path.resolve(own.file, '../..')]);
const running = startLongRunning(own);
try {
  const tools = await prepareTools(own, folder);
  const beside = [...tools, toolOf(running, own)];
  const goals: Goal[] = [];
  const tables: string[] = [];
  for (const program of PROGRAMS) {
    for (const copyCase of cases) {
      const times = copyCase.id === 'larger' ? largerRuns : runs;
      const result = await runCase(copyCase, { program, tools: beside, runs: times, log });
      goals.push(...judgeCase(result));
      tables.push(...caseTable(result));
      loads.push(load());
      await keep({ tools, goals, tables, isWhole: false });
    }
  }
  if (withMemory) {
    const rows = await measureMemory({ own, tools, quick, log });
    goals.push(...judgeMemory(rows));
    tables.push(...memoryTable(rows));
  }
  console.log(await keep({ tools, goals, tables, isWhole: true }));
} finally {
  await running.stop();
}

/** Also when a signal ends it: the folder is gigabytes of memory. */
function removeAtExit(folders: readonly string[]): void {
  process.on('exit', () => {
    for (const one of folders) rmSync(one, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
}

/** A copy of what is compiled now: the whole run measures one state, whatever is compiled meanwhile. */
async function keepCommand(): Promise<OwnCommand> {
  const kept = path.join(ROOT, `dist-bench-${process.pid}`);
  await cp(path.join(ROOT, 'dist'), kept, { recursive: true });
  const { version } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return { file: path.join(kept, 'cli/main.js'), version };
}

/** Of the last minute. */
function load(): number {
  return loadavg()[0] ?? 0;
}

async function registryVersions(): Promise<readonly string[]> {
  const parts = await ensureParts(PROGRAMS);
  const said = await Promise.all(PROGRAMS.map((program) => runCommand(parts[program], ['--version'])));
  return said.map(
    ({ stdout }, index) => `${PROGRAMS[index] ?? ''} (Distribution ${/ v?(\d\S*)/.exec(stdout)?.[1] ?? '?'})`,
  );
}

interface Report {
  readonly tools: readonly Tool[];
  readonly goals: readonly Goal[];
  readonly tables: readonly string[];
  /** Whether every case has run. */
  readonly isWhole: boolean;
}

/** Also while it runs: an hour is long, and what was measured until then says so itself. */
async function keep({ tools, goals, tables, isWhole }: Report): Promise<string> {
  const registries = await registryVersions();
  const given = { quick, runs, largerRuns, inMemory, loads, registries, tools, isWhole };
  const text = [...describeCircumstances(given), ...goalTable(goals), ...tables].join('\n');
  if (quick || only !== undefined) return text;
  const results = path.join(import.meta.dirname, 'results');
  await mkdir(results, { recursive: true });
  await writeFile(path.join(results, 'copy.md'), text);
  return text;
}
