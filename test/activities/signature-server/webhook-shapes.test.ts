import { describe, expect, it } from 'vitest';
import { WEBHOOK_SHAPES, triggerWebhook } from '../../../activities/signature-server/index.ts';
import { shapeWebhook } from '../../../activities/signature-server/webhook-shapes.ts';
import { authenticateWebhook, readWebhook } from '../../../activities/signature-server/webhook-request.ts';

const push = {
  repositoryUrl: 'https://bot:hunter2@git.example.com/acme/signatures-dev.git',
  branch: 'main',
  before: '1'.repeat(40),
  after: '2'.repeat(40),
  commits: [{ id: '2'.repeat(40), message: 'Sign acme/web', added: ['images/acme/web@sha256=aa/signature-1'] }],
  delivery: 'one-delivery',
  secret: 'a secret that both sides know',
};

function received(shape: (typeof WEBHOOK_SHAPES)[number], changes: Partial<typeof push> = {}) {
  const { headers, body } = shapeWebhook(shape, { ...push, ...changes });
  return { body, header: (name: string) => headers[name.toLowerCase()] };
}

describe.each(WEBHOOK_SHAPES)('a push in the shape of %s', (shape) => {
  it('is proven to, and read by, whoever knows that host', () => {
    const { header, body } = received(shape);
    expect(authenticateWebhook(header, body, push.secret)).toBe(shape);
    expect(authenticateWebhook(header, body, 'another')).toBeUndefined();
    expect(readWebhook({ host: shape, header, body }, 'main')).toEqual({ kind: 'push' });
    expect(readWebhook({ host: shape, header, body }, 'other')).toMatchObject({ kind: 'ignored' });
  });

  it('is the same bytes for the same push, and tells of no credential of the repository', () => {
    expect(received(shape).body).toEqual(received(shape).body);
    expect(received(shape).body.toString()).not.toMatch(/hunter2|bot/);
  });

  it('refuses an empty secret', async () => {
    const input = { ...push, shape, secret: '', url: 'http://127.0.0.1:1/' };
    await expect(triggerWebhook(input)).rejects.toMatchObject({ code: 'configuration-invalid' });
  });
});

describe('the shape of gitlab', () => {
  it('has its headers and the fields of a push hook', () => {
    const { headers, body } = shapeWebhook('gitlab', push);
    expect(headers).toMatchObject({ 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': push.secret });
    expect(JSON.parse(body.toString())).toMatchObject({
      object_kind: 'push',
      ref: 'refs/heads/main',
      before: push.before,
      after: push.after,
      checkout_sha: push.after,
      project: {
        path_with_namespace: 'acme/signatures-dev',
        git_http_url: 'https://git.example.com/acme/signatures-dev.git',
        default_branch: 'main',
      },
      commits: [{ id: push.after, added: ['images/acme/web@sha256=aa/signature-1'] }],
      total_commits_count: 1,
    });
  });

  it('refuses a token that no header can carry', async () => {
    const input = { ...push, shape: 'gitlab', secret: 'two\nlines', url: 'http://127.0.0.1:1/' } as const;
    await expect(triggerWebhook(input)).rejects.toMatchObject({
      code: 'configuration-invalid',
      message: expect.not.stringContaining('two') as string,
    });
  });
});

describe('the shape of gitea', () => {
  it('is signed without prefix, and carries the headers of GitHub as well', () => {
    const { headers } = shapeWebhook('gitea', push);
    expect(headers['x-gitea-signature']).toMatch(/^[0-9a-f]{64}$/);
    expect(headers).toMatchObject({
      'x-gitea-event': 'push',
      'x-gitea-delivery': 'one-delivery',
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${headers['x-gitea-signature']}`,
    });
  });
});
