/** Keeps what a run printed in `bench/results/resilience.md`, one section for each case. */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';

/** One figure and what it is held against. */
export interface Check {
  readonly what: string;
  readonly limit: string;
  readonly seen: string;
  readonly passed: boolean;
}

const FILE = path.resolve(import.meta.dirname, '../../bench/results/resilience.md');
const HEAD = `# Resilience of a copy

\`npm run test:resilience\`: registries that make layers up and store none, on loopback; each section is of the last run of
its case. Layers are told apart from their digests by the target, which hashes what arrives.
`;

/** Replaces the section of a case. */
export async function record(name: string, seconds: number, checks: readonly Check[]): Promise<void> {
  const known = await readFile(FILE, 'utf8').catch(() => '');
  const sections = new Map(
    known
      .split(/^## /m)
      .slice(1)
      .map((text) => [text.split('\n', 1)[0] ?? '', text.trimEnd()]),
  );
  const [load = 0] = loadavg();
  const rows = checks.map(
    ({ what, limit, seen, passed }) => `| ${what} | ${limit} | ${seen} | ${word(limit, passed)} |`,
  );
  const table = ['| figure | goal | seen | |', '|---|---|---|---|', ...rows].join('\n');
  const around = `${seconds.toFixed(0)} s; ${cpus().length} cores, load ${load.toFixed(1)}, Node ${process.version}.`;
  sections.set(name, `${name}\n\n${around}\n\n${table}`);
  const ordered = [...sections]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([, text]) => `## ${text}\n`);
  await writeFile(FILE, [HEAD, ...ordered].join('\n'));
}

function word(limit: string, passed: boolean): string {
  if (limit === TOLD) return '';
  return passed ? 'met' : '**MISSED**';
}

/** In place of a limit, where there is none. */
export const TOLD = 'told only';
