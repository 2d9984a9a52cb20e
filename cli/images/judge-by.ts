import { readFile } from 'node:fs/promises';
import type { RegistryClient } from '../../activities/oci/index.ts';
import {
  generatePolicy,
  judgeImage,
  lookasideFor,
  parsePolicy,
  readRegistriesD,
} from '../../activities/trust/index.ts';
import type { ImageVerdict } from '../../activities/trust/index.ts';
import type { EnvironmentConfiguration } from '../../worker/configuration/index.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** What is judged. */
export interface JudgeCall {
  readonly client: RegistryClient;
  readonly reference: ImageReference;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** Judges an image by the policy that an environment's clusters get. */
export async function judgeByEnvironment(own: EnvironmentConfiguration, call: JudgeCall): Promise<ImageVerdict> {
  const keys = own.signatures.publicKeys.map((fileName) => ({ fileName }));
  const { policyJson } = generatePolicy([{ registry: own.registry, keys, servedAt: own.signatures.servedAt }]);
  const policy = parsePolicy(Buffer.from(policyJson), `policy of ${own.name}`);
  return await judgeImage({ ...call, policy, lookasideBase: own.signatures.servedAt });
}

/** Judges an image by key files and the address of a signature store. */
export async function judgeByKeys(
  { keys, lookaside }: { readonly keys: readonly string[]; readonly lookaside: string },
  call: JudgeCall,
): Promise<ImageVerdict> {
  const registry = formatRepository(call.reference);
  const { policyJson } = generatePolicy([
    { registry, keys: keys.map((fileName) => ({ fileName })), servedAt: lookaside },
  ]);
  return await judgeImage({
    ...call,
    policy: parsePolicy(Buffer.from(policyJson), 'policy'),
    lookasideBase: lookaside,
  });
}

/** Judges an image by a node's own files. */
export async function judgeByPolicy(
  { policyFile, registriesD }: { readonly policyFile: string; readonly registriesD: string },
  call: JudgeCall,
): Promise<ImageVerdict> {
  const policy = parsePolicy(await readFile(policyFile), policyFile);
  const registries = await readRegistriesD(registriesD);
  const lookasideBase = (reference: ImageReference) => lookasideFor(registries, reference, 'read');
  return await judgeImage({ ...call, policy, lookasideBase });
}
