/** Push webhooks of GitHub, GitLab and Gitea: authenticated first, read afterwards. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { quote } from '../../workflows/domain/digest.ts';

/** Looks a request header up, in any case. */
export type HeaderLookup = (name: string) => string | undefined;

export type WebhookHost = 'github' | 'gitlab' | 'gitea';

/** What an authenticated webhook asks for. */
export type WebhookVerdict =
  | { readonly kind: 'push' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'ignored' | 'malformed'; readonly reason: string };

/** A larger push event is not expected from any host: they cut the list of commits. */
export const MAX_WEBHOOK_BYTES = 1024 * 1024;

const PUSH_EVENTS = { github: 'push', gitlab: 'Push Hook', gitea: 'push' } as const;
const EVENT_HEADERS = { github: 'x-github-event', gitlab: 'x-gitlab-event', gitea: 'x-gitea-event' } as const;
const PUSH = z.object({ ref: z.string() });

/** Tells whether a request carries any proof at all; without one its body need not be read. */
export function claimsWebhook(header: HeaderLookup): boolean {
  return claimedHost(header) !== undefined;
}

/**
 * The host whose proof over the raw body holds, or undefined. Gitea also sends GitHub's headers, so its own come first.
 * Comparisons take the same time wherever the difference lies.
 */
export function authenticateWebhook(header: HeaderLookup, body: Buffer, secret: string): WebhookHost | undefined {
  const host = claimedHost(header);
  if (host === undefined) return undefined;
  const hmac = createHmac('sha256', secret).update(body).digest('hex');
  const expected = { github: `sha256=${hmac}`, gitlab: secret, gitea: hmac }[host];
  return equalsConstantTime(header(PROOF_HEADERS[host]) ?? '', expected) ? host : undefined;
}

/** What an authenticated request asks for; only a push of the published branch is of interest. */
export function readWebhook(
  request: { readonly host: WebhookHost; readonly header: HeaderLookup; readonly body: Buffer },
  branch: string,
): WebhookVerdict {
  const event = request.header(EVENT_HEADERS[request.host]);
  if (event === 'ping' && request.host === 'github') return { kind: 'ping' };
  if (event !== PUSH_EVENTS[request.host]) {
    return { kind: 'ignored', reason: `event ${quote(event ?? '')} is not a push` };
  }
  const push = PUSH.safeParse(parseBody(request.header, request.body));
  if (!push.success) return { kind: 'malformed', reason: 'expected a push event with a ref' };
  if (push.data.ref !== `refs/heads/${branch}`) {
    return { kind: 'ignored', reason: `${quote(push.data.ref)} is not the published branch` };
  }
  return { kind: 'push' };
}

const PROOF_HEADERS = { gitea: 'x-gitea-signature', gitlab: 'x-gitlab-token', github: 'x-hub-signature-256' } as const;

function claimedHost(header: HeaderLookup): WebhookHost | undefined {
  return (['gitea', 'gitlab', 'github'] as const).find((host) => header(PROOF_HEADERS[host]) !== undefined);
}

/** GitHub can be told to send the same document as a form. */
function parseBody(header: HeaderLookup, body: Buffer): unknown {
  const isForm = header('content-type')?.toLowerCase().startsWith('application/x-www-form-urlencoded') === true;
  const text = body.toString('utf8');
  try {
    return JSON.parse(isForm ? (new URLSearchParams(text).get('payload') ?? '') : text);
  } catch {
    return undefined;
  }
}

/** Hashing both sides with a key of the moment makes the lengths equal and the comparison blind. */
function equalsConstantTime(one: string, other: string): boolean {
  const key = randomBytes(32);
  const hash = (text: string): Buffer => createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
