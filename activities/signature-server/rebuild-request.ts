import type { Push } from './push-payload.ts';

/** A push that the signature server has to take up. */
export interface RebuildRequest extends Push {
  /** Names the request: stable over attempts, 32 hex digits, so that what an earlier attempt started is found again. */
  readonly delivery: string;
  /**
   * When it was asked for, in milliseconds since 1970, by one clock for all: the same for every attempt. Absent where no
   * such clock is there; then nothing that others asked for counts for it.
   */
  readonly requestedAt?: number;
}

/** The label and annotation under which objects of a cluster carry `delivery`. */
export const REQUEST_MARK = 'countersign/request';
/** The commit of a request that names none: what is there is to be taken up. */
export const NO_COMMIT = '0'.repeat(40);
const COMMIT_MARK = 'countersign/commit';

/** The annotation with the commit that was asked for; none where none was named. */
export function commitMark({ after }: Push): Readonly<Record<string, string>> {
  return after === NO_COMMIT ? {} : { [COMMIT_MARK]: after };
}
