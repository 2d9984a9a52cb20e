import type { Push } from './push-payload.ts';

/** A push that the signature server has to take up. */
export interface RebuildRequest extends Push {
  /** Stable over attempts; made from promotion and commit. */
  readonly delivery: string;
  /** When the commit was to be taken up, in milliseconds since 1970: the same for every attempt, by one clock for all. */
  readonly requestedAt: number;
}
