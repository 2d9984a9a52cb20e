/** Several digests under one tag, several tags of one digest, and strangers who move tags. */
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../workflows/domain/digest.ts';
import { moveTag, pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import type { SampleImage } from '../support/sample-image.ts';
import * as promote from './promote.ts';

const { SMALL, approve, approveAndRelease, follow, pull, publicationsOf, signaturesOf, start, tagIn } = promote;
const site = promote.useSite({ route: ['dev', 'prod'] });

interface Waiting {
  readonly id: string;
  readonly digest: Digest;
}

/** Pushes an image under a tag that may point to another one by now, and promotes it up to its gate. */
async function propose(image: string, seed: string): Promise<Waiting> {
  const [name = '', tag = ''] = image.split(':');
  const { digest } = await site.current.push(name, tag, { ...SMALL, seed: `${image} ${seed}` });
  const started = await start(site.current, image, 'prod');
  expect(started.digest).toBe(digest);
  await promote.untilAsked(site.current, started.id);
  return { id: started.id, digest };
}

/** Pushes an image into prod past everything, as a person with the registry's password can. */
async function pushPast(name: string, tag: string, seed: string): Promise<SampleImage> {
  const image = await buildSampleImage({ ...SMALL, seed });
  await pushSampleImage(site.current.environment('prod').registry, `acme/${name}`, tag, image);
  return image;
}

async function digestsPublished(name: string): Promise<readonly string[]> {
  return (await publicationsOf(site.current, 'prod', name)).map(({ digest }) => digest);
}

describe('a tag that moves in dev', () => {
  it('does not change what is promoted, and nothing of the new image becomes usable', async () => {
    const here = site.current;
    const { id, digest } = await propose('moving:1', 'first');
    const { digest: later } = await here.push('moving', '1', { ...SMALL, seed: 'moved' });
    await approveAndRelease(here, id);
    expect(await tagIn(here, 'prod', 'moving:1')).toBe(digest);
    expect(await pull(here, 'prod', 'moving:1')).toMatchObject({ accepted: true });
    expect(await tagIn(here, 'dev', 'moving:1')).toBe(later);
    for (const environment of ['dev', 'prod']) {
      expect(await signaturesOf(here, environment, 'moving', later)).toEqual([]);
      expect(await signaturesOf(here, environment, 'moving', digest)).toEqual(['signature-1']);
    }
    expect(await pull(here, 'dev', 'moving:1')).toMatchObject({ accepted: false });
  });
});

describe('two promotions of different digests to one tag', () => {
  it('end with the later one in place when they are approved in their order', async () => {
    const here = site.current;
    const first = await propose('ordered:1', 'first');
    const second = await propose('ordered:1', 'second');
    await approveAndRelease(here, first.id);
    expect(await tagIn(here, 'prod', 'ordered:1')).toBe(first.digest);
    await approveAndRelease(here, second.id);
    expect(await tagIn(here, 'prod', 'ordered:1')).toBe(second.digest);
    expect(await digestsPublished('ordered')).toEqual([first.digest, second.digest]);
    for (const { digest } of [first, second]) {
      expect(await signaturesOf(here, 'prod', 'ordered', digest)).toEqual(['signature-1']);
      expect(await pull(here, 'prod', `ordered@${digest}`)).toMatchObject({ accepted: true });
    }
    expect(await pull(here, 'prod', 'ordered:1')).toMatchObject({ accepted: true });
  });

  it('end with the earlier one superseded when the later one is approved first', async () => {
    const here = site.current;
    const first = await propose('reversed:1', 'first');
    const second = await propose('reversed:1', 'second');
    await approveAndRelease(here, second.id);
    expect(await approve(here, first.id)).toMatchObject({ code: 0 });
    const { code, view } = await follow(here, first.id);
    expect({ code, condition: view.condition }).toEqual({ code: 6, condition: 'superseded' });
    expect(view.result?.reason).toContain(second.digest);
    expect(await tagIn(here, 'prod', 'reversed:1')).toBe(second.digest);
    expect(await digestsPublished('reversed')).toEqual([second.digest]);
    expect(await signaturesOf(here, 'prod', 'reversed', first.digest)).toEqual([]);
    expect(await promote.proposalsIn(here, 'prod')).not.toContain(first.id);
    expect(await pull(here, 'prod', 'reversed:1')).toMatchObject({ accepted: true });
  });

  it('end with the later one in place when both are approved at once', async () => {
    const here = site.current;
    const first = await propose('at-once:1', 'first');
    const second = await propose('at-once:1', 'second');
    const answers = await Promise.all([approve(here, first.id), approve(here, second.id)]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0]);
    const [one, other] = await Promise.all([follow(here, first.id), follow(here, second.id)]);
    expect(['released', 'superseded']).toContain(one.view.condition);
    expect(other.view.condition).toBe('released');
    expect(await tagIn(here, 'prod', 'at-once:1')).toBe(second.digest);
    expect((await digestsPublished('at-once')).at(-1)).toBe(second.digest);
    expect(await pull(here, 'prod', 'at-once:1')).toMatchObject({ accepted: true });
  });

  it('leave the tag to the later one where the earlier one was published first and is released last', async () => {
    const here = site.current;
    const first = await propose('held:1', 'first');
    await pushPast('held', '1', 'somebody else');
    expect(await approve(here, first.id)).toMatchObject({ code: 0 });
    expect(await promote.untilStalled(here, first.id)).toMatchObject({ environment: 'prod', step: 'release' });
    const second = await propose('held:1', 'second');
    await approveAndRelease(here, second.id);
    expect(await tagIn(here, 'prod', 'held:1')).toBe(second.digest);
    expect(await here.run('retry', first.id)).toMatchObject({ code: 0 });
    expect(await follow(here, first.id)).toMatchObject({ code: 6, view: { condition: 'superseded' } });
    expect(await tagIn(here, 'prod', 'held:1')).toBe(second.digest);
    expect(await digestsPublished('held')).toEqual([first.digest, second.digest]);
    for (const { digest } of [first, second]) {
      expect(await pull(here, 'prod', `held@${digest}`)).toMatchObject({ accepted: true });
    }
  });
});

