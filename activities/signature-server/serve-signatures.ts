import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createBranchMirror } from './branch-mirror.ts';
import { SignatureServerError } from './error.ts';
import { createPublishedBranch } from './published-branch.ts';
import { checkServeOptions } from './serve-options.ts';
import type { ServeSignaturesOptions } from './serve-options.ts';
import { createServerApp } from './server-app.ts';
import { createServerMetrics } from './server-metrics.ts';

/** A running signature server. */
export interface SignatureServer {
  /** `http://host:port`, without path. */
  readonly url: string;
  readonly port: number;
  /** The commit that is served; empty before the first snapshot. */
  commit(): string;
  /**
   * Looks at the repository now, as a webhook makes it do, and resolves when what was pushed before the call is served.
   * @throws SignatureServerError where the repository cannot be read; the old snapshot stays.
   */
  refresh(): Promise<void>;
  /** Ends open requests, git and timers. Harmless when repeated. */
  close(): Promise<void>;
}

/** How long open requests may go on after `close`. */
const CLOSE_GRACE_MS = 2000;

/**
 * Serves the published branch of a git repository as a signature store, straight from git objects, without a work tree.
 * Resolves when it listens; until the first snapshot is there it answers 503. A repository that cannot be reached is
 * no error here: the server goes on trying, and serves what an earlier run left in the cache.
 * @throws SignatureServerError `configuration-invalid`, also where the address cannot be listened on.
 */
export async function serveSignatures(options: ServeSignaturesOptions): Promise<SignatureServer> {
  const settings = await checkServeOptions(options);
  const mirror = createBranchMirror(settings);
  const metrics = createServerMetrics(options.branch);
  const branch = createPublishedBranch(mirror, settings, { metrics, restored: await mirror.restore() });
  const app = createServerApp({ branch, metrics, settings });
  // Importing this room must not change the process: Request and Response stay those of Node.
  const listener = getRequestListener((request, env) => app.fetch(request, env), { overrideGlobalObjects: false });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  await listen(server, options.listen);
  branch.start();

  const { port, address, family } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  settings.log('info', 'listening', { url, repository: settings.store.shownUrl, branch: options.branch });
  return {
    url,
    port,
    commit: () => branch.snapshot()?.commit ?? '',
    refresh: () => branch.refresh(),
    close: async () => {
      await Promise.all([branch.stop(), closeServer(server)]);
    },
  };
}

async function listen(server: Server, { host, port }: ServeSignaturesOptions['listen']): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error';
    throw new SignatureServerError('configuration-invalid', `serve signatures: ${reason}`, { cause: error });
  }
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(force);
}
