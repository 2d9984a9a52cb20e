// `npm run test:differential -- [--cases N] [--seed S] [--subject NAME] [--only INDEX]`: how it works stands in subject.ts.
// `-- --hostile` measures what hostile messages cost; `-- --signatures N` lets gpg and skopeo judge signatures of ours;
// `-- --older` asks the skopeo of the system, of library 5.22, instead.
import { parseArgs } from 'node:util';
import { Judge } from '../support/judge.ts';
import { compareSubject } from './compare.ts';
import type { Agreement } from './compare.ts';
import { NEWER, OLDER, compareWithOlder } from './compare-older.ts';
import { OlderJudge } from './older-judge.ts';
import { blobs } from './blobs.ts';
import { policies } from './policies.ts';
import { haveSignaturesJudged } from './have-signatures-judged.ts';
import { measureHostile } from './measure-hostile.ts';
import type { Subject } from './subject.ts';
import { SUBJECTS } from './subjects.ts';

const DEFAULT_CASES = 10_000;
/** A program runs for each. */
const OLDER_CASES = 500;
const SHOWN_FAULTS = 40;

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    subject: { type: 'string', multiple: true },
    only: { type: 'string' },
    hostile: { type: 'boolean', default: false },
    signatures: { type: 'string' },
    older: { type: 'boolean', default: false },
  },
});
if (values.hostile) process.exit(measureHostile() ? 0 : 1);
if (values.signatures !== undefined) {
  process.exit((await haveSignaturesJudged(wholeNumber('--signatures', values.signatures))) ? 0 : 1);
}
const chosen = SUBJECTS.filter(({ name }) => values.subject?.includes(name) ?? true);
if (chosen.length === 0 || chosen.length < (values.subject?.length ?? 0)) {
  console.error(`unknown subject; there are ${SUBJECTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const seed = wholeNumber('--seed', values.seed);
const cases = wholeNumber('--cases', values.cases ?? String(values.older ? OLDER_CASES : DEFAULT_CASES));
if (values.older) process.exit(await askOlder());
const judge = await Judge.start();
try {
  const agreements: Agreement[] = [];
  for (const subject of chosen) agreements.push(await runSubject(subject));
  const faults = agreements.reduce((sum, agreement) => sum + agreement.faults.length, 0);
  const total = agreements.reduce((sum, agreement) => sum + agreement.cases, 0);
  console.log(`\n${total} cases, seed ${seed}: ${faults === 0 ? 'no unexplained difference' : `${faults} FAULTS`}`);
  process.exitCode = faults === 0 ? 0 : 1;
} finally {
  await judge.stop();
}

async function runSubject(subject: Subject): Promise<Agreement> {
  const weights = chosen.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const share = Math.ceil((cases * (subject.weight ?? 1)) / weights);
  const only = values.only === undefined ? undefined : wholeNumber('--only', values.only);
  const start = performance.now();
  const run = { judge, seed, cases: share, ...(only !== undefined && { only, onCase: console.log }) };
  const agreement = await compareSubject(subject, run);
  print(subject, agreement, (performance.now() - start) / 1000);
  return agreement;
}

async function askOlder(): Promise<number> {
  const older = await OlderJudge.start();
  try {
    let faults = 0;
    for (const subject of [policies, blobs]) {
      const start = performance.now();
      const agreement = await compareWithOlder(subject.name, older, { seed, cases });
      const exceptions = { ...subject.exceptions, ...NEWER, ...OLDER };
      print({ name: subject.name, exceptions }, agreement, (performance.now() - start) / 1000);
      faults += agreement.faults.length;
    }
    return faults === 0 ? 0 : 1;
  } finally {
    await older.stop();
  }
}

function print(subject: Pick<Subject, 'name' | 'exceptions'>, agreement: Agreement, seconds: number): void {
  const { bothAccept, bothRefuse, stricter, faults } = agreement;
  console.log(`\n${subject.name}: ${agreement.cases} cases in ${seconds.toFixed(0)} s`);
  console.log(`  both accept  ${bothAccept}`);
  console.log(`  both refuse  ${bothRefuse}`);
  console.log(`  stricter     ${Object.values(stricter).reduce((sum, count) => sum + count, 0)}, by listed exception`);
  for (const [name, count] of Object.entries(stricter)) {
    console.log(`    ${String(count).padStart(6)}  ${name}: ${subject.exceptions?.[name] ?? ''}`);
  }
  for (const what of ['LAXER', 'stricter', 'different', 'crash'] as const) {
    const found = faults.filter((fault) => fault.what === what);
    if (what === 'LAXER' || found.length > 0)
      console.log(`  ${what === 'stricter' ? 'UNLISTED' : what}  ${found.length}`);
    for (const { index, description, detail } of found.slice(0, SHOWN_FAULTS)) {
      console.log(`    --seed ${seed} --subject ${subject.name} --only ${index}  ${description}\n      ${detail}`);
    }
  }
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  console.error(`${option} ${text}: expected a whole number`);
  process.exit(2);
}
