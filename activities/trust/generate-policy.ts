import { posix } from 'node:path';
import { stringify } from 'yaml';
import { quote } from '../../workflows/domain/digest.ts';
import { InvalidReferenceError, parseRegistryPrefix } from '../../workflows/domain/reference.ts';
import { readKeyBlocks } from '../signing/index.ts';
import { acceptedScopes } from './accepted-scopes.ts';
import { TrustError } from './error.ts';
import { parseLookasideUrl } from './lookaside-url.ts';

/** What clusters are to trust below one registry prefix. */
export interface TrustedRegistry {
  /** `host[:port][/namespace…]`, the scope in both files. */
  readonly registry: string;
  /** Every one of them is enough. With `bytes` and no `keyDirectory` they are put into the policy itself. */
  readonly keys: readonly { readonly fileName: string; readonly bytes?: Uint8Array }[];
  /** Where the key files will lie on the nodes; without it file names are written as they are. */
  readonly keyDirectory?: string;
  /** The base URL of the signature server. */
  readonly servedAt: string;
}

/** What a policy says about everything that lies in none of the trusted registries. */
export interface PolicyOptions {
  /** Default `reject`; `accept` is for the time in which not everything is signed yet. */
  readonly default?: 'reject' | 'accept';
  /** Scopes that need no signature. */
  readonly accept?: readonly string[];
}

const ACCEPTING = [{ type: 'insecureAcceptAnything' }];

/**
 * The two files that make a cluster demand our signatures: policy.json, which rejects everything else, and one file for
 * registries.d. Keys of readers older than version 5.22 of the library stand beside the new ones.
 * @throws TrustError `configuration-invalid` for a wrong prefix or scope, no key, or the same prefix twice.
 */
export function generatePolicy(
  registries: readonly TrustedRegistry[],
  options: PolicyOptions = {},
): { readonly policyJson: string; readonly registriesD: string } {
  const scopes: Record<string, unknown> = {};
  const sections: Record<string, unknown> = {};
  for (const trusted of registries) {
    const { registry, servedAt } = checked(trusted);
    if (Object.hasOwn(scopes, registry)) {
      throw new TrustError(
        'configuration-invalid',
        `registry ${quote(registry)} stands twice in the trust configuration`,
      );
    }
    scopes[registry] = [
      {
        type: 'signedBy',
        keyType: 'GPGKeys',
        ...keySource(trusted),
        signedIdentity: { type: 'matchRepoDigestOrExact' },
      },
    ];
    sections[registry] = { lookaside: servedAt, sigstore: servedAt };
  }
  const prefixes = registries.map(({ registry }) => registry);
  for (const scope of acceptedScopes(options.accept ?? [], prefixes)) scopes[scope] = ACCEPTING;
  const others = options.default === 'accept' ? ACCEPTING : [{ type: 'reject' }];
  const policy = { default: others, transports: { docker: scopes } };
  return { policyJson: `${JSON.stringify(policy, undefined, 2)}\n`, registriesD: stringify({ docker: sections }) };
}

/**
 * The certificates of a file, binary. In a row they are read whole by every reader; of several armoured blocks some read
 * the first.
 * @throws TrustError `configuration-invalid` where a private key is among them.
 */
export function publicPackets(bytes: Uint8Array, registry: string): Uint8Array {
  const blocks = readKeyBlocks(bytes);
  if (blocks.some((block) => block.type === 'private')) {
    throw new TrustError('configuration-invalid', `a private key is given as public key of ${quote(registry)}`);
  }
  return Buffer.concat(blocks.map((block) => block.packets));
}

function checked(trusted: TrustedRegistry): TrustedRegistry {
  const { registry, keys, servedAt } = trusted;
  try {
    parseRegistryPrefix(registry);
  } catch (cause) {
    if (!(cause instanceof InvalidReferenceError)) throw cause;
    throw new TrustError('configuration-invalid', cause.message, { cause });
  }
  if (keys.length === 0) {
    throw new TrustError('configuration-invalid', `registry ${quote(registry)} has no key; expected at least one`);
  }
  parseLookasideUrl(servedAt);
  return trusted;
}

function keySource({ keys, keyDirectory, registry }: TrustedRegistry): Record<string, unknown> {
  const contents = keys.map(({ bytes }) => bytes).filter((bytes) => bytes !== undefined);
  if (keyDirectory === undefined && contents.length === keys.length) {
    const packets = contents.map((bytes) => publicPackets(bytes, registry));
    return { keyData: Buffer.concat(packets).toString('base64') };
  }
  const paths = keys.map(({ fileName }) =>
    keyDirectory === undefined ? fileName : posix.join(keyDirectory, fileName),
  );
  return paths.length === 1 ? { keyPath: paths[0] } : { keyPaths: paths };
}