describe('two tags of one digest', () => {
  it.each([
    ['one', ['a', 'b']],
    ['other', ['b', 'a']],
  ])('proposed together both get their signature, published in %s order', async (order, [before = '', after = '']) => {
    const here = site.current;
    const name = `twins-${order}`;
    const image = await here.push(name, 'a', SMALL);
    await pushSampleImage(here.environment('dev').registry, `acme/${name}`, 'b', image);
    const started = await Promise.all(['a', 'b'].map((tag) => start(here, `${name}:${tag}`, 'prod')));
    const [a, b] = started.map(({ id }) => id);
    await Promise.all(started.map(({ id }) => promote.untilAsked(here, id)));
    expect(await promote.proposalsIn(here, 'prod')).toEqual(expect.arrayContaining([a, b]));
    const ids: Readonly<Record<string, string | undefined>> = { a, b };
    await approveAndRelease(here, ids[before]!);
    expect(await signaturesOf(here, 'prod', name, image.digest)).toEqual(['signature-1']);
    const file = `images/acme/${name}@${image.digest.replace(':', '=')}/signature-1`;
    const bytes = await here.environment('prod').repository.read('main', file);
    expect(await pull(here, 'prod', `${name}:${before}`)).toMatchObject({ accepted: true });
    await approveAndRelease(here, ids[after]!);
    for (const environment of ['dev', 'prod']) {
      expect(await signaturesOf(here, environment, name, image.digest)).toEqual(['signature-1', 'signature-2']);
    }
    expect(await here.environment('prod').repository.read('main', file)).toEqual(bytes);
    for (const tag of ['a', 'b']) {
      expect(await tagIn(here, 'prod', `${name}:${tag}`)).toBe(image.digest);
      expect(await pull(here, 'prod', `${name}:${tag}`)).toMatchObject({ accepted: true });
    }
  });
});

describe('a tag in prod that somebody else moved during the wait', () => {
  it('stalls the promotion, which goes on once the tag was put back', async () => {
    const here = site.current;
    const { registry } = here.environment('prod');
    const before = await pushPast('taken', '1', 'before');
    const { id, digest } = await propose('taken:1', 'ours');
    const stranger = await pushPast('taken', '1', 'stranger');
    expect(await approve(here, id)).toMatchObject({ code: 0 });
    const { step, message } = await promote.untilStalled(here, id);
    expect(step).toBe('release');
    expect(message).toMatch(/tag changed by someone else/);
    for (const named of [stranger.digest, before.digest]) expect(message).toContain(named);
    expect(await here.run('status', id)).toMatchObject({ code: 5 });
    expect(await tagIn(here, 'prod', 'taken:1')).toBe(stranger.digest);
    expect(await pull(here, 'prod', 'taken:1')).toMatchObject({ accepted: false });

    await moveTag(registry, 'acme/taken', '1', before.digest);
    expect(await here.run('retry', id)).toMatchObject({ code: 0 });
    await promote.untilReleased(here, id);
    expect(await tagIn(here, 'prod', 'taken:1')).toBe(digest);
    expect(await digestsPublished('taken')).toEqual([digest]);
    expect(await pull(here, 'prod', 'taken:1')).toMatchObject({ accepted: true });
    expect(await here.run('retry', id)).toMatchObject({ code: 11 });
  });
});
