import http from 'node:http';
import https from 'node:https';
import type { AppsV1Api, Configuration, ConfigurationOptions, DiscoveryV1Api } from '@kubernetes/client-node';
import { quote } from '../../workflows/domain/digest.ts';
import { describeNetworkError } from './http-exchange.ts';
import type { ServerCall } from './http-exchange.ts';

/** How the API of a cluster is reached. */
export interface ClusterAccess {
  /** `https://HOST:PORT`. */
  readonly api: string;
  /** Read for every request: tokens of ServiceAccounts are exchanged every hour. */
  readonly readToken: () => Promise<string>;
  /** Certificates of the cluster's authority, PEM; the system's by default. */
  readonly ca?: string;
}

/** A right that a request needs, as a rule of a Role has it. */
export interface NeededRight {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly namespace: string;
  /** What is asked for, for messages: `Deployment signatures`. */
  readonly subject: string;
}

/** The clients of the library, each of which lives for one request. */
export interface KubernetesClients {
  readonly apps: AppsV1Api;
  readonly discovery: DiscoveryV1Api;
  /** Says that a body is merged into what is there; the library's default is another form. */
  readonly patchOptions: ConfigurationOptions;
}

type Authentication = NonNullable<Configuration['authMethods']['default']>;

/** Why the API did not do as it was asked. */
export type KubernetesProblem = 'denied' | 'missing' | 'conflict' | 'refused' | 'unavailable';

/** An answer of the API that is none, or none that helps. */
export class KubernetesError extends Error {
  readonly problem: KubernetesProblem;
  readonly status: number | undefined;

  constructor(problem: KubernetesProblem, message: string, { status, cause }: { status?: number; cause?: unknown }) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'KubernetesError';
    this.problem = problem;
    this.status = status;
  }
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MESSAGE_LIMIT = 300;

/**
 * One request to the API, bounded in time. The library is loaded when it is first needed: few workers do.
 * @throws KubernetesError with the right that is missing where it is one.
 */
export async function askKubernetes<Result>(
  access: ClusterAccess,
  { right, call }: { readonly right: NeededRight; readonly call: ServerCall },
  request: (clients: KubernetesClients) => Promise<Result>,
): Promise<Result> {
  call.signal?.throwIfAborted();
  const timeoutMs = call.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = call.signal === undefined ? deadline : AbortSignal.any([call.signal, deadline]);
  const agent = openAgent(access);
  try {
    return await request(await openClients(access, { agent, signal }));
  } catch (error) {
    call.signal?.throwIfAborted();
    throw describeFailure(error, { right, api: access.api, timeoutMs: deadline.aborted ? timeoutMs : undefined });
  } finally {
    agent.destroy();
  }
}

function openAgent({ api, ca }: ClusterAccess): http.Agent {
  if (api.startsWith('http:')) return new http.Agent();
  return new https.Agent(ca === undefined ? {} : { ca });
}

async function openClients(
  { api, readToken }: ClusterAccess,
  { agent, signal }: { readonly agent: http.Agent; readonly signal: AbortSignal },
): Promise<KubernetesClients> {
  const library = await import('@kubernetes/client-node');
  const token = await readToken();
  const authentication: Authentication = {
    getName: () => 'token',
    applySecurityAuthentication: (context) => {
      context.setHeaderParam('Authorization', `Bearer ${token}`);
      context.setAgent(agent);
      context.setSignal(signal);
    },
  };
  const configuration = library.createConfiguration({
    baseServer: new library.ServerConfiguration(api, {}),
    authMethods: { default: authentication },
  });
  return {
    apps: new library.AppsV1Api(configuration),
    discovery: new library.DiscoveryV1Api(configuration),
    patchOptions: library.setHeaderOptions('Content-Type', library.PatchStrategy.StrategicMergePatch),
  };
}

interface FailureContext {
  readonly right: NeededRight;
  readonly api: string;
  /** Defined where the time ran out. */
  readonly timeoutMs: number | undefined;
}

function describeFailure(error: unknown, { right, api, timeoutMs }: FailureContext): Error {
  const { verb, subject, namespace } = right;
  const what = `${verb} ${subject} in namespace ${quote(namespace)} at ${api}`;
  const status = statusOf(error);
  if (status === undefined) {
    const received =
      timeoutMs === undefined ? describeNetworkError(error, DEFAULT_TIMEOUT_MS) : `nothing within ${timeoutMs} ms`;
    return new KubernetesError('unavailable', `${what}: expected an answer, received ${received}`, { cause: error });
  }
  const [problem, remedy] = REMEDIES[status] ?? [status >= 500 || status === 429 ? 'unavailable' : 'refused', () => ''];
  const message = `${what}: received status ${status}${messageOf(error)}${remedy(right)}`;
  return new KubernetesError(problem, message, { status, cause: error });
}

const REMEDIES: Readonly<Record<number, readonly [KubernetesProblem, (right: NeededRight) => string]>> = {
  401: ['denied', () => '; the token is not accepted: expected a current token of a ServiceAccount of that cluster'],
  403: [
    'denied',
    ({ group, resource, verb, namespace }) =>
      `; the right is missing: add {apiGroups: [${group}], resources: [${resource}], verbs: [${verb}]} to a Role in namespace ${quote(namespace)} and bind it to the worker's ServiceAccount`,
  ],
  404: ['missing', () => '; expected it to be there: correct its name, the namespace or the api'],
  409: ['conflict', () => ''],
};

/** The library has a class for this, which is not the one that its clients throw in every version. */
function statusOf(error: unknown): number | undefined {
  const code: unknown = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : undefined;
}

function messageOf(error: unknown): string {
  const { body } = error as { readonly body?: unknown };
  const untrusted: unknown = (readBody(body) as { readonly message?: unknown } | null | undefined)?.message;
  return typeof untrusted === 'string' ? `: ${quote(untrusted.slice(0, MESSAGE_LIMIT))}` : '';
}

function readBody(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
