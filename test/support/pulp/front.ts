/**
 * Stands before a server of plain http and hangs up on TLS at once. skopeo tries TLS first, and gunicorn leaves it
 * waiting for ten seconds each time.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface Front {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const TLS_HANDSHAKE = 0x16;

/** Starts one on a free loopback port; every byte is passed on as it comes. */
export async function startFront(target: number): Promise<Front> {
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    client.once('data', (first) => {
      if (first[0] === TLS_HANDSHAKE) {
        client.destroy();
        return;
      }
      client.pause();
      const upstream = connect(target, '127.0.0.1', () => {
        upstream.write(first);
        client.pipe(upstream).pipe(client);
      });
      keep(upstream);
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
