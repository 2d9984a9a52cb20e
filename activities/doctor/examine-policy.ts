import { formatReference } from '../../workflows/domain/reference.ts';
import {
  generatePolicy,
  lookasideFor,
  parsePolicy,
  readRegistriesD,
  readerOfExtension,
  scopesOf,
} from '../trust/index.ts';
import type { Policy, ReadSignatures, RequirementList } from '../trust/index.ts';
import type { Findings } from './finding.ts';
import { messageOf, requestSignal } from './patient.ts';
import type { Patient } from './patient.ts';

/** By what the image is judged. */
export interface SeenPolicy {
  readonly policy: Policy;
  /** The scope that counts; `default` for the policy's own list. */
  readonly scope: string;
  readonly requirements: RequirementList;
}

/** Where signatures are looked for. */
export type SeenStore =
  { readonly in: 'lookaside'; readonly base: string } | { readonly in: 'registry'; readonly read: ReadSignatures };

/** Finds the requirements that count; where a node's own policy cannot be read, those that it ought to have. */
export function examinePolicy(patient: Patient, findings: Findings): SeenPolicy {
  const policy = readPolicy(patient, findings);
  const { scope, list } = select(policy, patient);
  const seen = { policy, scope, requirements: list };
  judgeRequirements(patient, seen, findings);
  return seen;
}

function readPolicy(patient: Patient, findings: Findings): Policy {
  const own = patient.policy;
  if (own === undefined) return environmentPolicy(patient);
  try {
    return parsePolicy(own.bytes, own.file);
  } catch (error) {
    findings.fail('policy', messageOf(error), { mend: `countersign trust check ${own.file}` });
    return environmentPolicy(patient);
  }
}

/** The policy that the environment's clusters get. */
function environmentPolicy({ environment: { name, registry, publicKeyFiles, servedAt } }: Patient): Policy {
  const keys = publicKeyFiles.map((fileName) => ({ fileName }));
  const { policyJson } = generatePolicy([{ registry, keys, servedAt }]);
  return parsePolicy(Buffer.from(policyJson), `policy of ${name}`);
}

function select(
  { transports, default: fallback }: Policy,
  { image }: Patient,
): { scope: string; list: RequirementList } {
  const scopes = transports.get('docker');
  for (const scope of [...scopesOf(pulled(image)), '']) {
    const list = scopes?.get(scope);
    if (list !== undefined) return { scope, list };
  }
  return { scope: 'default', list: fallback };
}

/** As podman and CRI-O ask: of tag and digest the digest alone counts. */
export function pulled({ domain, path, tag, digest }: Patient['image']): Patient['image'] {
  return digest === undefined ? { domain, path, tag: tag ?? 'latest' } : { domain, path, digest };
}

function judgeRequirements(patient: Patient, { policy, scope, requirements }: SeenPolicy, findings: Findings): void {
  const place = scope === 'default' ? 'the default of the policy' : `scope ${JSON.stringify(scope)}`;
  const mend = `add ${JSON.stringify(patient.environment.registry)} with signedBy under transports.docker of ${policy.file}, then: countersign trust check ${policy.file}`;
  const asked = formatReference(pulled(patient.image));
  const types = requirements.map(({ type }) => type);
  if (types.includes('reject')) {
    const scopes = [...(policy.transports.get('docker')?.keys() ?? [])].filter((one) => one !== '').slice(0, 5);
    const why = scopes.length === 0 ? 'the policy has no scopes' : `its scopes are ${scopes.join(', ')}`;
    const none = scope === 'default' || scope === '' ? 'no scope of the policy covers it' : 'its scope says so';
    findings.fail('policy', `${place} rejects ${asked}: ${none}`, { why, mend });
    return;
  }
  const alien = types.find((type) => type === 'sigstoreSigned' || type === 'signedBaseLayer');
  if (alien !== undefined) {
    const why =
      'such requirements are not evaluated here, and the signatures that countersign makes do not satisfy them';
    findings.fail('policy', `${place} demands ${alien} of ${asked}`, { why, mend });
    return;
  }
  if (!types.includes('signedBy')) {
    findings.warn('policy', `${place} accepts ${asked} without any signature`, {
      why: 'whatever is pushed there can be pulled',
      mend,
    });
    return;
  }
  findings.ok('policy', `${place} of ${policy.file} demands a signature of the environment's key`);
}

/** Finds where readers look for signatures; undefined where they would fail before they look. */
export async function examineStore(patient: Patient, findings: Findings): Promise<SeenStore | undefined> {
  const { client, image, environment, registriesD } = patient;
  try {
    const read = await readerOfExtension({ client, reference: image }, requestSignal(patient));
    if (read !== undefined) {
      findings.ok('store', `the registry ${image.domain} keeps signatures itself, and readers look nowhere else`);
      return { in: 'registry', read };
    }
  } catch {
    // That the registry is out of reach was told before; where it looks then is the store.
    patient.signal?.throwIfAborted();
  }
  if (registriesD === undefined) {
    findings.ok('store', `signatures are looked for at ${environment.servedAt}`);
    return { in: 'lookaside', base: environment.servedAt };
  }
  return await readNodeStore(patient, registriesD, findings);
}

async function readNodeStore(patient: Patient, directory: string, findings: Findings): Promise<SeenStore | undefined> {
  const { environment, image } = patient;
  const mend = `write lookaside: ${environment.servedAt} for ${environment.registry} into a file of ${directory}, then: countersign trust lookaside ${formatReference(image)} --registries-d ${directory}`;
  try {
    const base = lookasideFor(await readRegistriesD(directory), pulled(image), 'read');
    if (base === undefined) {
      findings.fail('store', `${directory} names no signature store for ${formatReference(image)}`, {
        why: 'readers then look into a directory of the node, where no signature is',
        mend,
      });
      return undefined;
    }
    if (base !== environment.servedAt) {
      findings.warn(
        'store',
        `${directory} names ${base}, and ${environment.name} serves its signatures at ${environment.servedAt}`,
        {
          why: 'readers look at the first',
          mend,
        },
      );
    } else findings.ok('store', `signatures are looked for at ${base}, as ${directory} says`);
    return { in: 'lookaside', base };
  } catch (error) {
    patient.signal?.throwIfAborted();
    findings.fail('store', messageOf(error), { mend: `countersign trust check POLICY --registries-d ${directory}` });
    return undefined;
  }
}
