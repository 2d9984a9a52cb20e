/**
 * Puts a distance between clients and servers: what arrives is passed on after half a round trip, in order, however much
 * it is, so bandwidth is not limited. A connection costs the round trip of TCP's handshake. Started with `fork`.
 * In: `{ backend: 'host:port', roundTripMs }`. Out: `{ host: '127.0.0.1:port' }`, for each.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

interface Order {
  readonly backend: string;
  readonly roundTripMs: number;
}

/** More than this waiting at a slow reader holds the writer up. */
const WAITING_LIMIT = 64 * 1024 * 1024;

process.on('message', ({ backend, roundTripMs }: Order) => {
  const [host = '', port = ''] = backend.split(':');
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    const oneWay = roundTripMs / 2;
    carry(client, target, { delayMs: oneWay, notBefore: performance.now() + roundTripMs });
    carry(target, client, { delayMs: oneWay, notBefore: 0 });
  });
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ host: `127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
});
process.on('disconnect', () => process.exit());

/** Passes on what one side says, later. */
function carry(
  from: Socket,
  to: Socket,
  { delayMs, notBefore }: { readonly delayMs: number; readonly notBefore: number },
): void {
  const queue: { readonly at: number; readonly work: () => void }[] = [];
  const later = (work: () => void): void => {
    queue.push({ at: Math.max(notBefore, performance.now()) + delayMs, work });
    if (queue.length === 1) arm();
  };
  const arm = (): void => {
    const [next] = queue;
    if (next !== undefined) setTimeout(flush, Math.max(next.at - performance.now(), 0));
  };
  const flush = (): void => {
    for (let next = queue[0]; next !== undefined && next.at <= performance.now() + 0.5; next = queue[0]) {
      queue.shift();
      next.work();
    }
    arm();
  };
  from.on('data', (chunk: Buffer) => {
    later(() => to.write(chunk));
    if (to.writableLength > WAITING_LIMIT) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
  from.on('end', () => {
    later(() => to.end());
  });
  from.on('error', () => to.destroy());
  from.on('close', () => {
    later(() => to.destroySoon());
  });
}
