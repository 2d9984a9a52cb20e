import { formatReference } from '../../workflows/domain/reference.ts';
import { examineConfiguration } from './examine-configuration.ts';
import { examinePolicy, examineStore } from './examine-policy.ts';
import { examineRegistry } from './examine-registry.ts';
import type { SeenImage } from './examine-registry.ts';
import { examineReplicas } from './examine-replicas.ts';
import { examineSignatures } from './examine-signatures.ts';
import { Findings, STEPS } from './finding.ts';
import type { Diagnosis, Finding } from './finding.ts';
import type { Patient } from './patient.ts';

/**
 * Finds out why clusters of an environment cannot pull an image: walks from the configuration to the last replica, and
 * what it finds on the way stops nothing that can still be looked at. It reads only.
 * @throws only the reason of an aborted signal.
 */
export async function diagnose(patient: Patient): Promise<Diagnosis> {
  const findings = new Findings();
  await examineConfiguration(patient, findings);
  const seen = await examineRegistry(patient, findings);
  const seenPolicy = examinePolicy(patient, findings);
  const store = await examineStore(patient, findings);
  const image = seen ?? assumed(patient);
  if (image === undefined || store === undefined) {
    const without = image === undefined ? 'without the digest of the image' : 'without a signature store';
    for (const step of ['signature', 'key', 'identity', 'platform', 'replica'] as const) {
      findings.skip(step, `not looked at, ${without}`);
    }
  } else {
    const manifests = await examineSignatures({ patient, seenPolicy, store, image }, findings);
    if (store.in === 'registry') findings.skip('replica', 'the registry keeps the signatures itself');
    else await examineReplicas(patient, manifests, findings);
  }
  return conclude(patient, seen, findings.list);
}

/** A reference with a digest can be looked up in the store although the registry does not answer. */
function assumed({ image: { digest } }: Patient): SeenImage | undefined {
  return digest === undefined ? undefined : { digest, platforms: [{ digest }] };
}

function conclude(patient: Patient, seen: SeenImage | undefined, found: readonly Finding[]): Diagnosis {
  const findings = withoutGaps(found);
  const root = findings.find(({ status }) => status === 'fail');
  const image = formatReference(patient.image);
  const { name } = patient.environment;
  return {
    image,
    environment: name,
    digest: seen?.digest ?? null,
    pullable: root === undefined,
    findings,
    cause:
      root === undefined
        ? `nothing stands in the way: clusters of ${name} accept ${image}`
        : `clusters of ${name} cannot pull ${image}: ${root.what}`,
    mend: root?.mend ?? null,
  };
}

/** In the order of the walk, and nothing without a word: a step that nobody reported on says so. */
function withoutGaps(findings: readonly Finding[]): readonly Finding[] {
  return STEPS.flatMap((step): readonly Finding[] => {
    const own = findings.filter((one) => one.step === step);
    return own.length > 0 ? own : [{ step, status: 'skipped', what: 'nothing to look at' }];
  });
}
