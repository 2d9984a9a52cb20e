import { describe, expect, it } from 'vitest';
import type { PublishedBranch } from '../../../activities/signature-server/published-branch.ts';
import { createServerApp } from '../../../activities/signature-server/server-app.ts';
import { createServerMetrics } from '../../../activities/signature-server/server-metrics.ts';
import type { Snapshot } from '../../../activities/signature-server/snapshot.ts';

describe('createServerApp', () => {
  const snapshot = (commit: string, read: Snapshot['read']): Snapshot => ({
    commit,
    files: new Map([['file', { id: `blob-of-${commit}`, size: commit.length }]]),
    read,
  });
  const create = (current: () => Snapshot | undefined) => {
    const branch = { snapshot: current } as PublishedBranch;
    const settings = { log: () => undefined, webhookPath: undefined, webhookSecret: undefined } as never;
    const app = createServerApp({ branch, metrics: createServerMetrics('main'), settings });
    return (url: string) => Promise.resolve(app.request(url, {}, { incoming: { url } as never }));
  };

  it('answers from the snapshot a request began with when the branch changes in the midst of it', async () => {
    const newer = snapshot('newer', () => Promise.resolve(Buffer.from('newer')));
    let current = snapshot('older', () => {
      current = newer;
      return Promise.resolve(Buffer.from('older'));
    });
    const get = create(() => current);
    const first = await get('/file');
    expect([first.headers.get('x-countersign-commit'), first.headers.get('etag'), await first.text()]).toEqual([
      'older',
      '"blob-of-older"',
      'older',
    ]);
    const second = await get('/file');
    expect([second.headers.get('x-countersign-commit'), await second.text()]).toEqual(['newer', 'newer']);
  });

  it('takes no word of an inner failure outside', async () => {
    const get = create(() => snapshot('a', () => Promise.reject(new Error('git said: /srv/secret'))));
    const answer = await get('/file');
    expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n']);
  });
});
