import { blobs } from './blobs.ts';
import { keyFiles } from './key-files.ts';
import { payloads } from './payloads.ts';
import { evaluations } from './evaluations.ts';
import { lookaside } from './lookaside.ts';
import { policies } from './policies.ts';
import { references } from './references.ts';
import { registriesD } from './registries-d.ts';
import { stored } from './stored.ts';
import type { Subject } from './subject.ts';

/** Everything that is compared with the reference implementation. */
export const SUBJECTS: readonly Subject[] = [
  payloads,
  blobs,
  keyFiles,
  references,
  policies,
  evaluations,
  registriesD,
  lookaside,
  stored,
];
