/** Pushes that must make the signature server rebuild, and such that must not: the same table offline and in the cluster. */
import { GIT_HOSTS, ZEROS, deliveryOf, pushEventOf, withCommits, withFiles } from './push-deliveries.ts';
import type { Delivery, GitHost, PushEvent } from './push-deliveries.ts';

/** The Secret `signature-webhook`, as the tests have it. */
export const WEBHOOK_SECRETS: Readonly<Record<GitHost, string>> = {
  github: 'of the first host',
  gitlab: 'of the second host',
  gitea: 'of the third host',
};

/** One push and what it must do. */
export interface PushCase {
  readonly host: GitHost;
  readonly name: string;
  readonly delivery: Delivery;
  readonly fires: boolean;
  /** The commit of the run. */
  readonly commit: string;
}

type Change = (event: PushEvent) => unknown;

const OTHER_FILE = 'README.md';

/** What is read in all three hosts' payloads in the same way. */
const FIRING: Readonly<Record<string, Change>> = {
  'a new signature': (event) => event,
  'a signature that is removed': (event) =>
    withCommits(event, [{ ...event.commits[0]!, added: [], removed: ['images/a/b@sha256=00/signature-1'] }]),
  'a signature in the second of two commits': (event) =>
    withCommits(event, [...withFiles(event, [OTHER_FILE]).commits, ...event.commits]),
  'the folder of the signatures itself': (event) => withFiles(event, ['images']),
  'an empty list of commits': (event) => withCommits(event, []),
  'no list of commits': (event) => without(event, ['commits']),
  'something else than a list of commits': (event) => ({ ...event, commits: 'cut' }),
  'something else than a commit in the list': (event) => ({ ...event, commits: [null] }),
  'no commit before': (event) => without(withFiles(event, [OTHER_FILE]), ['before']),
  'null for the commit before': (event) => ({ ...withFiles(event, [OTHER_FILE]), before: null }),
  'null for the list of commits': (event) => ({ ...event, commits: null }),
  'a commit that lists no file, as merges do': (event) =>
    withCommits(event, [
      ...withFiles(event, [OTHER_FILE]).commits,
      { ...event.commits[0]!, added: [], modified: [], removed: [] },
    ]),
  'a commit without lists of files': (event) =>
    withCommits(event, [without(event.commits[0]!, ['added', 'modified', 'removed'])]),
  'null for the lists of files': (event) =>
    withCommits(event, [{ ...event.commits[0]!, added: null, modified: null, removed: null }]),
  'a merge that lists other files': (event) =>
    withCommits(event, [{ ...withFiles(event, [OTHER_FILE]).commits[0]!, message: "Merge branch 'docs'" }]),
  'more files in a commit than hosts list': (event) =>
    withFiles(
      event,
      Array.from({ length: 1200 }, (_none, index) => `docs/${index}.md`),
    ),
  'a branch that was not there before': (event) => ({ ...withFiles(event, [OTHER_FILE]), before: ZEROS }),
};

function without<T extends object>(whole: T, names: readonly string[]): T {
  return Object.fromEntries(Object.entries(whole).filter(([name]) => !names.includes(name))) as T;
}

const SILENT: Readonly<Record<string, Change>> = {
  'another file': (event) => withFiles(event, [OTHER_FILE]),
  'a folder whose name begins alike': (event) => withFiles(event, ['images-old/a/signature-1', 'docs/images/a.png']),
  'another branch': (event) => ({ ...event, ref: 'refs/heads/countersign/proposal' }),
  'a branch whose name ends alike': (event) => ({ ...event, ref: 'refs/heads/feature/main' }),
  'a tag of the same name': (event) => ({ ...event, ref: 'refs/tags/main' }),
  'the deletion of the branch': (event) => ({ ...withCommits(event, []), after: ZEROS }),
  'a commit that is none': (event) => ({ ...event, after: 'main; rm -rf /' }),
};

