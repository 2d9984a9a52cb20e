import { readFile } from 'node:fs/promises';
import {
  generatePolicy,
  judgeImage,
  lookasideFor,
  parsePolicy,
  readRegistriesD,
} from '../../activities/trust/index.ts';
import type { ImageToJudge, ImageVerdict, Policy, RegistriesD, Requirement } from '../../activities/trust/index.ts';
import type { Configuration, EnvironmentConfiguration } from '../../worker/configuration/index.ts';
import { formatReference, formatRepository, nameUnder } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { usageError } from '../failure.ts';

/** By what images are judged. */
export type Judge =
  | { readonly by: 'policy'; readonly policyFile: string; readonly registriesD: string }
  /** For what needs no requirement: where signatures are kept. */
  | { readonly by: 'directory'; readonly registriesD: string }
  | { readonly by: 'keys'; readonly keys: readonly string[]; readonly lookaside: string }
  | { readonly by: 'configuration'; readonly configuration: Configuration; readonly environment?: string };

/** What a decision about one image rests on. */
export interface Grounds extends Pick<ImageToJudge, 'policy' | 'lookasideBase'> {
  /** Where a node's own directory decides about the store. */
  readonly registriesD?: RegistriesD;
}

const REJECTING: Policy = { file: 'no policy', default: [{ type: 'reject' }], transports: new Map() };

/** The rest of what a judgement needs. */
export type JudgeCall = Pick<ImageToJudge, 'client' | 'reference' | 'now' | 'signal'>;

/**
 * Reads what is the same for all images, once, and finds the grounds for each.
 * @throws TrustError for a policy or directory that readers refuse.
 */
export async function openGrounds(judge: Judge): Promise<(reference: ImageReference) => Grounds> {
  switch (judge.by) {
    case 'policy':
    case 'directory': {
      const policy = judge.by === 'policy' ? await readPolicy(judge.policyFile) : REJECTING;
      const registriesD = await readRegistriesD(judge.registriesD);
      const lookasideBase = (reference: ImageReference) => lookasideFor(registriesD, reference, 'read');
      return () => ({ policy, registriesD, lookasideBase });
    }
    case 'keys':
      return (reference) => groundsByKeys(judge, reference);
    case 'configuration':
      return (reference) => groundsOf(environmentFor(judge, reference));
  }
}

/** Judges an image by the policy that an environment's clusters get. */
export async function judgeByEnvironment(own: EnvironmentConfiguration, call: JudgeCall): Promise<ImageVerdict> {
  return await judgeImage({ ...call, ...groundsOf(own) });
}

/**
 * The policy with another demand on what signatures claim: they must be for `expected`, whatever image is asked for. By
 * digest any tag of its repository will do, as `oc adm verify-image-signature` has it.
 */
export function withExpectedIdentity(policy: Policy, expected: ImageReference): Policy {
  const { domain, path, tag = 'latest', digest } = expected;
  const signedIdentity =
    digest === undefined
      ? ({ type: 'exactReference', dockerReference: { domain, path, tag } } as const)
      : ({ type: 'exactRepository', dockerRepository: { domain, path } } as const);
  const change = (list: readonly Requirement[]): readonly Requirement[] =>
    list.map((one) => (one.type === 'signedBy' ? { ...one, signedIdentity } : one));
  const transports = [...policy.transports].map(([transport, scopes]) => {
    return [transport, new Map([...scopes].map(([scope, list]) => [scope, change(list)]))] as const;
  });
  return { ...policy, default: change(policy.default), transports: new Map(transports) };
}

function groundsOf({ name, registry, signatures }: EnvironmentConfiguration): Grounds {
  const { publicKeys, servedAt } = signatures;
  const { policyJson } = generatePolicy([{ registry, keys: publicKeys.map((fileName) => ({ fileName })), servedAt }]);
  return { policy: parsePolicy(Buffer.from(policyJson), `policy of ${name}`), lookasideBase: servedAt };
}

function groundsByKeys({ keys, lookaside }: Extract<Judge, { by: 'keys' }>, reference: ImageReference): Grounds {
  const registry = formatRepository(reference);
  const { policyJson } = generatePolicy([
    { registry, keys: keys.map((fileName) => ({ fileName })), servedAt: lookaside },
  ]);
  return { policy: parsePolicy(Buffer.from(policyJson), 'policy'), lookasideBase: lookaside };
}

function environmentFor(
  { configuration, environment }: Extract<Judge, { by: 'configuration' }>,
  reference: ImageReference,
): EnvironmentConfiguration {
  const found = Object.values(configuration.environments).find(({ name, registry }) =>
    environment === undefined ? nameUnder(registry, reference) !== undefined : name === environment,
  );
  if (found !== undefined) return found;
  throw usageError(
    `${formatReference(reference)} lies in no environment of the configuration; give --policy, or --key and --lookaside`,
  );
}

async function readPolicy(file: string): Promise<Policy> {
  return parsePolicy(await readPolicyFile(file), file);
}

async function readPolicyFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw usageError(`--policy ${file}: cannot be read (${code})`);
  }
}
