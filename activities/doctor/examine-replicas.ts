import { SignatureServerError, checkServedByAll, resolveReplicas } from '../signature-server/index.ts';
import type { Replica, ServedExpectation } from '../signature-server/index.ts';
import { signaturePath } from '../../workflows/domain/signature-path.ts';
import type { Findings } from './finding.ts';
import { messageOf } from './patient.ts';
import type { Patient } from './patient.ts';
import type { ExaminedManifest } from './signature-case.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** Looks whether every replica serves what the common address serves: a cluster may meet any of them. */
export async function examineReplicas(
  patient: Patient,
  manifests: readonly ExaminedManifest[],
  findings: Findings,
): Promise<void> {
  const replicas = await findReplicas(patient, findings);
  if (replicas === undefined) return;
  const files = manifests.filter(({ broken }) => broken === undefined).flatMap((one) => expectations(patient, one));
  if (files.length === 0) {
    findings.skip('replica', 'nothing is known that they should serve');
    return;
  }
  const outcomes = await Promise.all(replicas.map((replica) => examineReplica(patient, replica, files)));
  for (const report of outcomes) report(findings);
}

async function findReplicas(patient: Patient, findings: Findings): Promise<readonly Replica[] | undefined> {
  const { environment, signal } = patient;
  if (environment.replicas === undefined) {
    findings.skip('replica', `no replicas are configured for ${environment.name}`);
    return undefined;
  }
  try {
    return await resolveReplicas(environment.replicas, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    findings.fail('replica', 'the replicas cannot be found', { why: messageOf(error), mend: 'kubectl get endpoints' });
    return undefined;
  }
}

/** Exactly what the address served: each signature, and nothing behind the last one. */
function expectations({ image }: Patient, { digest, blobs }: ExaminedManifest): readonly ServedExpectation[] {
  const at = (number: number): string => signaturePath(image.path, digest, number);
  const present = blobs.map((blob, index): ServedExpectation => ({ path: at(index + 1), is: 'bytes', blob }));
  return [...present, { path: at(blobs.length + 1), is: 'absent' }];
}

async function examineReplica(
  { environment, signal, requestTimeoutMs = DEFAULT_TIMEOUT_MS }: Patient,
  replica: Replica,
  files: readonly ServedExpectation[],
): Promise<(findings: Findings) => void> {
  const { servedAt, ca, name } = environment;
  const mend = `restart the replica ${replica.address} (or ask for a rebuild: countersign retry, or the webhook of ${name})`;
  try {
    const servers = { servedAt, replica, files, ...(ca !== undefined && { ca }) };
    await checkServedByAll(servers, { rounds: 1, requestTimeoutMs, ...(signal !== undefined && { signal }) });
    return (findings) => findings.ok('replica', `${replica.address} serves the same as ${servedAt}`);
  } catch (error) {
    signal?.throwIfAborted();
    const [first] = error instanceof SignatureServerError ? error.failures : [];
    const isDown = first?.expected === 'an answer';
    const what = isDown ? 'does not answer' : 'serves other signatures than the common address';
    const why =
      first === undefined ? messageOf(error) : `${first.url}: expected ${first.expected}, received ${first.received}`;
    return (findings) => findings.fail('replica', `the replica ${replica.address} ${what}`, { why, mend });
  }
}
