/** Passes connections on, and resets whichever carries the byte at which the next reset is due. */
import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';

export interface BreakingProxy {
  readonly host: string;
  readonly counts: { resets: number; toServer: number; toClient: number };
  readonly stop: () => Promise<void>;
}

/**
 * @param due counts of bytes, of both directions together and in ascending order, at which a connection is reset.
 */
export async function startBreakingProxy(targetHost: string, due: readonly number[]): Promise<BreakingProxy> {
  const port = Number(targetHost.split(':')[1]);
  const counts = { resets: 0, toServer: 0, toClient: 0 };
  const open = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const breaksAt = (direction: 'toServer' | 'toClient', bytes: number): boolean => {
      counts[direction] += bytes;
      const next = due[counts.resets];
      if (next === undefined || counts.toServer + counts.toClient < next) return false;
      counts.resets += 1;
      for (const socket of [client, upstream]) socket.resetAndDestroy();
      return true;
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    }
    pass(client, upstream, (bytes) => breaksAt('toServer', bytes));
    pass(upstream, client, (bytes) => breaksAt('toClient', bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Passes bytes on as fast as they are taken, until a connection breaks. */
function pass(from: net.Socket, to: net.Socket, breaks: (bytes: number) => boolean): void {
  from.on('data', (piece: Buffer) => {
    if (breaks(piece.length) || to.write(piece)) return;
    from.pause();
    to.once('drain', () => from.resume());
  });
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}
