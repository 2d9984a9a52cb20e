import { config, enums } from 'openpgp';
import type { Config } from 'openpgp';

/** The library's own way of leaving times out of a check; its types do not say so. */
export const ANY_TIME = null as unknown as Date;

/** How keys are read and judged: as GnuPG does, where GnuPG is not weaker than our own rules. */
export const KEY_CONFIG: Config = {
  ...config,
  // Keys made before key flags existed sign by what their algorithm can do, to GnuPG.
  allowMissingKeyFlags: true,
  minRSABits: 2048,
  maxArgon2MemoryExponent: 20,
  rejectPublicKeyAlgorithms: new Set([enums.publicKey.elgamal, enums.publicKey.dsa]),
  // Random notations would make every repeated signature another blob.
  nonDeterministicSignaturesViaNotation: false,
  preferredHashAlgorithm: enums.hash.sha256,
  aeadProtect: false,
  v6Keys: false,
};

/** For revocations: one made with a hash that is weak today still revokes. */
export const REVOCATION_CONFIG: Config = {
  ...KEY_CONFIG,
  rejectHashAlgorithms: new Set(),
  rejectMessageHashAlgorithms: new Set(),
};
