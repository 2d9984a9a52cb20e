/** The places a pull goes through, in this order. */
export const STEPS = [
  'configuration',
  'registry',
  'policy',
  'store',
  'signature',
  'key',
  'identity',
  'platform',
  'replica',
] as const;

/** One of the places a pull goes through. */
export type DoctorStep = (typeof STEPS)[number];

/** `warn`: does not hinder a pull now; `skipped`: could not be looked at, because of something before it. */
export type FindingStatus = 'ok' | 'warn' | 'fail' | 'skipped';

/** What was found in one place; plain data. */
export interface Finding {
  readonly step: DoctorStep;
  readonly status: FindingStatus;
  /** What is the case, in one sentence without a full stop. */
  readonly what: string;
  /** Why it matters, or how it was seen. */
  readonly why?: string;
  /** What mends it; a command wherever one can. */
  readonly mend?: string;
}

/** What came of an examination. */
export interface Diagnosis {
  /** The image as it was asked for, expanded. */
  readonly image: string;
  readonly environment: string;
  /** Of the index or the only manifest, where the registry has it. */
  readonly digest: string | null;
  /** Whether a cluster of the environment can pull it, every platform, from every replica. */
  readonly pullable: boolean;
  readonly findings: readonly Finding[];
  /** One sentence. */
  readonly cause: string;
  /** What to do about the cause; null where nothing has to be done. */
  readonly mend: string | null;
}

/** Collects findings in the order in which they are made. */
export class Findings {
  readonly list: Finding[] = [];

  ok(step: DoctorStep, what: string, why?: string): void {
    this.#add('ok', { step, what }, { why });
  }

  warn(step: DoctorStep, what: string, more: { readonly why?: string; readonly mend?: string } = {}): void {
    this.#add('warn', { step, what }, more);
  }

  fail(step: DoctorStep, what: string, more: { readonly why?: string; readonly mend: string }): void {
    this.#add('fail', { step, what }, more);
  }

  skip(step: DoctorStep, what: string): void {
    this.#add('skipped', { step, what }, {});
  }

  #add(
    status: FindingStatus,
    { step, what }: Pick<Finding, 'step' | 'what'>,
    { why, mend }: { readonly why?: string | undefined; readonly mend?: string | undefined },
  ): void {
    this.list.push({ step, status, what, ...(why !== undefined && { why }), ...(mend !== undefined && { mend }) });
  }
}
