import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node';
import { quote } from '../../workflows/domain/digest.ts';
import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';
import { KubernetesError, askKubernetes } from './kubernetes-api.ts';
import type { ClusterAccess, NeededRight } from './kubernetes-api.ts';
import { formatAddress } from './replicas.ts';
import type { Replica } from './replicas.ts';

/** A Service whose endpoints are the replicas. */
export interface ServiceEndpoints {
  readonly namespace: string;
  readonly service: string;
  /** The port on which the pods listen; needed where they have several. */
  readonly port?: number;
  /** How the pods talk, where a router ends TLS before them; as `servedAt` does by default. */
  readonly scheme?: 'http' | 'https';
}

const PAGE = 200;
const MOST_PAGES = 20;

/**
 * Every ready address behind a Service, in a stable order, as the API has them now. What is terminating gets no more
 * requests, and what is not ready gets none yet.
 * @throws SignatureServerError `not-served` where none is ready or the API does not answer, `configuration-invalid` where
 * a right is missing or the port cannot be told.
 */
export async function readServiceReplicas(
  access: ClusterAccess,
  endpoints: ServiceEndpoints,
  call: ServerCall = {},
): Promise<readonly Replica[]> {
  const slices = await listSlices(access, endpoints, call);
  const replicas = new Map<string, Replica>();
  const seen: V1Endpoint[] = [];
  for (const slice of slices) {
    const found = endpointsOf(slice);
    seen.push(...found);
    const ready = found.filter(isReady);
    if (ready.length === 0) continue;
    const port = portOf(slice, endpoints);
    for (const endpoint of ready) {
      for (const address of endpoint.addresses) {
        const replica = replicaOf(endpoint, { address: formatAddress(address, port), endpoints });
        replicas.set(replica.address, replica);
      }
    }
  }
  if (replicas.size === 0) throw noneReady(endpoints, seen);
  return [...replicas.keys()].sort().flatMap((key) => replicas.get(key) ?? []);
}

async function listSlices(
  access: ClusterAccess,
  { namespace, service }: ServiceEndpoints,
  call: ServerCall,
): Promise<readonly V1EndpointSlice[]> {
  const subject = `EndpointSlices of Service ${quote(service)}`;
  const right: NeededRight = {
    group: 'discovery.k8s.io',
    resource: 'endpointslices',
    verb: 'list',
    namespace,
    subject,
  };
  const slices: V1EndpointSlice[] = [];
  let untrustedContinue: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const parameters = { namespace, labelSelector: `kubernetes.io/service-name=${service}`, limit: PAGE };
    const from = untrustedContinue === undefined ? {} : { _continue: untrustedContinue };
    const list = await translated(() =>
      askKubernetes(access, { right, call }, async ({ discovery }) => {
        const answer = await discovery.listNamespacedEndpointSlice({ ...parameters, ...from });
        if (!Array.isArray(answer.items)) throw new TypeError('no list');
        return answer;
      }),
    );
    slices.push(...list.items);
    untrustedContinue = list.metadata?._continue;
    if (untrustedContinue === undefined || untrustedContinue === '') return slices;
  }
  throw new SignatureServerError('not-served', `${subject}: expected at most ${MOST_PAGES * PAGE} of them`);
}

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const code = error.problem === 'unavailable' ? 'not-served' : 'configuration-invalid';
    const { status } = error;
    const message = `resolve replicas: ${error.message}`;
    throw new SignatureServerError(code, message, { cause: error, ...(status !== undefined && { status }) });
  }
}

/** Where there is none the API says null, whatever the type says. */
function endpointsOf({ endpoints }: { readonly endpoints: readonly V1Endpoint[] | null }): readonly V1Endpoint[] {
  return endpoints ?? [];
}

/** Not to know counts as ready, as the API has it. */
function isReady({ conditions }: V1Endpoint): boolean {
  return conditions?.ready !== false;
}

function portOf({ ports }: V1EndpointSlice, { port, service }: ServiceEndpoints): number {
  const listed = (ports ?? []).map((one) => one.port).filter((one) => one !== undefined);
  const [only] = listed;
  if (port === undefined && only !== undefined && listed.length === 1) return only;
  // A slice without ports stands for all of them.
  if (port !== undefined && (listed.length === 0 || listed.includes(port))) return port;
  const has = listed.length === 0 ? 'no port' : `the ports ${listed.join(', ')}`;
  const expected = port === undefined ? 'exactly one, or port in the configuration' : `${port} among them`;
  throw new SignatureServerError(
    'configuration-invalid',
    `resolve replicas: the pods of Service ${quote(service)} have ${has}; expected ${expected} (the pods' port, not the Service's)`,
  );
}

function replicaOf(
  { targetRef }: V1Endpoint,
  { address, endpoints: { scheme } }: { readonly address: string; readonly endpoints: ServiceEndpoints },
): Replica {
  const pod = targetRef?.kind === 'Pod' ? targetRef.name : undefined;
  return { address, ...(scheme !== undefined && { scheme }), ...(pod !== undefined && { pod }) };
}

function noneReady({ namespace, service }: ServiceEndpoints, seen: readonly V1Endpoint[]): SignatureServerError {
  const terminating = seen.filter(({ conditions }) => conditions?.terminating === true).length;
  const received =
    seen.length === 0
      ? 'no endpoint at all (is the name right, does its selector match a pod)'
      : `${seen.length} endpoints that are not ready, ${terminating} of them terminating`;
  return new SignatureServerError(
    'not-served',
    `resolve replicas of Service ${quote(service)} in namespace ${quote(namespace)}: expected at least one ready endpoint, received ${received}`,
  );
}
