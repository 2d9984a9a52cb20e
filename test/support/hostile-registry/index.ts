/** A registry that does everything wrong, one thing at a time. */
export { makeCertificates } from './certificates.ts';
export type { TestCertificates } from './certificates.ts';
export type { Behaviour, Outcome, Probe, Threat } from './behaviour.ts';
import type { Behaviour } from './behaviour.ts';
import { BULK_FRAMINGS } from './bulk-framing.ts';
import { FLOODS } from './floods.ts';
import { FRAMINGS } from './framing.ts';
import { LIES } from './lies.ts';
import { LOCATIONS } from './locations.ts';
import { MANIFESTS } from './manifests.ts';
import { PACES } from './paces.ts';
import { REALM_BYPASSES } from './realm-bypasses.ts';
import { REALMS } from './realms.ts';
import { TRANSPORTS } from './transports.ts';

/** Every behaviour, each under a name of its own. */
export const BEHAVIOURS: readonly Behaviour[] = [
  ...REALMS,
  ...REALM_BYPASSES,
  ...LOCATIONS,
  ...LIES,
  ...MANIFESTS,
  ...FLOODS,
  ...FRAMINGS,
  ...BULK_FRAMINGS,
  ...PACES,
  ...TRANSPORTS,
];
