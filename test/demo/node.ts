/** A node of the production cluster: the trust files that the product generates, and skopeo pulling under them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generatePolicy } from '../../activities/trust/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { findPart } from '../support/parts/index.mjs';
import { sha256 } from '../support/sample-image.ts';
import type { SiteEnvironment } from '../support/site.ts';
import type { Company } from './company.ts';
import { ProgramFailedError } from './run-program.ts';
import type { ProgramOutcome } from './run-program.ts';

const FOLDER = 'node';
const REFUSAL = /Source image rejected/;

/** Writes policy.json and registries.d of the environment's nodes; skopeo reads nothing else. */
export async function writeNodeTrust(folder: string, environment: SiteEnvironment): Promise<void> {
  const bytes = await readFile(environment.publicKeyFile);
  const keys = [{ fileName: path.basename(environment.publicKeyFile), bytes }];
  const servedAt = environment.signatureServer.servedAt;
  const { policyJson, registriesD } = generatePolicy([{ registry: environment.prefix, keys, servedAt }]);
  await mkdir(path.join(folder, FOLDER, 'registries.d'), { recursive: true });
  await writeFile(path.join(folder, FOLDER, 'policy.json'), policyJson);
  await writeFile(path.join(folder, FOLDER, 'registries.d', `${environment.name}.yaml`), registriesD);
}

/**
 * Pulls an image that the node must refuse, and shows the refusal.
 * @throws Error where it is accepted, or fails for any other reason than the policy.
 */
export async function showRefusal(company: Company, reference: string): Promise<void> {
  const outcome = await pull(company, { reference, architecture: 'amd64', name: 'refused' });
  company.stage.said(outcome.output);
  if (outcome.code === 0) throw new Error(`pull ${reference}: skopeo accepted it, expected a refusal`);
  if (!REFUSAL.test(outcome.output)) throw new ProgramFailedError(`skopeo copy of ${reference}`, outcome);
}

/** Pulls one platform of an image; returns the digest of the manifest that arrived. */
export async function showPull(company: Company, reference: string, architecture: string): Promise<Digest> {
  const name = `pulled-${architecture}`;
  const outcome = await pull(company, { reference, architecture, name });
  if (outcome.code !== 0) throw new ProgramFailedError(`skopeo copy of ${reference}`, outcome);
  return sha256(await readFile(path.join(company.site.folder, FOLDER, name, 'manifest.json')));
}

async function pull(
  company: Company,
  { reference, architecture, name }: { reference: string; architecture: string; name: string },
): Promise<ProgramOutcome> {
  const trust = ['--policy', `${FOLDER}/policy.json`, '--registries.d', `${FOLDER}/registries.d`];
  const words = [...trust, '--override-arch', architecture, 'copy', '--quiet', '--src-tls-verify=false'];
  const program = findPart('skopeo');
  if (program === undefined) throw new Error('pull an image: skopeo is gone from this machine');
  return await company.show('skopeo', [...words, `docker://${reference}`, `dir:${FOLDER}/${name}`], program);
}
