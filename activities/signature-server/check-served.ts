import pLimit from 'p-limit';
import { SignatureServerError } from './error.ts';
import type { ServedFailure } from './error.ts';
import { fetchServed, parseServedAt } from './fetch-served.ts';
import type { ServedAnswer, ServedSource } from './fetch-served.ts';
import { describeNetworkError } from './http-exchange.ts';
import type { ServerCall } from './http-exchange.ts';
import { judgeServed } from './judge-served.ts';
import type { Replica } from './replicas.ts';
import { expectSignatures } from './served-expectation.ts';
import type { ExpectedSignature, ServedExpectation } from './served-expectation.ts';

/**
 * Which servers are asked. Without `replica` it is `servedAt` itself, with every cache before it, and all `replicas`.
 */
export interface AskedServers {
  /** The address that clusters use, `https://host/images`; its path is used as written. */
  readonly servedAt: string;
  /** Only this one: connect there, while Host header and TLS server name stay those of `servedAt`. */
  readonly replica?: Replica;
  /** Asked beside `servedAt`, each as `replica` is. */
  readonly replicas?: readonly Replica[];
  /** Certificates of a private authority, PEM; they replace the system's. */
  readonly ca?: string;
}

export interface CheckServedInput extends AskedServers {
  /** Name of the image's repository without its registry host. */
  readonly repositoryPath: string;
  readonly expected: readonly ExpectedSignature[];
}

export interface CheckServedByAllInput extends AskedServers {
  readonly files: readonly ServedExpectation[];
}

export interface CheckServedCall extends ServerCall {
  /** How often each server is asked for everything; 2 by default. */
  readonly rounds?: number;
}

const DEFAULT_ROUNDS = 2;
const DEFAULT_TIMEOUT_MS = 10_000;
const CONCURRENT_SERVERS = 8;
const FAILURES_IN_MESSAGE = 8;

/**
 * Checks that every asked server serves exactly the expected signatures, each reachable from number 1 on without a gap.
 * One look, no waiting: polling is up to the caller. All servers are looked at, and all that fail are named in one
 * error.
 * @throws SignatureServerError `served-wrong` when any answer was wrong, else `not-served`, with all `failures`; or
 * `configuration-invalid`.
 */
export async function checkServed(input: CheckServedInput, call: CheckServedCall = {}): Promise<void> {
  const { repositoryPath, expected, ...servers } = input;
  await checkServedByAll({ ...servers, files: expectSignatures(repositoryPath, expected) }, call);
}

/** As {@link checkServed}, for any files below `servedAt`, each expected or expected to be absent. */
export async function checkServedByAll(input: CheckServedByAllInput, call: CheckServedCall = {}): Promise<void> {
  const { replica, replicas = [], ca, files } = input;
  const servedAt = parseServedAt(input.servedAt);
  const servers = replica === undefined ? [undefined, ...replicas] : [replica];
  const limit = pLimit(CONCURRENT_SERVERS);
  const checks = servers.map((server) => {
    const source = { servedAt, ...(server && { replica: server }), ...(ca !== undefined && { ca }) };
    return limit(() => checkServer(source, files, call));
  });
  // Every check is awaited, also after a cancellation: no request may outlive the call.
  const results = await Promise.allSettled(checks);
  const refused = results.find((result) => result.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
  const failures = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  if (failures.length > 0) throw notAccepted(`${servedAt.origin}${servedAt.basePath}`, servers.length, failures);
}

/**
 * The first round asks caches to look again, the next ones ask as a cluster does: what a cache in front still answers
 * from memory is what the cluster gets.
 */
async function checkServer(
  source: ServedSource,
  files: readonly ServedExpectation[],
  call: CheckServedCall,
): Promise<readonly ServedFailure[]> {
  const rounds = Math.max(1, call.rounds ?? DEFAULT_ROUNDS);
  for (let round = 0; round < rounds; round++) {
    const failures = await checkRound(source, files, { ...call, bypassCaches: round === 0 });
    if (failures.length > 0) return failures;
  }
  return [];
}

async function checkRound(
  source: ServedSource,
  files: readonly ServedExpectation[],
  call: CheckServedCall & { readonly bypassCaches: boolean },
): Promise<readonly ServedFailure[]> {
  const { servedAt, replica } = source;
  const timeoutMs = call.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const failures: ServedFailure[] = [];
  for (const file of files) {
    const place = {
      replica: replica === undefined ? servedAt.host : nameReplica(replica),
      url: `${servedAt.origin}${servedAt.basePath}/${file.path}`,
    };
    let answer: ServedAnswer;
    try {
      const { signal, bypassCaches } = call;
      answer = await fetchServed(source, file.path, { timeoutMs, bypassCaches, ...(signal && { signal }) });
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error instanceof SignatureServerError) throw error;
      const received = describeNetworkError(error, timeoutMs);
      // A server that does not answer is not asked for the rest.
      return [...failures, { ...place, code: 'not-served', expected: 'an answer', received }];
    }
    const verdict = judgeServed(file, answer);
    if (verdict !== undefined) failures.push({ ...place, ...verdict });
  }
  return failures;
}

function nameReplica({ address, pod }: Replica): string {
  return pod === undefined ? address : `${address} (pod ${pod})`;
}

function notAccepted(base: string, servers: number, failures: readonly ServedFailure[]): SignatureServerError {
  const names = [...new Set(failures.map(({ replica }) => replica))];
  const lines = names.flatMap((name) => describeServer(failures.filter(({ replica }) => replica === name)));
  const shown = lines.slice(0, FAILURES_IN_MESSAGE).join('; ');
  const more = lines.length > FAILURES_IN_MESSAGE ? `; and ${lines.length - FAILURES_IN_MESSAGE} more` : '';
  const code = failures.some((failure) => failure.code === 'served-wrong') ? 'served-wrong' : 'not-served';
  const message = `confirm signatures at ${base}: ${names.length} of ${servers} servers asked do not serve them: ${shown}${more}`;
  return new SignatureServerError(code, message, { failures });
}

function describeServer(failures: readonly ServedFailure[]): readonly string[] {
  const [first] = failures;
  if (first === undefined) return [];
  const others = failures.length > 1 ? ` (and ${failures.length - 1} more there)` : '';
  return [`${first.replica}: GET ${first.url}: expected ${first.expected}, received ${first.received}${others}`];
}