const CUT: Readonly<Record<GitHost, Change>> = {
  github: (event) =>
    withCommits(
      event,
      Array.from({ length: 2048 }, () => withFiles(event, [OTHER_FILE]).commits[0]!),
    ),
  gitlab: (event) =>
    withCommits(
      event,
      Array.from({ length: 20 }, () => withFiles(event, [OTHER_FILE]).commits[0]!),
      21,
    ),
  gitea: (event) =>
    withCommits(
      event,
      Array.from({ length: 5 }, () => withFiles(event, [OTHER_FILE]).commits[0]!),
      6,
    ),
};

/** Every push, with its host's proof. */
export function pushCases(): readonly PushCase[] {
  return GIT_HOSTS.flatMap((host) => [
    ...casesOf(host, FIRING, true),
    ...casesOf(host, { 'a list of commits that was cut': CUT[host] }, true),
    ...casesOf(host, SILENT, false),
    ...casesOf(host, { 'another repository': otherRepository(host) }, false),
    ...(host === 'github' ? casesOf(host, GITHUB_FIRING, true) : []),
    ...unproved(host),
  ]);
}

const GITHUB_FIRING: Readonly<Record<string, Change>> = {
  'a forced push': (event) => ({ ...withFiles(event, [OTHER_FILE]), forced: true }),
  'commits that another branch had before': (event) =>
    withCommits(event, [{ ...withFiles(event, [OTHER_FILE]).commits[0]!, distinct: false }]),
};

function casesOf(host: GitHost, changes: Readonly<Record<string, Change>>, fires: boolean): readonly PushCase[] {
  return Object.entries(changes).map(([name, change], index) => {
    const event = change(withCommitOfItsOwn(host, `${fires}${index}${name.length}`)) as PushEvent;
    const delivery = deliveryOf(host, event, WEBHOOK_SECRETS[host]);
    return { host, name, delivery, fires, commit: event.after };
  });
}

/** In the cluster a run of another case must not be taken for this one's. */
function withCommitOfItsOwn(host: GitHost, mark: string): PushEvent {
  const event = pushEventOf(host);
  return { ...event, after: (Buffer.from(`${host}${mark}`).toString('hex') + event.after).slice(0, 40) };
}

function otherRepository(host: GitHost): Change {
  const member = host === 'gitlab' ? 'project' : 'repository';
  const name = host === 'gitlab' ? 'path_with_namespace' : 'full_name';
  return (event) => ({ ...event, [member]: { ...(event[member] as object), [name]: 'acme/app' } });
}

/** Deliveries without the right proof. */
function unproved(host: GitHost): readonly PushCase[] {
  const event = withCommitOfItsOwn(host, 'unproved');
  const proved = deliveryOf(host, event, WEBHOOK_SECRETS[host]);
  const cases: Readonly<Record<string, Delivery>> = {
    'no proof': deliveryOf(host, event),
    'a wrong secret': deliveryOf(host, event, 'guessed'),
    'an empty secret': deliveryOf(host, event, ''),
    "another host's secret": deliveryOf(host, event, WEBHOOK_SECRETS[host === 'gitea' ? 'github' : 'gitea']),
    'the event of a tag': { ...proved, headers: { ...proved.headers, ...OTHER_EVENTS[host] } },
    // A token says nothing of the body that comes with it.
    ...(host !== 'gitlab' && { 'a body that was changed': { ...proved, body: `${proved.body} ` } }),
  };
  return Object.entries(cases).map(([name, delivery]) => ({ host, name, delivery, fires: false, commit: event.after }));
}

const OTHER_EVENTS: Readonly<Record<GitHost, Readonly<Record<string, string>>>> = {
  github: { 'X-GitHub-Event': 'create' },
  gitlab: { 'X-Gitlab-Event': 'Tag Push Hook' },
  gitea: { 'X-Gitea-Event': 'create', 'X-GitHub-Event': 'create' },
};
