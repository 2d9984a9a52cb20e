import { quote } from '../../workflows/domain/digest.ts';
import { SignatureServerError } from './error.ts';
import { parseRetryAfter } from '../retry-after/index.ts';
import { describeNetworkError, exchange, remedyOfTrust } from './http-exchange.ts';
import type { ExchangeAnswer, ServerCall } from './http-exchange.ts';
import type { Push } from './push-payload.ts';
import { shapeWebhook } from './webhook-shapes.ts';
import type { WebhookShape } from './webhook-shapes.ts';

/** Where the push is announced. */
export interface WebhookTarget {
  /** `https://` or `http://`; its path and query may hold a secret and appear in no message. */
  readonly url: string;
  /** Key of the HMAC, or the token of GitLab; without it the request proves nothing. */
  readonly secret?: string;
  /** Which git host it looks like; `github` by default. */
  readonly shape?: WebhookShape;
  /** Certificates of a private authority, PEM; they replace the system's. */
  readonly ca?: string;
}

export interface WebhookInput extends WebhookTarget, Push {
  /** The same for every attempt at the same push, so that a receiver can tell a repetition. */
  readonly delivery: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Refusals that pass by themselves: time-out, too early, too many requests. */
const PASSING_STATUS = new Set([408, 425, 429]);

/**
 * Announces a push the way GitHub, GitLab or Gitea does: a `POST` with that host's headers, proof and body.
 * An accepted webhook proves nothing; what is served has to be looked at. Redirects are not followed, because the
 * signed announcement belongs to the configured address only.
 * @throws SignatureServerError `configuration-invalid`, `rebuild-refused` (redirect, 4xx, an untrusted certificate) or
 * `rebuild-unavailable` (network, 408, 425, 429, 5xx; with `retryAfterMs` where the server named a time).
 */
export async function triggerWebhook(input: WebhookInput, call: ServerCall = {}): Promise<void> {
  const { origin, path } = parseWebhookUrl(input.url);
  checkPush(input);
  const { headers: shaped, body } = shapeWebhook(input.shape ?? 'github', input);
  const headers = { ...COMMON_HEADERS, ...shaped };
  const timeoutMs = call.requestTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const target = { origin, connect: input.ca === undefined ? {} : { ca: input.ca } };
  let answer: ExchangeAnswer;
  try {
    answer = await exchange(target, { method: 'POST', path, headers, body, limit: 65_536, timeoutMs }, call.signal);
  } catch (error) {
    call.signal?.throwIfAborted();
    const reason = describeNetworkError(error, timeoutMs);
    const remedy = remedyOfTrust(error);
    const message = `trigger rebuild at ${origin}: expected an answer, received ${reason}; ${remedy ?? 'is the receiver up and reachable from this worker'}`;
    const code = remedy === undefined ? 'rebuild-unavailable' : 'rebuild-refused';
    throw new SignatureServerError(code, message, { cause: error });
  }
  judgeAnswer(origin, answer);
}

function judgeAnswer(origin: string, { status, header }: ExchangeAnswer): void {
  if (status >= 200 && status < 300) return;
  const received = `trigger rebuild at ${origin}: expected status 2xx, received ${status}`;
  if (status >= 300 && status < 400) {
    const message = `${received}; redirects are not followed with a signed request, configure the final address`;
    throw new SignatureServerError('rebuild-refused', message, { status });
  }
  if (status >= 400 && status < 500 && !PASSING_STATUS.has(status)) {
    const message = `${received}; check the webhook's address and that both sides hold the same secret`;
    throw new SignatureServerError('rebuild-refused', message, { status });
  }
  const wait = parseRetryAfter(header('retry-after'), Date.now());
  const details = { status, ...(wait !== undefined && { retryAfterMs: wait }) };
  throw new SignatureServerError('rebuild-unavailable', `${received}; it is worth another try`, details);
}

const COMMON_HEADERS = { 'content-type': 'application/json', accept: '*/*', 'user-agent': 'countersign' };

function parseWebhookUrl(text: string): { origin: string; path: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // What was received may hold a secret, so it is described and never quoted.
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid('the webhook url must begin with https:// or http:// and name a host');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(`the webhook url at ${url.origin} carries a user name or password; remove them`);
  }
  return { origin: url.origin, path: `${url.pathname}${url.search}` };
}

function checkPush({ before, after, branch, delivery, secret, shape }: WebhookInput): void {
  if (secret === '') throw invalid('the webhook secret is empty; put one into the file or remove the file');
  if (shape === 'gitlab' && secret !== undefined && !/^[\x20-\x7e]+$/.test(secret)) {
    throw invalid('the webhook secret must be one line of printable characters, for GitLab sends it as a header');
  }
  for (const id of [before, after]) {
    if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(id)) {
      throw invalid(`expected a commit id of 40 or 64 hex digits, received ${quote(id)}`);
    }
  }
  if (!/^[\x21-\x7e]{1,255}$/.test(delivery)) {
    throw invalid(`expected a delivery id of printable characters, received ${quote(delivery)}`);
  }
  if (branch === '' || branch.startsWith('refs/')) {
    throw invalid(`expected a branch without refs/heads/, received ${quote(branch)}`);
  }
}

function invalid(message: string): SignatureServerError {
  return new SignatureServerError('configuration-invalid', `trigger rebuild: ${message}`);
}
