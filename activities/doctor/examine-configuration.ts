import { readFile } from 'node:fs/promises';
import { formatReference, nameUnder } from '../../workflows/domain/reference.ts';
import { describeKeyFile, readerVerdicts } from '../signing/index.ts';
import type { Findings } from './finding.ts';
import { messageOf } from './patient.ts';
import type { Patient } from './patient.ts';

/** Looks whether the environment as it is configured can be right for this image at all. */
export async function examineConfiguration(patient: Patient, findings: Findings): Promise<void> {
  const { environment, image, problems = [] } = patient;
  const { name, registry } = environment;
  for (const problem of problems) findings.fail('configuration', problem, { mend: 'countersign config check' });
  if (nameUnder(registry, image) === undefined) {
    findings.fail('configuration', `${formatReference(image)} lies outside ${registry}, the registry of ${name}`, {
      why: `the policy of ${name} admits images below its registry alone`,
      mend: `countersign start IMAGE --to ${name} (which copies it there), and let the cluster pull that`,
    });
  } else if (problems.length === 0) findings.ok('configuration', `${name} holds its images below ${registry}`);
  if (image.tag !== undefined && image.digest !== undefined) {
    findings.warn('configuration', 'the reference has a tag and a digest; the cluster goes by the digest', {
      why: 'podman and CRI-O drop the tag; skopeo refuses such references',
    });
  }
  for (const file of environment.publicKeyFiles) await examineKeyFile(file, patient, findings);
}

/** A key that GnuPG refuses may lie beside a good one; whether it matters, the signatures tell. */
async function examineKeyFile(file: string, { now, environment }: Patient, findings: Findings): Promise<void> {
  try {
    const keys = await describeKeyFile({ name: file, bytes: await readFile(file) });
    for (const key of keys) {
      const gnupg = readerVerdicts(key, now).find(({ reader }) => reader === 'gnupg');
      if (gnupg?.accepts !== 'no') continue;
      findings.warn(
        'key',
        `the public key ${key.fingerprint} of ${environment.name} is refused by readers: ${gnupg.why ?? ''}`,
        {
          mend: `countersign keys show ${file}`,
        },
      );
    }
  } catch (error) {
    const mend = `put the public key of ${environment.name} there: countersign keys export SIGNING-KEY --out ${file}`;
    findings.fail('configuration', `the public keys in ${file} cannot be read`, { why: messageOf(error), mend });
  }
}
