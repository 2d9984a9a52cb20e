import { describeRepository } from './push-payload.ts';
import type { Push } from './push-payload.ts';

/**
 * The body of GitLab's "Push Hook", in the fields that receivers read (docs.gitlab.com, "Webhook events"). Equal pushes
 * give equal bytes.
 */
export function formatGitlabPayload(push: Push): Buffer {
  const { branch, before, after, commits = [], pusher = 'countersign' } = push;
  const { name, full_name: path, html_url: page, clone_url: url } = describeRepository(push);
  const payload = {
    object_kind: 'push',
    event_name: 'push',
    before,
    after,
    ref: `refs/heads/${branch}`,
    ref_protected: true,
    checkout_sha: after,
    user_name: pusher,
    user_username: pusher,
    project: {
      name,
      path_with_namespace: path,
      web_url: page,
      git_http_url: url,
      git_ssh_url: url,
      http_url: url,
      ssh_url: url,
      url,
      homepage: page,
      default_branch: branch,
    },
    repository: { name, url, homepage: page, git_http_url: url, git_ssh_url: url },
    commits: commits.map(({ id, message, added }) => ({ id, message, added: [...added], modified: [], removed: [] })),
    total_commits_count: commits.length,
  };
  return Buffer.from(JSON.stringify(payload));
}
