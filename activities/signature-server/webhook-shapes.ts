/** The forms in which git hosts announce a push: headers, proof and body. */
import { createHmac } from 'node:crypto';
import { formatGitlabPayload } from './gitlab-push-payload.ts';
import { formatPushPayload } from './push-payload.ts';
import type { Push } from './push-payload.ts';

/** Which git host a webhook looks like. */
export const WEBHOOK_SHAPES = ['github', 'gitlab', 'gitea'] as const;
export type WebhookShape = (typeof WEBHOOK_SHAPES)[number];

export interface ShapedPush extends Push {
  readonly delivery: string;
  readonly secret?: string;
}

/** A push as one of the hosts sends it; equal pushes give equal bytes. */
export function shapeWebhook(
  shape: WebhookShape,
  push: ShapedPush,
): { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer } {
  const body = shape === 'gitlab' ? formatGitlabPayload(push) : formatPushPayload(push);
  return {
    headers: { ...HEADERS[shape](push), ...(push.secret !== undefined && PROOFS[shape](push.secret, body)) },
    body,
  };
}

type Headers = Readonly<Record<string, string>>;

function githubHeaders({ delivery }: ShapedPush): Headers {
  return { 'x-github-event': 'push', 'x-github-delivery': delivery };
}

const HEADERS: Readonly<Record<WebhookShape, (push: ShapedPush) => Headers>> = {
  github: githubHeaders,
  gitlab: ({ delivery }) => ({
    'x-gitlab-event': 'Push Hook',
    'x-gitlab-event-uuid': delivery,
    'idempotency-key': delivery,
  }),
  // Gitea sends GitHub's headers as well, and that is what receivers without a word for Gitea look at.
  gitea: (push) => ({
    'x-gitea-event': 'push',
    'x-gitea-event-type': 'push',
    'x-gitea-delivery': push.delivery,
    ...githubHeaders(push),
  }),
};

const PROOFS: Readonly<Record<WebhookShape, (secret: string, body: Buffer) => Headers>> = {
  github: (secret, body) => ({ 'x-hub-signature-256': `sha256=${hmac(secret, body)}` }),
  gitlab: (secret) => ({ 'x-gitlab-token': secret }),
  gitea: (secret, body) => ({
    'x-gitea-signature': hmac(secret, body),
    'x-hub-signature-256': `sha256=${hmac(secret, body)}`,
  }),
};

function hmac(secret: string, body: Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}
