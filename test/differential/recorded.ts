/**
 * Cases that the judge has answered, kept with its answers, so that the quick tests know them without the judge. They are
 * made anew by `record.ts`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Judge, JudgeAnswer } from '../support/judge.ts';
import { evaluations } from './evaluations.ts';
import { lookaside } from './lookaside.ts';
import { policies } from './policies.ts';
import { Random } from './random.ts';
import { references } from './references.ts';
import { registriesD } from './registries-d.ts';
import type { Subject } from './subject.ts';

/** One case and what the judge said of it. */
export interface Recorded {
  readonly generated: unknown;
  readonly answer: JudgeAnswer;
}

/** Which subjects are recorded, and how many cases of each, spread over its edges and its random ones. */
export const RECORDED: readonly { readonly subject: Subject; readonly cases: number; readonly step: number }[] = [
  { subject: references, cases: 240, step: 7 },
  { subject: policies, cases: 240, step: 11 },
  { subject: evaluations, cases: 60, step: 1 },
  { subject: registriesD, cases: 160, step: 5 },
  { subject: lookaside, cases: 80, step: 4 },
];

const FOLDER = fileURLToPath(new URL('../activities/trust/judged/', import.meta.url));
/** What replaces folders that exist only while cases are made. */
const KEY_FOLDER = '/keys';
const SEED = 1;

/** Asks the judge, and writes what it says. */
export async function record(judge: Judge): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const { subject, cases, step } of RECORDED) {
    const prepared = await subject.prepare?.(new Random(`${SEED}/${subject.name}`));
    const recorded: Recorded[] = [];
    try {
      for (let index = 0; recorded.length < cases; index += step) {
        const generated = await subject.generate(new Random(`${SEED}/${subject.name}/${index}`), index, prepared);
        recorded.push({ generated, answer: await judge.ask(subject.question(generated, prepared)) });
      }
    } finally {
      await subject.cleanUp?.(prepared);
    }
    await writeFile(
      fileOf(subject),
      `[\n${recorded.map((one) => stable(JSON.stringify(one, pack), prepared)).join(',\n')}\n]\n`,
    );
  }
}

/** The recorded cases of a subject. */
export async function readRecorded(subject: Subject): Promise<readonly Recorded[]> {
  return JSON.parse(await readFile(fileOf(subject), 'utf8'), unpack) as readonly Recorded[];
}

function fileOf({ name }: Subject): string {
  return `${FOLDER}${name}.json`;
}

function stable(text: string, prepared: unknown): string {
  const folder =
    typeof prepared === 'object' && prepared !== null && 'folder' in prepared ? prepared.folder : undefined;
  return typeof folder === 'string'
    ? text.replaceAll(folder, KEY_FOLDER)
    : text.replace(/\/tmp\/judge-[a-z]+-\d+/g, '');
}

/** Bytes as base64; `JSON.stringify` has made an object of numbers of them by then. */
function pack(_: string, value: unknown): unknown {
  const isBuffer =
    typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value;
  return isBuffer ? { base64: Buffer.from(value.data as number[]).toString('base64') } : value;
}

function unpack(_: string, value: unknown): unknown {
  const isBytes = typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string';
  return isBytes ? Buffer.from(value.base64 as string, 'base64') : value;
}
