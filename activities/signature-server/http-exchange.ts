/** One bounded HTTP exchange of the client side: no redirects, no retries, no shared connections. */
import { deadlineAfter } from '../deadline/index.ts';
import { isTrustProblem } from '../oci/network-error.ts';
import { Client } from 'undici';
import type { buildConnector } from 'undici';

/** What a caller may say about every call that goes over the network. */
export interface ServerCall {
  /** Cancels the call; its reason is thrown as it is. */
  readonly signal?: AbortSignal;
  /** Bound of a single request, in milliseconds; 10 s unless a function says otherwise. */
  readonly requestTimeoutMs?: number;
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Path and query exactly as sent. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Bytes of the answer that are kept; an answer with more is cut and marked. */
  readonly limit: number;
  readonly timeoutMs: number;
}

export interface ExchangeAnswer {
  readonly status: number;
  /** A response header by its lower-case name; the first where there are several. */
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  readonly oversized: boolean;
}

/** Where to connect: an origin, with a connector when the address is not the one of the origin. */
export interface ExchangeTarget {
  readonly origin: string;
  readonly connect: buildConnector.connector | buildConnector.BuildOptions;
}

/**
 * Sends one request over a connection of its own and reads the answer, whatever its status.
 * @throws the reason of `signal` when it was aborted, otherwise undici's error as it is.
 */
export async function exchange(
  target: ExchangeTarget,
  request: ExchangeRequest,
  signal?: AbortSignal,
): Promise<ExchangeAnswer> {
  signal?.throwIfAborted();
  const deadline = deadlineAfter(request.timeoutMs);
  const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const client = new Client(target.origin, { connect: target.connect });
  try {
    const { method, path, headers } = request;
    // `reset` sends `Connection: close`: behind a balancer the next request may meet another server.
    const response = await client.request({
      method,
      path,
      headers,
      body: request.body ?? null,
      reset: true,
      signal: either,
    });
    const { body, oversized } = await readBounded(response.body, request.limit);
    const header = (name: string) => [response.headers[name]].flat()[0];
    return { status: response.statusCode, header, body, oversized };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    void client.destroy().catch(() => undefined);
  }
}

/**
 * What to do where one side could not prove to the other who it is, since asking again changes nothing; undefined where
 * the exchange failed for another reason.
 */
export function remedyOfTrust(error: unknown): string | undefined {
  if (!isTrustProblem(error)) return undefined;
  return 'give the certificate of its authority, as ca.crt among the secrets of the environment or with --ca-file, or correct the address';
}

/** The reason of a failed exchange in a few words: never more than code and message of the network error. */
export function describeNetworkError(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'an unknown network error';
  if (error.name === 'TimeoutError') return `no complete answer within ${timeoutMs} ms`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (error.message === '') return code ?? error.name;
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

async function readBounded(
  stream: AsyncIterable<unknown>,
  limit: number,
): Promise<{ body: Buffer; oversized: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) break;
  }
  return { body: Buffer.concat(chunks).subarray(0, limit), oversized: size > limit };
}
