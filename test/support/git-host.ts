/** A git host on loopback: bare repositories behind git's own http-backend, with the faults a test asks for. */
import { createHmac } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { openRepository, runGit, writeHook } from './git-host-repository.ts';
import type { GitHostRepository, HostedRepository } from './git-host-repository.ts';
import { runHttpBackend } from './git-http-backend.ts';

export { openRepository, runGit } from './git-host-repository.ts';
export type { FileChange, GitHostRepository } from './git-host-repository.ts';

export interface GitHostOptions {
  /** Folder for the bare repositories. */
  readonly root: string;
  readonly user?: string;
  readonly password?: string;
}

export interface HostRequest {
  readonly method: string;
  /** For example `/dev.git/git-receive-pack`. */
  readonly path: string;
  /** `git-upload-pack` (reading) or `git-receive-pack` (writing). */
  readonly service: string;
}

/** A status to answer with; `cut` or `hang` before anything is done; `lose-reply` after everything was done. */
export type Fault = number | 'cut' | 'hang' | 'lose-reply';

/** Decides on the fault of a request; it may do something to a repository first. */
export type FaultChoice = (request: HostRequest) => Fault | undefined | Promise<Fault | undefined>;

export interface PushWebhook {
  readonly url: string;
  /** For `X-Hub-Signature-256`. */
  readonly secret: string;
}

export interface RepositoryOptions {
  /** Text of a pre-receive hook, run by `/bin/sh`. */
  readonly preReceive?: string;
  /** Pushes are answered with 403. */
  readonly readOnly?: boolean;
  /** Posted after each push in GitHub's shape. */
  readonly webhook?: PushWebhook;
  /** Whether partial clones are served; true unless told. */
  readonly filter?: boolean;
  /** Speaks version 0 of git's protocol only. */
  readonly isOldProtocol?: boolean;
}

export interface GitHost {
  /** `http://127.0.0.1:PORT`; stays the same over `stop` and `start`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Every request since the start. */
  readonly requests: readonly HostRequest[];
  /** Asked before each authenticated request. */
  setFault(choose: FaultChoice): void;
  createRepository(name: string, options?: RepositoryOptions): Promise<GitHostRepository>;
  /** Writes a file for git-credential-store with the credentials of this host. */
  writeCredentials(file: string, password?: string): Promise<string>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

interface ServedRepository extends HostedRepository {
  readonly webhook: PushWebhook | undefined;
  readonly isOldProtocol: boolean;
}

interface HostState {
  readonly root: string;
  readonly authorization: string;
  readonly backend: string;
  readonly repositories: Map<string, ServedRepository>;
  readonly requests: HostRequest[];
  fault: FaultChoice;
}

/** Starts a host on a free port; `stop` it after the test. */
export async function startGitHost(options: GitHostOptions): Promise<GitHost> {
  const { root, user = 'worker', password = 'push:me/4711' } = options;
  const state: HostState = {
    root,
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    backend: path.join((await runGit(['--exec-path'])).trim(), 'git-http-backend'),
    repositories: new Map(),
    requests: [],
    fault: () => undefined,
  };
  let server = createServer();
  let port = 0;
  const start = async (): Promise<void> => {
    server = createServer((request, response) => void answer(state, request, response));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  };
  await mkdir(root, { recursive: true });
  await start();
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    user,
    password,
    requests: state.requests,
    setFault: (fault) => (state.fault = fault),
    createRepository: (name, wanted = {}) => createRepository(state, { name, url: `${url}/${name}.git`, wanted }),
    writeCredentials: async (file, other = password) => {
      await writeFile(file, `http://${user}:${encodeURIComponent(other)}@127.0.0.1:${port}\n`, { mode: 0o600 });
      return file;
    },
    stop: () => close(server),
    start,
  };
}

async function createRepository(
  state: HostState,
  { name, url, wanted }: { name: string; url: string; wanted: RepositoryOptions },
): Promise<GitHostRepository> {
  const hosted = {
    readOnly: wanted.readOnly ?? false,
    webhook: wanted.webhook,
    isOldProtocol: wanted.isOldProtocol ?? false,
  };
  state.repositories.set(name, hosted);
  const repository = openRepository(path.join(state.root, `${name}.git`), url, hosted);
  await runGit(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', repository.directory]);
  await repository.git('config', 'http.receivepack', 'true');
  await repository.git('config', 'uploadpack.allowFilter', String(wanted.filter ?? true));
  await mkdir(path.join(repository.directory, 'hooks'), { recursive: true });
  await writeHook(repository.directory, 'post-receive', 'cat >> "$GIT_DIR/pushes.log"');
  await repository.setPreReceive(wanted.preReceive);
  return repository;
}

async function answer(state: HostState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://host');
  const name = /^\/([^/]+)\.git\//.exec(url.pathname)?.[1] ?? '';
  const repository = state.repositories.get(name);
  const service = url.searchParams.get('service') ?? url.pathname.split('/').at(-1) ?? '';
  const seen = { method: request.method ?? '', path: url.pathname, service };
  const isAllowed = request.headers.authorization === state.authorization;
  if (isAllowed) state.requests.push(seen);
  const fault = isAllowed ? await state.fault(seen) : undefined;
  const isPush = service === 'git-receive-pack';
  if (!isAllowed) refuse(response, 401, { 'www-authenticate': 'Basic realm="git"' });
  else if (repository === undefined) refuse(response, 404);
  else if (fault === 'cut') request.socket.destroy();
  else if (typeof fault === 'number') refuse(response, fault, { location: 'http://127.0.0.1:9/' });
  else if (fault === 'hang') return;
  else if (repository.readOnly && isPush) refuse(response, 403);
  else {
    const announcing = isPush && request.method === 'POST' ? repository.webhook : undefined;
    const before = announcing === undefined ? undefined : await listRefs(state, name);
    if (repository.isOldProtocol) delete request.headers['git-protocol'];
    const { status, headers, body } = await runHttpBackend(request, { program: state.backend, root: state.root, url });
    if (announcing !== undefined && before !== undefined) {
      await announce(announcing, { name, before, after: await listRefs(state, name) });
    }
    if (fault === 'lose-reply') request.socket.destroy();
    else response.writeHead(status, headers).end(body);
  }
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { ...headers, connection: 'close' }).end();
}

async function listRefs(state: HostState, name: string): Promise<Map<string, string>> {
  const environment = { GIT_DIR: path.join(state.root, `${name}.git`) };
  const output = await runGit(['for-each-ref', '--format=%(refname) %(objectname)'], { environment });
  return new Map(
    output
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ') as [string, string]),
  );
}

/** Tells the webhook about each reference that moved, as GitHub would; what it answers does not matter to a host. */
async function announce(
  webhook: PushWebhook,
  { name, before, after }: { name: string; before: Map<string, string>; after: Map<string, string> },
): Promise<void> {
  const none = '0'.repeat(40);
  for (const ref of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(ref) ?? none, after.get(ref) ?? none];
    if (old === now) continue;
    const payload = JSON.stringify({ ref, before: old, after: now, repository: { name, full_name: `acme/${name}` } });
    const signature = createHmac('sha256', webhook.secret).update(payload).digest('hex');
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${signature}`,
    };
    await fetch(webhook.url, { method: 'POST', headers, body: payload }).catch(() => undefined);
  }
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
