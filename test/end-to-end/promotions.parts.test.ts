/** The whole chain as people use it, and as clusters see it. */
import { describe, expect, it } from 'vitest';
import type { ListRow } from '../../cli/output/list-text.ts';
import { moveTag, pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import { APPROVERS } from '../support/site.ts';
import * as promote from './promote.ts';

const { ANN, PIPELINE, SMALL, approve, pull, start, status } = promote;
const site = promote.useSite({ keyType: 'rsa3072' });

describe('a promotion from dev to prod', () => {
  it('makes an index of two platforms usable in each environment, and nowhere before its approval', async () => {
    const here = site.current;
    const image = await here.push('shop/web', '1.4.2', { layerBytes: 20_000 });
    const { id, started, digest } = await start(here, 'shop/web:1.4.2', 'prod');
    expect({ started, digest }).toEqual({ started: 'started', digest: image.digest });
    await promote.untilAsked(here, id, 'qa');
    expect(await approve(here, id, ANN, 'qa')).toMatchObject({ code: 0 });
    await promote.untilAsked(here, id, 'prod');

    // The image is there already, but nothing that a cluster accepts.
    expect(await promote.tagIn(here, 'prod', 'shop/web:1.4.2')).toBeUndefined();
    expect(await promote.signaturesOf(here, 'prod', 'shop/web', image.digest)).toEqual([]);
    const early = await pull(here, 'prod', `shop/web@${image.digest}`);
    expect(early.accepted).toBe(false);
    expect(early.log).toMatch(/A signature was required, but no signature exists/);

    expect(await approve(here, id)).toMatchObject({ code: 0 });
    await promote.untilReleased(here, id);
    for (const environment of ['dev', 'qa', 'prod']) {
      expect(await promote.tagIn(here, environment, 'shop/web:1.4.2')).toBe(image.digest);
      for (const { digest: signed } of image.everyManifest) {
        expect(await promote.signaturesOf(here, environment, 'shop/web', signed)).toEqual(['signature-1']);
      }
      for (const architecture of ['amd64', 'arm64']) {
        for (const reference of ['shop/web:1.4.2', `shop/web@${image.digest}`]) {
          expect(await pull(here, environment, reference, architecture)).toMatchObject({ accepted: true });
        }
      }
      for (const { digest: platform } of image.manifests) {
        expect(await pull(here, environment, `shop/web@${platform}`)).toMatchObject({ accepted: true });
      }
    }
    const { prefix } = here.environment('prod');
    expect(await promote.publicationsOf(here, 'prod', 'shop/web')).toEqual([
      expect.objectContaining({
        image: `${prefix}/shop/web:1.4.2`,
        digest: image.digest,
        promotion: id,
        requestedBy: PIPELINE,
        approvedBy: [expect.stringMatching(new RegExp(`^${APPROVERS[0]}; at=20.*; identity=claimed$`))],
      }),
    ]);
  });

  it('leaves clusters refusing what was never promoted, and the right image under another tag', async () => {
    const here = site.current;
    const { registry } = here.environment('prod');
    const unsigned = await buildSampleImage({ ...SMALL, seed: 'unsigned' });
    await pushSampleImage(registry, 'acme/shop/web', 'unsigned', unsigned);
    expect(await pull(here, 'prod', 'shop/web:unsigned')).toMatchObject({ accepted: false });
    const released = (await promote.tagIn(here, 'prod', 'shop/web:1.4.2'))!;
    await moveTag(registry, 'acme/shop/web', '9.9.9', released);
    const other = await pull(here, 'prod', 'shop/web:9.9.9');
    expect(other.accepted).toBe(false);
    expect(other.log).toMatch(/not accepted|does not match|identity/i);
    expect(await pull(here, 'prod', 'shop/web:1.4.2')).toMatchObject({ accepted: true });
  });
});

describe('the JSON of the command', () => {
  it('shows a promotion that waits, by every prefix that names only it, and in the lists of those who are asked', async () => {
    const here = site.current;
    const image = await here.push('shop/json', '1', SMALL);
    const source = `${here.environment('dev').prefix}/shop/json:1`;
    const started = await start(here, source, 'qa');
    const id = `promotion/shop/json:1@${image.digest}`;
    // Where it will be pulled from.
    const reference = `${here.environment('qa').prefix}/shop/json:1`;
    expect(started).toEqual({
      ...{ started: 'started', id, run: expect.any(String), to: 'qa', digest: image.digest, reference },
      ...{ condition: 'running', environment: null, outcome: null, reason: null },
    });
    const view = await promote.untilAsked(here, id, 'qa');
    expect(view).toMatchObject({
      ...{ id, run: started.run, condition: 'deciding', to: 'qa', environment: 'qa', step: 'decide', answered: true },
      ...{ image: { name: 'shop/json', tag: '1', digest: image.digest }, route: ['dev', 'qa', 'prod'] },
      ...{ requesters: [PIPELINE], stall: null, result: null, failure: null, refused: 0, ended: null, problems: [] },
    });
    expect(view.environments.map(({ environment, phase }) => `${environment} ${phase}`)).toEqual([
      'dev passed',
      'qa deciding',
    ]);
    const names = [
      'shop/json',
      'shop/json:1',
      image.digest.slice('sha256:'.length, 20),
      `shop/json:1@${image.digest.slice(0, 15)}`,
    ];
    for (const name of names) expect((await status(here, name)).id).toBe(id);
    expect(await here.run('status', 'shop/j0son', '--output', 'json')).toMatchObject({ code: 10, stdout: '' });

    for (const awaiting of ['qa', 'approvers']) {
      const listed = await here.run('list', '--awaiting', awaiting, '--output', 'json');
      const rows = JSON.parse(listed.stdout) as ListRow[];
      expect(rows.find((row) => row.id === id)).toEqual({
        ...{ id, run: started.run, state: 'deciding', environment: 'qa', to: 'qa', awaiting: ['qa', 'approvers'] },
        ...{ deadline: expect.stringMatching(/Z$/), stalled: null, since: expect.stringMatching(/Z$/) },
        started: view.started,
      });
    }
    const elsewhere = await here.run('list', '--awaiting', 'prod', '--output', 'json');
    expect(JSON.parse(elsewhere.stdout)).toEqual([]);
    const decided = await here.run('approve', id, '--environment', 'qa', '--by', ANN, '--yes', '--output', 'json');
    expect(JSON.parse(decided.stdout)).toMatchObject({ id, verdict: 'approve', environment: 'qa', outcome: 'judged' });
    const { result } = await promote.untilReleased(here, id);
    expect(result).toMatchObject({ outcome: 'released', environment: 'qa', leftBehind: [] });
  });
});
