/**
 * The signature extension as the registry of OpenShift answers it, and as strictly; the rest of the registry is the
 * scripted one. What it refuses, it refuses as the source of openshift/image-registry does.
 */
import { buffer } from 'node:stream/consumers';
import { startScriptedRegistry } from './scripted-registry.ts';
import type { ScriptedExchange, ScriptedRegistry } from './scripted-registry.ts';

/** One signature as it is stored. */
export interface StoredSignature {
  readonly name: string;
  readonly type: string;
  readonly content: Buffer;
}

export interface OpenShiftRegistry extends ScriptedRegistry {
  /** By the digest of the image, in the order of their creation. */
  readonly signatures: Map<string, StoredSignature[]>;
}

export interface OpenShiftOptions {
  /** The only Authorization header that may read and add; default: anybody may. */
  readonly authorization?: string;
}

const PING = /^GET \/v2\/$/;
const EXTENSION = /\/extensions\/v2\//;
const ROUTE = /^\/extensions\/v2\/([^/]+\/[^/]+)\/signatures\/([^/]+)$/;
/** What an empty type becomes; readers pass it over. */
const DEFAULT_TYPE = 'AtomicImageV1';
const NAME_PATH = /^[^/%]+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Starts one on a free loopback port; `stop` it after the test. */
export async function startOpenShiftRegistry({ authorization }: OpenShiftOptions = {}): Promise<OpenShiftRegistry> {
  const registry = await startScriptedRegistry();
  const signatures = new Map<string, StoredSignature[]>();
  const serve = async (exchange: ScriptedExchange): Promise<void> => {
    const { request, reply } = exchange;
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      reply(401, { ...JSON_TYPE, 'www-authenticate': 'Basic realm="openshift"' }, errorBody('UNAUTHORIZED'));
      return;
    }
    const [, repository = '', digest = ''] = ROUTE.exec(request.url ?? '') ?? [];
    const isKnown = registry.manifests.has(`${repository}@${digest}`);
    if (request.method === 'GET') list(exchange, isKnown ? (signatures.get(digest) ?? []) : undefined);
    else if (request.method === 'PUT') await create(exchange, registry, signatures);
    else reply(405, { allow: 'GET, PUT' });
  };
  registry.on(PING, (exchange) => ping(exchange, authorization));
  registry.on(EXTENSION, serve);
  // A test's own script goes on with what would have been answered without it.
  const on: ScriptedRegistry['on'] = (pattern, script) => {
    registry.on(pattern, (exchange) => {
      const isOurs = EXTENSION.test(exchange.request.url ?? '');
      return script(isOurs ? { ...exchange, proceed: () => serve(exchange) } : exchange);
    });
  };
  return { ...registry, signatures, on };
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

function ping({ request, reply }: ScriptedExchange, authorization: string | undefined): void {
  const headers = { 'x-registry-supports-signatures': '1', 'docker-distribution-api-version': 'registry/2.0' };
  if (authorization === undefined || request.headers.authorization === authorization) reply(200, headers, '{}');
  else reply(401, { ...headers, 'www-authenticate': 'Basic realm="openshift"' }, errorBody('UNAUTHORIZED'));
}

function list({ reply }: ScriptedExchange, stored: readonly StoredSignature[] | undefined): void {
  if (stored === undefined) {
    reply(404, JSON_TYPE);
    return;
  }
  const entries = stored.map(({ name, type, content }) => ({
    schemaVersion: 2,
    name,
    type,
    content: content.toString('base64'),
  }));
  reply(200, JSON_TYPE, JSON.stringify({ signatures: entries }));
}

/** The digest in the path is not looked at: the one in the name says whose signature it is. */
async function create(
  { request, reply }: ScriptedExchange,
  { manifests }: ScriptedRegistry,
  signatures: OpenShiftRegistry['signatures'],
): Promise<void> {
  const refuse = (status: number, code: string): void => reply(status, JSON_TYPE, errorBody(code));
  const entry = readEntry((await buffer(request)).toString('utf8'));
  if (entry === undefined) {
    refuse(400, 'SIGNATURE_INVALID');
    return;
  }
  const [image = '', id = '', ...more] = entry.name.split('@');
  if (image === '' || id === '' || more.length > 0 || ![image, id].every((part) => NAME_PATH.test(part))) {
    refuse(400, 'SIGNATURE_INVALID');
    return;
  }
  if (![...manifests.keys()].some((key) => key.endsWith(`@${image}`))) {
    reply(404);
    return;
  }
  const stored = signatures.get(image) ?? [];
  if (stored.some((one) => one.name === entry.name || isSameContent(one, entry))) {
    refuse(409, 'SIGNATURE_EXISTS');
    return;
  }
  signatures.set(image, [...stored, entry]);
  reply(201);
}

function isSameContent(one: StoredSignature, other: StoredSignature): boolean {
  return one.type === other.type && one.content.equals(other.content);
}

/** As Go reads it: `schemaVersion`, not `version`; undefined for what it refuses. */
function readEntry(text: string): StoredSignature | undefined {
  let entry: { schemaVersion?: unknown; name?: unknown; type?: unknown; content?: unknown } | null;
  try {
    entry = JSON.parse(text) as typeof entry;
  } catch {
    return undefined;
  }
  const { schemaVersion, name = '', type = '', content = '' } = entry ?? {};
  if (schemaVersion !== 2 || typeof name !== 'string' || typeof type !== 'string') return undefined;
  if (typeof content !== 'string' || !BASE64.test(content)) return undefined;
  return { name, type: type === '' ? DEFAULT_TYPE : type, content: Buffer.from(content, 'base64') };
}

function errorBody(code: string): string {
  return JSON.stringify({ errors: [{ code, message: 'refused', detail: {} }] });
}
