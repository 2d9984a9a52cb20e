import { judgeByEnvironment, judgeByKeys, judgeByPolicy } from './judge-by.ts';
import type { JudgeCall } from './judge-by.ts';
import { readHosts } from './registry-eye.ts';
import { openRegistries } from './open-registries.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { findCredentials } from './docker-credentials.ts';
import type { Call } from '../call.ts';
import { usageError } from '../failure.ts';
import { createRegistryClient } from '../../activities/oci/index.ts';
import type { RegistryClient } from '../../activities/oci/index.ts';
import type { ImageVerdict } from '../../activities/trust/index.ts';
import type { Configuration } from '../../worker/configuration/index.ts';
import { formatReference, nameUnder, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** By what images are judged. */
export type Judge =
  | { readonly by: 'policy'; readonly policyFile: string; readonly registriesD: string }
  | { readonly by: 'keys'; readonly keys: readonly string[]; readonly lookaside: string }
  | { readonly by: 'configuration'; readonly configuration: Configuration; readonly environment?: string };

/** The verdict on one image; the JSON of `verify`. */
export interface VerifiedImage {
  readonly image: string;
  readonly accepted: boolean;
  readonly digest: string | null;
  readonly platforms: readonly VerifiedPlatform[];
  /** Why it could not be judged at all. */
  readonly error: string | null;
}

/** The verdict on one platform. */
export interface VerifiedPlatform {
  readonly platform: string | null;
  readonly digest: string;
  readonly accepted: boolean;
  readonly reason: string;
  /** The fingerprints of the keys whose signatures were accepted. */
  readonly signedBy: readonly string[];
}

/** A verifier and what must be closed after it. */
export interface Verifier {
  readonly verify: (image: string) => Promise<VerifiedImage>;
  readonly close: () => Promise<void>;
}

/** Opens what judging needs. An image that cannot be judged is not accepted, and says why. */
export async function openVerifier(call: Call, judge: Judge, options: RegistryOptions): Promise<Verifier> {
  const client = await openClient(call, judge, options);
  const verify = async (image: string): Promise<VerifiedImage> => {
    try {
      const reference = parseReference(image);
      const { terminal } = call;
      const input = { client, reference, now: new Date(terminal.now()), signal: terminal.signal };
      return verdictOf(image, await judgeOne(judge, input));
    } catch (error) {
      call.terminal.signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      return { image, accepted: false, digest: null, platforms: [], error: message };
    }
  };
  return { verify, close: () => client.close() };
}

async function openClient(call: Call, judge: Judge, options: RegistryOptions): Promise<RegistryClient> {
  const named = options.plainHttp ?? options.caFile ?? options.authfile;
  if (judge.by !== 'configuration' || named !== undefined) return await openRegistries(options, call.terminal);
  const [hosts, credentials] = await Promise.all([readHosts(judge.configuration), findCredentials(call.terminal)]);
  return createRegistryClient({ hosts, credentials });
}

async function judgeOne(judge: Judge, input: JudgeCall): Promise<ImageVerdict> {
  switch (judge.by) {
    case 'policy':
      return await judgeByPolicy(judge, input);
    case 'keys':
      return await judgeByKeys(judge, input);
    case 'configuration': {
      const { configuration, environment } = judge;
      return await judgeByEnvironment(environmentFor(configuration, environment, input.reference), input);
    }
  }
}

function environmentFor(
  { environments }: Configuration,
  named: string | undefined,
  reference: ImageReference,
): Configuration['environments'][string] {
  const candidates = Object.values(environments);
  const found = candidates.find(({ name, registry }) =>
    named === undefined ? nameUnder(registry, reference) !== undefined : name === named,
  );
  if (found !== undefined) return found;
  throw usageError(
    `${formatReference(reference)} lies in no environment of the configuration; give --policy, or --key and --lookaside`,
  );
}

function verdictOf(image: string, { accepted, digest, platforms }: ImageVerdict): VerifiedImage {
  return {
    image,
    accepted,
    digest,
    error: null,
    platforms: platforms.map((one) => ({
      platform: one.platform ?? null,
      digest: one.digest,
      accepted: one.verdict.accepted,
      reason: one.verdict.reason,
      signedBy: one.verdict.signatures.flatMap((signature) =>
        signature.accepted && signature.fingerprint !== undefined ? [signature.fingerprint] : [],
      ),
    })),
  };
}
