import { readFile } from 'node:fs/promises';
import { readKeyRing } from '../signing/index.ts';
import type { SeenManifest } from './examine-registry.ts';
import type { Findings } from './finding.ts';
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
  await reportAccepted(one, manifests, findings);
  return manifests;
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
      const { keys } = requirement;
      const files =
        'data' in keys
          ? [{ name: 'keyData', bytes: keys.data }]
          : await Promise.all(keys.paths.map(async (name) => ({ name, bytes: await readFile(name) })));
      found.push({ requirement, keyRing: await readKeyRing(files) });
    } catch (error) {
      findings.fail('key', `the keys that ${seenPolicy.policy.file} demands cannot be read`, {
        why: messageOf(error),
        mend: `countersign keys show ${patient.environment.publicKeyFiles.join(' ')} (then put the right file there)`,
      });
    }
  }
  return found;
}
