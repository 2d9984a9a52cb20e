import type { Log } from '../parts/index.mjs';

/** The programs that make a Pulp. */
export interface PulpPrograms {
  /** Folder of `pulpcore-manager`, `pulpcore-api`, `pulpcore-content`, `pulpcore-worker`. */
  readonly pulp: string;
  /** Folder of `initdb`, `postgres`, `pg_isready`. */
  readonly postgres: string;
  readonly redis: string;
  /** Changes whenever another version would make another database. */
  readonly version: string;
}

/** Finds or installs all of them: Debian packages by apt-get, Pulp by pip into the cache. */
export function ensurePulp(options?: { readonly log?: Log }): Promise<PulpPrograms>;
