/** An HTTP proxy on loopback: tunnels by CONNECT, and plain http by whole address. */
import { createServer, request as sendRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface ProxyServerOptions {
  /** Where a name leads, as `HOST:PORT` asked for to a port on loopback; what is not named is answered with 502. */
  readonly routes: Readonly<Record<string, number>>;
  /** `USER:PASSWORD` that is asked for. */
  readonly credential?: string;
  /** Takes connections and never answers. */
  readonly isSilent?: true;
}

export interface ProxyServer {
  readonly host: string;
  /** `CONNECT host:port`, or `GET http://…`, in the order of arrival. */
  readonly requests: readonly string[];
  /** Everything that was said in clear, headers too. */
  readonly heard: () => string;
  readonly stop: () => Promise<void>;
}

/** Starts a proxy on a free port; `stop` it after the test. */
export async function startProxyServer({ routes, credential, isSilent }: ProxyServerOptions): Promise<ProxyServer> {
  const requests: string[] = [];
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const expected = credential === undefined ? undefined : `Basic ${Buffer.from(credential).toString('base64')}`;
  const note = (request: IncomingMessage): number => {
    requests.push(`${request.method} ${request.url}`);
    heard.push(request.rawHeaders.join('\n'));
    return expected === undefined || request.headers['proxy-authorization'] === expected ? 200 : 407;
  };
  const server = createServer((request, response) => {
    const status = note(request);
    if (isSilent !== true) forward(request, response, { status, routes });
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const status = note(request);
    if (isSilent === true) return;
    const onward = tunnel(socket, { status, port: routes[request.url ?? ''] });
    if (onward !== undefined) sockets.add(onward);
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    heard: () => heard.join('\n'),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function tunnel(
  socket: Socket,
  { status, port }: { readonly status: number; readonly port: number | undefined },
): Socket | undefined {
  if (status !== 200 || port === undefined) {
    socket.end(`HTTP/1.1 ${status === 200 ? 502 : status} No\r\ncontent-length: 0\r\n\r\n`);
    return undefined;
  }
  const onward = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    onward.pipe(socket).pipe(onward);
  });
  for (const one of [onward, socket]) one.on('error', () => [onward, socket].forEach((other) => other.destroy()));
  return onward;
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { status, routes }: { readonly status: number; readonly routes: ProxyServerOptions['routes'] },
): void {
  const { url = '', method, headers } = request;
  const target = URL.canParse(url) ? new URL(url) : undefined;
  const port = target === undefined ? undefined : routes[target.host];
  if (status !== 200 || target === undefined || port === undefined) {
    response.writeHead(status === 200 ? 502 : status).end();
    return;
  }
  const onward = sendRequest(
    { host: '127.0.0.1', port, method, path: `${target.pathname}${target.search}`, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}
