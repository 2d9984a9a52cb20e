/** One commit as a push event reports it. */
export interface PushedCommit {
  readonly id: string;
  readonly message: string;
  /** Paths in the repository that the commit added. */
  readonly added: readonly string[];
}

/** A push to the published branch, as whoever rebuilds the signature server is told of it. */
export interface Push {
  /** Where the repository is cloned from; user name, password and query are left out of the payload. */
  readonly repositoryUrl: string;
  /** Branch without `refs/heads/`. */
  readonly branch: string;
  /** Commit id the branch had, 40 or 64 hex digits. */
  readonly before: string;
  /** Commit id the branch has now. */
  readonly after: string;
  readonly commits?: readonly PushedCommit[];
  /** Who pushed, for people; `countersign` by default. */
  readonly pusher?: string;
}

/**
 * The body of GitHub's `push` event, in the fields that Tekton Triggers, OpenShift builds and Jenkins read
 * (docs.github.com, "Webhook events and payloads"). Equal pushes give equal bytes, so a repeated attempt is the same
 * delivery.
 */
export function formatPushPayload(push: Push): Buffer {
  const commits = (push.commits ?? []).map(({ id, message, added }) => ({
    id,
    distinct: true,
    message,
    added: [...added],
    removed: [],
    modified: [],
  }));
  const pusher = { name: push.pusher ?? 'countersign' };
  const payload = {
    ref: `refs/heads/${push.branch}`,
    before: push.before,
    after: push.after,
    created: /^0+$/.test(push.before),
    deleted: false,
    forced: false,
    base_ref: null,
    commits,
    head_commit: commits.find(({ id }) => id === push.after) ?? null,
    repository: describeRepository(push),
    pusher,
    sender: { login: pusher.name },
  };
  return Buffer.from(JSON.stringify(payload));
}

/** A repository in GitHub's words, made from its address alone. */
export function describeRepository({ repositoryUrl, branch }: Push): Record<RepositoryField, string> {
  const url = withoutCredentials(repositoryUrl);
  const page = url.replace(/\.git$/, '');
  const path = page.replace(/^[a-z+]+:\/\/[^/]*\//i, '');
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    full_name: path,
    html_url: page,
    url: page,
    clone_url: url,
    git_url: url,
    ssh_url: url,
    default_branch: branch,
    master_branch: branch,
  };
}

type RepositoryField =
  'name' | 'full_name' | 'html_url' | 'url' | 'clone_url' | 'git_url' | 'ssh_url' | 'default_branch' | 'master_branch';

function withoutCredentials(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  url.password = '';
  // ssh needs its user to be reached, and it is no credential there.
  if (url.protocol !== 'ssh:') url.username = '';
  url.search = '';
  url.hash = '';
  return url.href;
}
