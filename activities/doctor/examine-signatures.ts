import { readFile } from 'node:fs/promises';
import { importKeyRing } from '../signing/index.ts';
import type { KeyRing } from '../signing/index.ts';
import type { SignedByRequirement } from '../trust/index.ts';
import { quote } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { SeenManifest } from './examine-registry.ts';
import type { Finding, Findings } from './finding.ts';
import { messageOf } from './patient.ts';
import { ProblemGroups } from './problem-groups.ts';
import { readSignatures } from './read-signatures.ts';
import { reportAccepted } from './report-accepted.ts';
import { judge } from './signature-case.ts';
import type { ExaminedManifest, SignatureCase } from './signature-case.ts';
import { problemOf } from './signature-problem.ts';
import type { RequiredKeys } from './signature-problem.ts';

/** Judges the signatures of every platform, and says of a refused one what is wrong with the best of them. */
export async function examineSignatures(one: SignatureCase, findings: Findings): Promise<readonly ExaminedManifest[]> {
  const manifests = await Promise.all(one.image.platforms.map((manifest) => examineManifest(manifest, one)));
  const refused = manifests.filter(({ verdict, broken }) => !verdict.accepted || broken !== undefined);
  const keys = refused.length === 0 ? [] : await readKeys(one, findings);
  const problems = new ProblemGroups();
  for (const manifest of refused) {
    const problem = await problemOf(manifest, one, keys);
    if (problem !== undefined) problems.add(manifest, problem);
  }
  problems.report(findings, manifests.length);
  const [first] = refused;
  if (first !== undefined && !findings.list.some(isAboutTrust)) reportRefusal(one, first, findings);
  await reportAccepted(one, manifests, findings);
  return manifests;
}

function isAboutTrust({ status, step }: Finding): boolean {
  return status === 'fail' && step !== 'configuration' && step !== 'registry';
}

/** What the verdict itself says, where no single signature is to blame: a kind of key that no reader evaluates. */
function reportRefusal(
  { patient, seenPolicy }: SignatureCase,
  { verdict }: ExaminedManifest,
  findings: Findings,
): void {
  const { file } = seenPolicy.policy;
  findings.fail('policy', `${file} refuses it: ${verdict.reason}`, {
    why: `the scope that counts is ${JSON.stringify(seenPolicy.scope)}`,
    mend: `countersign trust explain ${formatReference(patient.image)} --policy ${file}`,
  });
}

async function examineManifest(manifest: SeenManifest, one: SignatureCase): Promise<ExaminedManifest> {
  const { patient, store } = one;
  const signatures = await readSignatures(patient, store, manifest.digest);
  return { ...manifest, ...signatures, verdict: await judge(one, manifest, signatures.blobs) };
}

async function readKeys({ patient, seenPolicy }: SignatureCase, findings: Findings): Promise<readonly RequiredKeys[]> {
  const found: RequiredKeys[] = [];
  for (const requirement of seenPolicy.requirements) {
    if (requirement.type !== 'signedBy') continue;
    try {
      found.push({ requirement, keyRing: await importKeys(requirement, patient.now) });
    } catch (error) {
      findings.fail('key', `the keys that ${seenPolicy.policy.file} demands cannot be read`, {
        why: messageOf(error),
        mend: `countersign keys show ${patient.environment.publicKeyFiles.join(' ')} (then put the right file there)`,
      });
    }
  }
  return found;
}

/** As a cluster does, which makes do with what can be read of a file. */
async function importKeys({ keys }: SignedByRequirement, now: Date): Promise<KeyRing> {
  const files = 'data' in keys ? [keys.data] : await Promise.all(keys.paths.map((path) => readFile(path)));
  const keyRing = importKeyRing(files, { now });
  if (keyRing.keys.length > 0) return keyRing;
  throw new Error(`no public key is in ${'data' in keys ? 'keyData' : keys.paths.map(quote).join(', ')}`);
}
