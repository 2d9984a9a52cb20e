import { createServer } from 'node:http';
import { parseEndpoint } from '../activities/signature-server/index.ts';

/** What a cluster asks a worker, while it is there. */
export interface HealthServer {
  /** `host:port` where it listens. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

/**
 * Answers `/healthz` with 200 as long as this process answers at all, and `/readyz` with 200 while `isReady`, else 503.
 * Whether Temporal can be reached is asked by neither: a restart would not mend it.
 * @param address `HOST:PORT`; `127.0.0.1:0` takes a free port.
 * @throws SignatureServerError `configuration-invalid` for an address that is none.
 */
export async function serveHealth(address: string, isReady: () => boolean): Promise<HealthServer> {
  const { host, port } = parseListenAddress(address);
  const server = createServer((request, response) => {
    const known = request.url === '/healthz' || request.url === '/readyz';
    const well = request.url === '/healthz' || isReady();
    response.writeHead(known ? (well ? 200 : 503) : 404, { 'content-type': 'text/plain', connection: 'close' });
    response.end(known ? (well ? 'ok\n' : 'not polling\n') : 'not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return {
    address: bound !== null && typeof bound === 'object' ? `${host}:${bound.port}` : address,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parseListenAddress(address: string): { readonly host: string; readonly port: number } {
  return address === '127.0.0.1:0' ? { host: '127.0.0.1', port: 0 } : parseEndpoint(address);
}
