import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Context } from 'hono';
import type { PublishedBranch } from './published-branch.ts';
import { answerFile } from './answer-file.ts';
import { answerWebhook } from './answer-webhook.ts';
import type { ServerParts } from './server-parts.ts';

/** What the server answers: its own few paths, and every other path from the published branch. */
export function createServerApp(parts: ServerParts): Hono<{ Bindings: HttpBindings }> {
  const { branch, metrics, settings } = parts;
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (c, next) => {
    await next();
    metrics.countRequest({ method: c.req.method, status: c.res.status });
  });
  app.onError((error, c) => {
    settings.log('error', 'a request failed', { error: error.message });
    return c.text('internal error\n', 500);
  });
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', (c) => answerReadiness(c, branch));
  app.get('/metrics', async (c) => {
    const { text, contentType } = await metrics.render();
    return c.body(text, 200, { 'content-type': contentType });
  });
  const { webhookPath, webhookSecret } = settings;
  if (webhookPath !== undefined && webhookSecret !== undefined) {
    app.post(webhookPath, (c) => answerWebhook(c, parts, webhookSecret));
    app.all(webhookPath, (c) => refuseMethod(c, 'POST'));
  }
  app.get('*', (c) => answerFile(c, parts));
  app.all('*', (c) => refuseMethod(c, 'GET, HEAD'));
  return app;
}

function answerReadiness(c: Context, branch: PublishedBranch): Response {
  const snapshot = branch.snapshot();
  const detail = {
    ready: snapshot !== undefined,
    commit: snapshot?.commit ?? null,
    refreshedAt: branch.refreshedAt() ?? null,
    failing: branch.trouble() ?? null,
  };
  return c.json(detail, snapshot === undefined ? 503 : 200, { 'cache-control': 'no-store' });
}

function refuseMethod(c: Context, allow: string): Response {
  // The body is not read, so the connection cannot be used again.
  return c.text(`method not allowed; expected ${allow}\n`, 405, { allow, connection: 'close' });
}
