/** Push events as each git host delivers them, after the hosts' documentation. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const GIT_HOSTS = ['github', 'gitlab', 'gitea'] as const;

export type GitHost = (typeof GIT_HOSTS)[number];

/** One request to the EventListener. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A commit as all three hosts describe it. */
export interface PushedCommit {
  readonly id: string;
  readonly message: string;
  readonly added?: unknown;
  readonly modified?: unknown;
  readonly removed?: unknown;
  readonly [member: string]: unknown;
}

/** The members that all three hosts have. */
export interface PushEvent {
  readonly ref: string;
  readonly before: string;
  readonly after: string;
  readonly commits: readonly PushedCommit[];
  readonly [member: string]: unknown;
}

/** No commit: the branch was not there before, or is not there any more. */
export const ZEROS = '0'.repeat(40);

/** One commit with one signature, pushed to the served branch. */
export function pushEventOf(host: GitHost): PushEvent {
  const file = path.join(import.meta.dirname, `../../tekton/payloads/${host}-push.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as PushEvent;
}

/** The same push, of other commits; the host's own count of them goes with it where it has one. */
export function withCommits(event: PushEvent, commits: readonly PushedCommit[], total = commits.length): PushEvent {
  const counts = ['total_commits', 'total_commits_count'].filter((name) => name in event);
  return { ...event, commits, ...Object.fromEntries(counts.map((name) => [name, total])) };
}

/** A push of one commit that changes these files. */
export function withFiles(event: PushEvent, files: readonly string[]): PushEvent {
  const [commit] = event.commits;
  return withCommits(event, [{ ...commit!, added: [], modified: files, removed: [] }]);
}

/** The request, proved by the secret; without one, as a host sends it where none was set. */
export function deliveryOf(host: GitHost, event: unknown, secret?: string): Delivery {
  const body = JSON.stringify(event);
  const headers = { 'Content-Type': 'application/json', ...EVENTS[host], ...proofOf(host, body, secret) };
  return { headers, body };
}

const EVENTS: Readonly<Record<GitHost, Readonly<Record<string, string>>>> = {
  github: { 'X-GitHub-Event': 'push' },
  gitlab: { 'X-Gitlab-Event': 'Push Hook' },
  gitea: { 'X-Gitea-Event': 'push', 'X-Gogs-Event': 'push', 'X-GitHub-Event': 'push' },
};

function proofOf(host: GitHost, body: string, secret: string | undefined): Readonly<Record<string, string>> {
  if (host === 'gitlab') return secret === undefined ? {} : { 'X-Gitlab-Token': secret };
  const mac = secret === undefined ? '' : createHmac('sha256', secret).update(body).digest('hex');
  if (host === 'github') return secret === undefined ? {} : { 'X-Hub-Signature-256': `sha256=${mac}` };
  return { 'X-Gitea-Signature': mac, 'X-Gogs-Signature': mac, 'X-Hub-Signature-256': `sha256=${mac}` };
}
