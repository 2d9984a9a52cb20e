/** The internet of other programs: a proxy that takes every name in it to the case's server, and remembers the name. */
import net from 'node:net';
import type { ConnectionPorts, Place } from '../raw-server.ts';

export interface CaseProxy {
  /** For `HTTPS_PROXY` and `HTTP_PROXY`. */
  readonly url: string;
  readonly placeOf: (connection: ConnectionPorts) => Place;
  readonly stop: () => Promise<void>;
}

/** Starts a proxy whose tunnels, and whose plain requests, all end at one loopback port. */
export async function startCaseProxy(target: () => number): Promise<CaseProxy> {
  const places = new Map<string, Place>();
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (client) => {
    keep(sockets, client);
    let heard = Buffer.alloc(0);
    const listen = (piece: Buffer): void => {
      heard = Buffer.concat([heard, piece]);
      const end = heard.indexOf('\r\n\r\n');
      if (end < 0) return;
      client.off('data', listen);
      client.pause();
      const asked = askedFor(heard, end + 4);
      if (asked === undefined) {
        client.destroy();
        return;
      }
      const upstream = net.connect({ port: target(), host: '127.0.0.1', noDelay: true }, () => {
        places.set(`${upstream.localPort ?? 0}>${upstream.remotePort ?? 0}`, asked.place);
        if (asked.isTunnel) client.write('HTTP/1.1 200 Connected\r\n\r\n');
        upstream.write(asked.rest);
        client.pipe(upstream).pipe(client);
      });
      keep(sockets, upstream);
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
    };
    client.on('data', listen);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    placeOf: ({ client, server: port }) => places.get(`${client}>${port}`) ?? { host: 'unknown', port: 0 },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Asked {
  readonly place: Place;
  readonly isTunnel: boolean;
  /** What the server gets of what was heard. */
  readonly rest: Buffer;
}

function askedFor(heard: Buffer, end: number): Asked | undefined {
  const [method = '', target = ''] = heard.toString('latin1', 0, end).split(/[ \r]/);
  if (method === 'CONNECT') {
    const [, host = '', port = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(target) ?? [];
    return { place: { host, port: Number(port) }, isTunnel: true, rest: heard.subarray(end) };
  }
  if (!URL.canParse(target)) return undefined;
  const url = new URL(target);
  const place = { host: url.hostname, port: Number(url.port === '' ? 80 : url.port) };
  const first = Buffer.from(`${method} ${url.pathname}${url.search} HTTP/1.1\r\nconnection: close\r\n`);
  return { place, isTunnel: false, rest: Buffer.concat([first, heard.subarray(heard.indexOf('\r\n') + 2)]) };
}

function keep(sockets: Set<net.Socket>, socket: net.Socket): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
}
