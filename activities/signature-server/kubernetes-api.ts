import type {
  AppsV1Api,
  ConfigurationOptions,
  CoreV1Api,
  CustomObjectsApi,
  DiscoveryV1Api,
  RequestContext,
} from '@kubernetes/client-node';
import { quote } from '../../workflows/domain/digest.ts';
import { describeNetworkError, exchange, remedyOfTrust } from './http-exchange.ts';
import type { ExchangeAnswer, ServerCall } from './http-exchange.ts';

/** How the API of a cluster is reached. */
export interface ClusterAccess {
  /** `https://HOST:PORT`. */
  readonly api: string;
  /** Read for every request: tokens of ServiceAccounts are exchanged every hour. Empty: asked as nobody. */
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
  readonly core: CoreV1Api;
  readonly discovery: DiscoveryV1Api;
  readonly custom: CustomObjectsApi;
  /** For paths that the library has no method for; the answer as text. */
  readonly request: (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<string>;
  /** Says that a body is merged into what is there; the library's default is another form. */
  readonly patchOptions: ConfigurationOptions;
}

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
/** A page of 200 slices with 100 endpoints each is less. */
const BODY_LIMIT = 32 * 1024 * 1024;

/**
 * One request to the API, bounded in time and size; redirects are refused. The library is loaded when it is first needed:
 * few workers do.
 * @throws KubernetesError with the right that is missing where it is one.
 */
export async function askKubernetes<Result>(
  access: ClusterAccess,
  { right, call }: { readonly right: NeededRight; readonly call: ServerCall },
  request: (clients: KubernetesClients) => Promise<Result>,
): Promise<Result> {
  call.signal?.throwIfAborted();
  const timeoutMs = call.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const seen: Seen = {};
  try {
    return await request(await openClients(access, (context) => send(access, context, { call, timeoutMs, seen })));
  } catch (error) {
    call.signal?.throwIfAborted();
    throw describeFailure(error, { right, api: access.api, timeoutMs, status: seen.status });
  }
}

/** What came of the request, whatever the library makes of it. */
interface Seen {
  status?: number;
}

async function openClients(
  { api }: ClusterAccess,
  answer: (context: RequestContext) => Promise<ExchangeAnswer>,
): Promise<KubernetesClients> {
  const library = await import('@kubernetes/client-node');
  const httpApi = library.wrapHttpLibrary({
    send: async (context) => {
      const { status, header, body } = await answer(context);
      const type = header('content-type') ?? 'application/json';
      return new library.ResponseContext(
        status,
        { 'content-type': type },
        new library.SelfDecodingBody(Promise.resolve(body)),
      );
    },
  });
  const configuration = library.createConfiguration({ baseServer: new library.ServerConfiguration(api, {}), httpApi });
  return {
    apps: new library.AppsV1Api(configuration),
    core: new library.CoreV1Api(configuration),
    custom: new library.CustomObjectsApi(configuration),
    request: async (method, path, content) => {
      const context = configuration.baseServer.makeRequestContext(path, library.HttpMethod[method]);
      if (content !== undefined) {
        context.setHeaderParam('content-type', 'application/json');
        context.setBody(JSON.stringify(content));
      }
      const { status, body } = await answer(context);
      const text = body.toString('utf8');
      if (status >= 200 && status < 300) return text;
      throw new library.ApiException(status, 'the API refused', text, {});
    },
    discovery: new library.DiscoveryV1Api(configuration),
    patchOptions: library.setHeaderOptions('Content-Type', library.PatchStrategy.StrategicMergePatch),
  };
}

async function send(
  { api, ca, readToken }: ClusterAccess,
  context: RequestContext,
  { call, timeoutMs, seen }: { readonly call: ServerCall; readonly timeoutMs: number; readonly seen: Seen },
): Promise<ExchangeAnswer> {
  const { pathname, search } = new URL(context.getUrl());
  const body: unknown = context.getBody();
  const token = await readToken();
  const headers = { ...context.getHeaders(), ...(token !== '' && { authorization: `Bearer ${token}` }) };
  const method = methodOf(context.getHttpMethod().toString());
  const content = typeof body === 'string' ? { body: Buffer.from(body) } : {};
  const request = { method, path: `${pathname}${search}`, headers, limit: BODY_LIMIT, timeoutMs, ...content } as const;
  const target = { origin: new URL(api).origin, connect: ca === undefined ? {} : { ca } };
  const answer = await exchange(target, request, call.signal);
  seen.status = answer.status;
  if (answer.oversized) throw new Error(`more than ${BODY_LIMIT} bytes`);
  return answer;
}

function methodOf(method: string): 'GET' | 'POST' | 'PATCH' {
  if (method === 'GET' || method === 'POST' || method === 'PATCH') return method;
  throw new TypeError(`this client makes no ${method} request`);
}

interface FailureContext {
  readonly right: NeededRight;
  readonly api: string;
  readonly timeoutMs: number;
  /** Undefined where there was no answer. */
  readonly status: number | undefined;
}

function describeFailure(error: unknown, { right, api, timeoutMs, status }: FailureContext): Error {
  const { verb, subject, namespace } = right;
  const what = `${verb} ${subject} in namespace ${quote(namespace)} at ${api}`;
  if (status === undefined) {
    const received = describeNetworkError(error, timeoutMs);
    const remedy = remedyOfTrust(error);
    const message = `${what}: expected an answer, received ${received}${remedy === undefined ? '' : `; ${remedy}`}`;
    return new KubernetesError(remedy === undefined ? 'unavailable' : 'refused', message, { cause: error });
  }
  if (status < 300) {
    const message = `${what}: expected an answer of a Kubernetes API, received status ${status} with something else; is the api right`;
    return new KubernetesError('unavailable', message, { status, cause: error });
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
