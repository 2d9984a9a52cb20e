import type { Context } from 'hono';
import type { ServerParts } from './server-parts.ts';
import { authenticateWebhook, claimsWebhook, MAX_WEBHOOK_BYTES, readWebhook } from './webhook-request.ts';
import type { HeaderLookup } from './webhook-request.ts';

/**
 * Answers a push webhook. Nothing is done, and nothing but its length and proof looked at, before the proof holds.
 * The answer does not wait for the refresh: hosts give up after ten seconds.
 */
export async function answerWebhook(c: Context, parts: ServerParts, secret: string): Promise<Response> {
  const { metrics, settings } = parts;
  const header: HeaderLookup = (name) => c.req.header(name);
  const refuse = (status: 400 | 401 | 413, result: string, reason: string): Response => {
    metrics.countWebhook(result);
    settings.log('warn', 'a webhook was refused', { reason });
    return c.json({ accepted: false, reason }, status, { connection: 'close' });
  };

  if (!claimsWebhook(header)) return refuse(401, 'refused', 'expected a signature or a token');
  const body = await readBody(c.req.raw);
  if (body === undefined) return refuse(413, 'too-large', `expected at most ${MAX_WEBHOOK_BYTES} bytes`);
  const host = authenticateWebhook(header, body, secret);
  if (host === undefined) return refuse(401, 'refused', 'the signature or token does not match');

  const verdict = readWebhook({ host, header, body }, settings.options.branch);
  switch (verdict.kind) {
    case 'malformed':
      return refuse(400, 'malformed', verdict.reason);
    case 'ping':
      metrics.countWebhook('ping');
      return c.json({ accepted: true, reason: 'pong' }, 200);
    case 'ignored':
      metrics.countWebhook('ignored');
      return c.json({ accepted: false, reason: verdict.reason }, 202);
    case 'push':
      metrics.countWebhook('accepted');
      // A failure is logged and counted by the branch itself.
      parts.branch.refresh().catch(() => undefined);
      return c.json({ accepted: true, reason: 'the branch is being looked at' }, 202);
  }
}

/** The raw body, which is what was signed; undefined when it is larger than allowed, however it was announced. */
async function readBody(request: Request): Promise<Buffer | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_WEBHOOK_BYTES) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_WEBHOOK_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
