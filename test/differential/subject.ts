import type { JudgeAnswer, JudgeRequest } from '../support/judge.ts';
import type { Random } from './random.ts';

/**
 * What a differential test asks about: cases made from a seed, our verdict and that of the reference implementation.
 * A subject is one module in this folder that exports an object of this shape; `subjects.ts` lists them all.
 *
 *     npm run test:differential                                    every subject, 10,000 cases in all
 *     npm run test:differential -- --subject blobs --cases 500     one subject
 *     npm run test:differential -- --seed 7 --subject blobs --only 123     one case, with all that is known of it
 *
 * To add one: write the module, add handlers for its kinds in a file of its own in `test/support/judge`, list it. Case
 * `index` of seed `seed` must be the same whenever it is made, alone or after others: `generate` draws only from the
 * `random` that it is given (a fresh one per case) and from what `prepare` made.
 */
export interface Subject<Case = unknown, Prepared = unknown> {
  readonly name: string;
  /** Share of the cases when all subjects run; default 1. */
  readonly weight?: number;
  /** Why we refuse, by name, what the reference accepts; a name that `excuse` does not find here fails the run. */
  readonly exceptions?: Readonly<Record<string, string>>;
  /** Made once per run: keys, folders. */
  prepare?(random: Random): Promise<Prepared>;
  cleanUp?(prepared: Prepared): Promise<void>;
  generate(random: Random, index: number, prepared: Prepared): Case | Promise<Case>;
  /** Our verdict; what it throws counts as a fault, not as a refusal. */
  ours(generated: Case, prepared: Prepared): Promise<Verdict>;
  /** What the judge is asked. */
  question(generated: Case, prepared: Prepared): JudgeRequest;
  /** Where both accept: why their results differ, or undefined. Without it only the acceptance is compared. */
  compare?(ours: unknown, judges: unknown): string | undefined;
  /** Where only we refuse: the name of the exception that this is; undefined fails the run. */
  excuse?(generated: Case, ours: Refusal, judges: JudgeAnswer): string | undefined;
  /** One line for people: how the case was made. */
  describe(generated: Case): string;
}

export interface Refusal {
  readonly accepted: false;
  /** A short code. */
  readonly reason: string;
  readonly message: string;
}

export type Verdict = { readonly accepted: true; readonly result?: unknown } | Refusal;
