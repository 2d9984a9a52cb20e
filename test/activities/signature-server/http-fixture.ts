import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface Loopback {
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly requests: readonly { readonly request: IncomingMessage; readonly body: Buffer }[];
  readonly close: () => Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => unknown;

/** A scripted server on a free loopback port. */
export async function startLoopback(handler: Handler): Promise<Loopback> {
  const requests: { request: IncomingMessage; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      requests.push({ request, body });
      handler(request, response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://127.0.0.1:${port}`, address: `127.0.0.1:${port}`, requests, close };
}

/** A loopback port on which nothing listens any more. */
export async function closedPort(): Promise<number> {
  const loopback = await startLoopback(() => undefined);
  await loopback.close();
  return Number(new URL(loopback.url).port);
}

/** Sends bytes as they are and returns status and text of the answer: no client in between that tidies paths up. */
export async function sendRaw(port: number, text: string): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.from(text, 'latin1'));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  const answer = Buffer.concat(chunks).toString('latin1');
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, body: rest.join('\r\n\r\n') };
}

/** `GET` of a raw target. */
export function getRaw(port: number, target: string, method = 'GET'): ReturnType<typeof sendRaw> {
  return sendRaw(port, `${method} ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
}
