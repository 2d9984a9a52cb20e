import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import { GIT_ENVIRONMENT } from './git-host-repository.ts';

export interface BackendAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** Runs git-http-backend as a web server would, by the rules of CGI. */
export async function runHttpBackend(
  request: IncomingMessage,
  { program, root, url }: { program: string; root: string; url: URL },
): Promise<BackendAnswer> {
  const header = (name: string): string => String(request.headers[name] ?? '');
  const length = header('content-length');
  const child = spawn(program, {
    env: {
      ...GIT_ENVIRONMENT,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? '',
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_USER: 'worker',
      REMOTE_ADDR: '127.0.0.1',
      ...(length !== '' && { CONTENT_LENGTH: length }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => child.once('close', resolve));
  const output = Buffer.concat(chunks);
  const end = output.indexOf('\r\n\r\n');
  const headers: Record<string, string> = {};
  for (const line of output.toString('latin1', 0, Math.max(end, 0)).split('\r\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 2);
  }
  const { status = end < 0 ? '500' : '200', ...others } = headers;
  return { status: Number.parseInt(status, 10), headers: others, body: output.subarray(end < 0 ? 0 : end + 4) };
}
