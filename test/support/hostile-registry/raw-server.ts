/** HTTP by hand over loopback: whatever bytes a behaviour wants to send are sent, TLS or plain as the client begins. */
import net from 'node:net';
import tls from 'node:tls';
import { parseRequest } from './raw-request.ts';
import type { RawRequest } from './raw-request.ts';

/** Where a client believes it is. */
export interface Place {
  /** Name or address, as the client asked for it. */
  readonly host: string;
  readonly port: number;
}

/** The ends of a connection over loopback. */
export interface ConnectionPorts {
  readonly client: number;
  readonly server: number;
}

/** A request as it arrived, and where the client meant it to go. */
export interface SeenRequest extends RawRequest {
  readonly origin: string;
}

/** A request and the means to answer it. */
export interface RawExchange {
  readonly request: SeenRequest;
  /** How often this method and target were asked for before. */
  readonly round: number;
  /** A whole, proper answer. */
  readonly reply: (status: number, headers?: HeaderFields, body?: string | Buffer) => void;
  /** These bytes and nothing else. */
  readonly raw: (bytes: string | Buffer) => void;
  /** One byte after the other. */
  readonly drip: (bytes: string | Buffer, everyMs: number) => void;
  /** The head, then `piece` without end, as fast as the client takes it, up to 100 MB in a second. */
  readonly pour: (head: string, piece: Buffer) => void;
  /** Ends the connection properly. */
  readonly end: () => void;
  /** Breaks the connection off. */
  readonly cut: () => void;
}

export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

export interface RawServer {
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  /** Connections that the client has not closed. */
  readonly open: () => number;
  /** Bytes that were handed to the kernel. */
  readonly sent: () => number;
  readonly stop: () => Promise<void>;
}

export interface RawServerOptions {
  readonly secureContext: tls.SecureContext;
  /** Sent to who begins with TLS, in its place; undefined for nothing at all. */
  readonly insteadOfTls?: { readonly bytes: string | undefined } | undefined;
  /** Where the client of a connection believes to be. */
  readonly placeOf: (connection: ConnectionPorts) => Place;
  readonly answer: (exchange: RawExchange) => void | Promise<void>;
  /** The pause before the next piece of a body is read, once some of it was. Default: none. */
  readonly readsEveryMs?: number | undefined;
}

const TLS_HANDSHAKE = 0x16;
const SOME_BYTES = 32 * 1024;
/** Enough to fill any memory soon, and time for the other conversations of this process. */
const POUR = { bytes: 1024 * 1024, everyMs: 10 } as const;

interface State extends RawServerOptions {
  readonly sockets: Set<net.Socket>;
  readonly requests: SeenRequest[];
  sent: number;
}

/** Listens on a free loopback port; `stop` it after the test. */
export async function startRawServer(options: RawServerOptions): Promise<RawServer> {
  const state: State = { ...options, sockets: new Set(), requests: [], sent: 0 };
  const server = net.createServer({ noDelay: true }, (socket) => welcome(state, socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    requests: state.requests,
    open: () => state.sockets.size,
    sent: () => state.sent + [...state.sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    stop: async () => {
      for (const socket of state.sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The first byte tells whether the client speaks TLS. */
function welcome(state: State, socket: net.Socket): void {
  state.sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    state.sockets.delete(socket);
    state.sent += socket.bytesWritten;
  });
  const ports = { client: socket.remotePort ?? 0, server: socket.localPort ?? 0 };
  socket.once('data', (first: Buffer) => {
    socket.pause();
    socket.unshift(first);
    if (first[0] !== TLS_HANDSHAKE) {
      converse(state, socket, { ports, scheme: 'http' });
      return;
    }
    if (state.insteadOfTls !== undefined) {
      socket.resume();
      if (state.insteadOfTls.bytes !== undefined) socket.end(state.insteadOfTls.bytes);
      return;
    }
    const secure = new tls.TLSSocket(socket, { isServer: true, secureContext: state.secureContext });
    secure.on('error', () => socket.destroy());
    converse(state, secure, { ports, scheme: 'https' });
  });
}

function converse(state: State, socket: net.Socket, from: { ports: ConnectionPorts; scheme: 'http' | 'https' }): void {
  let heard = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    heard = Buffer.concat([heard, piece]);
    if (heard.length > SOME_BYTES && state.readsEveryMs !== undefined) pauseFor(socket, state.readsEveryMs);
    for (let next = parseRequest(heard); next !== undefined; next = parseRequest(heard)) {
      heard = heard.subarray(next.end);
      const { host, port } = state.placeOf(from.ports);
      const usual = port === (from.scheme === 'https' ? 443 : 80);
      const name = host.includes(':') ? `[${host}]` : host;
      const request = { ...next.request, origin: `${from.scheme}://${name}${usual ? '' : `:${port}`}` };
      const round = state.requests.filter((one) => isSame(one, request)).length;
      state.requests.push(request);
      const answered = Promise.resolve(state.answer({ request, round, ...answersTo(socket, request) }));
      answered.catch((error: unknown) => {
        console.error('hostile registry:', error);
        socket.destroy();
      });
    }
  });
  socket.resume();
}

function pauseFor(socket: net.Socket, ms: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), ms).unref();
}

function isSame(one: SeenRequest, other: SeenRequest): boolean {
  return one.method === other.method && one.target === other.target && one.origin === other.origin;
}

function answersTo(socket: net.Socket, request: RawRequest): Omit<RawExchange, 'request' | 'round'> {
  const raw = (bytes: string | Buffer): void => {
    if (socket.writable) socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  };
  return {
    raw,
    reply: (status, headers = {}, body = '') => {
      const bytes = Buffer.from(body);
      const length = status === 204 ? {} : { 'content-length': String(bytes.length) };
      const head = Buffer.from(headOf(status, { ...length, ...headers }), 'latin1');
      raw(request.method === 'HEAD' ? head : Buffer.concat([head, bytes]));
    },
    drip: (bytes, everyMs) => void drip(socket, Buffer.from(bytes as Buffer), everyMs),
    pour: (head, piece) => {
      raw(head);
      let wasTaken = true;
      socket.on('drain', () => (wasTaken = true));
      const more = setInterval(() => {
        if (!socket.writable) clearInterval(more);
        for (let left = POUR.bytes; wasTaken && left > 0 && socket.writable; left -= piece.length) {
          wasTaken = socket.write(piece);
        }
      }, POUR.everyMs);
    },
    end: () => void socket.end(),
    cut: () => void socket.destroy(),
  };
}

/** A status line and headers. */
export function headOf(status: number, headers: HeaderFields): string {
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return `HTTP/1.1 ${status} Said\r\n${lines.join('')}\r\n`;
}

async function drip(socket: net.Socket, bytes: Buffer, everyMs: number): Promise<void> {
  for (const byte of bytes) {
    if (!socket.writable) return;
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
