import type { Judge, JudgeAnswer } from '../support/judge.ts';
import { Random } from './random.ts';
import type { Subject, Verdict } from './subject.ts';

/** How both sides judged the cases of one subject. */
export interface Agreement {
  readonly subject: string;
  readonly cases: number;
  readonly bothAccept: number;
  readonly bothRefuse: number;
  /** We refuse what the judge accepts, by the listed exception that it is. */
  readonly stricter: Readonly<Record<string, number>>;
  /** Everything that fails the run: we are laxer, stricter without an exception, results differ, or our code threw. */
  readonly faults: readonly Fault[];
}

export interface Fault {
  readonly what: 'LAXER' | 'stricter' | 'different' | 'crash';
  readonly index: number;
  readonly description: string;
  readonly detail: string;
}

export interface Run {
  readonly judge: Judge;
  readonly seed: number;
  readonly cases: number;
  /** Only this case. */
  readonly only?: number;
  readonly onCase?: (line: string) => void;
}

/** Puts cases of a subject before both and compares what they say. */
export async function compareSubject(subject: Subject, run: Run): Promise<Agreement> {
  const prepared = await subject.prepare?.(new Random(`${run.seed}/${subject.name}`));
  const tally = { bothAccept: 0, bothRefuse: 0, stricter: {} as Record<string, number>, faults: [] as Fault[] };
  try {
    const indexes = run.only === undefined ? Array.from({ length: run.cases }, (_, index) => index) : [run.only];
    const queue = indexes.values();
    const work = async (): Promise<void> => {
      for (const index of queue) await compareCase({ subject, prepared, run, tally }, index);
    };
    await Promise.all(Array.from({ length: 8 }, work));
    const faults = tally.faults.sort((a, b) => a.index - b.index);
    return { subject: subject.name, cases: indexes.length, ...tally, faults };
  } finally {
    await subject.cleanUp?.(prepared);
  }
}

interface Comparing {
  readonly subject: Subject;
  readonly prepared: unknown;
  readonly run: Run;
  readonly tally: { bothAccept: number; bothRefuse: number; stricter: Record<string, number>; faults: Fault[] };
}

async function compareCase({ subject, prepared, run, tally }: Comparing, index: number): Promise<void> {
  const random = new Random(`${run.seed}/${subject.name}/${index}`);
  const generated = await subject.generate(random, index, prepared);
  const fault = (what: Fault['what'], detail: string): void => {
    tally.faults.push({ what, index, description: subject.describe(generated), detail });
  };
  const answer = await run.judge.ask(subject.question(generated, prepared));
  let verdict: Verdict;
  try {
    verdict = await subject.ours(generated, prepared);
  } catch (error) {
    fault('crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
    return;
  }
  run.onCase?.(`${index} ${subject.describe(generated)}\n  ours ${say(verdict)}\n  judge ${say(answer)}`);
  if (verdict.accepted && answer.ok) {
    const difference = subject.compare?.(verdict.result, answer.result);
    if (difference === undefined) tally.bothAccept++;
    else fault('different', difference);
  } else if (verdict.accepted) fault('LAXER', `the judge: ${say(answer)}`);
  else if (!answer.ok) tally.bothRefuse++;
  else {
    const exception = subject.excuse?.(generated, verdict, answer);
    if (exception === undefined || !Object.hasOwn(subject.exceptions ?? {}, exception)) {
      fault('stricter', `${verdict.reason}: ${verdict.message}`);
    } else tally.stricter[exception] = (tally.stricter[exception] ?? 0) + 1;
  }
}

function say(what: Verdict | JudgeAnswer): string {
  return JSON.stringify(what).slice(0, 600);
}
