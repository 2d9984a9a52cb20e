import { readFile } from 'node:fs/promises';
import { formatReference } from '../../workflows/domain/reference.ts';
import { describeKeyFile, keyWarnings } from '../signing/index.ts';
import type { KeyDescription } from '../signing/index.ts';
import { pulled } from './examine-policy.ts';
import type { Findings } from './finding.ts';
import type { ExaminedManifest, SignatureCase } from './signature-case.ts';

/** Says what is in order about signatures, keys, identity and platforms, and what may break later. */
export async function reportAccepted(
  { patient, seenPolicy }: SignatureCase,
  manifests: readonly ExaminedManifest[],
  findings: Findings,
): Promise<void> {
  const accepted = manifests.filter(({ verdict, broken }) => verdict.accepted && broken === undefined);
  const made = new Set(accepted.flatMap(({ verdict }) => verdict.signatures.flatMap(acceptedFingerprint)));
  if (made.size > 0) {
    const count = accepted.reduce((sum, { blobs }) => sum + blobs.length, 0);
    findings.ok(
      'signature',
      `${count} ${count === 1 ? 'signature' : 'signatures'} read, one good one for each platform below`,
    );
    for (const fingerprint of made) await reportKey(fingerprint, patient, findings);
    const kinds = seenPolicy.requirements.flatMap((one) => (one.type === 'signedBy' ? [one.signedIdentity.type] : []));
    findings.ok('identity', `claimed as ${kinds.join(', ')} demands for ${formatReference(pulled(patient.image))}`);
  }
  for (const { platform, digest, verdict } of accepted) {
    findings.ok('platform', `${platform ?? 'image'} ${digest}: ${verdict.reason}`);
  }
}

function acceptedFingerprint(signature: ExaminedManifest['verdict']['signatures'][number]): readonly string[] {
  return signature.accepted && signature.fingerprint !== undefined ? [signature.fingerprint] : [];
}

async function reportKey(
  fingerprint: string,
  { environment, now }: SignatureCase['patient'],
  findings: Findings,
): Promise<void> {
  const key = await findKey(fingerprint, environment.publicKeyFiles);
  if (key === undefined) {
    findings.warn('key', `made by ${fingerprint}, which is not among the public keys of ${environment.name}`, {
      why: 'the policy trusts a key that the environment does not sign with',
    });
    return;
  }
  const expiry =
    key.expiresAt === undefined ? 'never expires' : `expires on ${key.expiresAt.toISOString().slice(0, 10)}`;
  findings.ok('key', `made by ${fingerprint} (${key.algorithm}), which ${expiry}`);
  for (const warning of keyWarnings(key, now)) findings.warn('key', warning);
}

async function findKey(fingerprint: string, files: readonly string[]): Promise<KeyDescription | undefined> {
  for (const name of files) {
    try {
      const keys = await describeKeyFile({ name, bytes: await readFile(name) });
      const found = keys.find((key) => key.fingerprint === fingerprint);
      if (found !== undefined) return found;
    } catch {
      // Unreadable files were reported with the configuration.
    }
  }
  return undefined;
}
