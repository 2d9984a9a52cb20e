import type { PublishedBranch } from './published-branch.ts';
import type { ServeSettings } from './serve-options.ts';
import type { ServerMetrics } from './server-metrics.ts';

/** What every answer of the server may draw on. */
export interface ServerParts {
  readonly branch: PublishedBranch;
  readonly metrics: ServerMetrics;
  readonly settings: ServeSettings;
}
