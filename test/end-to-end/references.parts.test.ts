/** Which image is meant, which is refused, and what happens where an image is not whole any more. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { runCommand } from '../support/command.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import type { DockerRegistry } from '../support/docker-registry.ts';
import { startProcess, waitUntil } from '../support/parts/index.mjs';
import { deleteManifest, fetchManifestRaw, hasBlob, pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import { COUNTERSIGN } from '../support/site.ts';
import * as promote from './promote.ts';

const { PIPELINE, SMALL, approve, approveAndRelease, pull, publicationsOf, start, tagIn } = promote;
const UNKNOWN = `sha256:${'0'.repeat(64)}`;
interface Configuration {
  readonly environments: Readonly<Record<string, unknown>>;
}

let upstream: DockerRegistry | undefined;
const site = promote.useSite(async () => {
  upstream = await startDockerRegistry();
  return { route: ['dev', 'prod'], overrides: { dev: { sources: [`${upstream.host}/vendor`] } } };
});
afterAll(async () => await upstream?.stop());

/** Starts a promotion as somebody would who goes past our command. */
async function startPlainly(id: string, input: unknown): Promise<void> {
  const { temporal } = site.current;
  const where = ['--address', temporal.address, '--namespace', temporal.namespace, '--task-queue', 'countersign'];
  const what = ['--type', 'promotion', '--workflow-id', id, '--input', JSON.stringify(input)];
  const outcome = await runCommand(temporal.program, ['workflow', 'start', ...where, ...what]);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
}

/** A release of long ago: Distribution 2 collects nothing while any of its repositories has no tag at all. */
async function pushRelease(name: string): Promise<void> {
  const image = await buildSampleImage({ ...SMALL, seed: 'long ago' });
  await pushSampleImage(site.current.environment('prod').registry, `acme/${name}`, 'long-ago', image);
}

describe('start', () => {
  it('refuses what it cannot mean or find, and starts nothing', async () => {
    const here = site.current;
    const { digest } = await here.push('known', '1', SMALL);
    const { prefix: prod, registry } = here.environment('prod');
    const { host } = here.environment('dev').registry;
    const refusals: readonly (readonly [number, RegExp, ...string[]])[] = [
      [10, /there is no \S+unknown:1; push it first/, 'unknown:1', '--to', 'prod'],
      [10, /there is no \S+known:2; push it first/, 'known:2', '--to', 'prod'],
      [2, /nowhere/, 'known:1', '--to', 'nowhere'],
      [2, new RegExp(`outside ${host}/acme`), `${host}/other/known:1`, '--to', 'prod'],
      [2, /outside/, `${registry.host}/elsewhere/known:1`, '--to', 'prod'],
      [2, /lies in prod; a promotion begins in dev/, `${prod}/known:1`, '--to', 'prod'],
      [2, /outside .*vendor/, `${upstream!.host}/stranger/known:1`, '--to', 'prod'],
      [2, /has no tag/, 'known', '--to', 'prod'],
      [2, /has no tag/, `known@${digest}`, '--to', 'prod'],
      [2, /two tags/, 'known:1', '--to', 'prod', '--tag', '2'],
      [2, /digest/i, 'known:1@sha256:abc', '--to', 'prod'],
      [2, /./, 'Known:1', '--to', 'prod'],
      [2, /--to/, 'known:1'],
    ];
    for (const [code, message, ...args] of refusals) {
      const refused = await here.run('start', ...args);
      expect(refused, args.join(' ')).toMatchObject({ code, stdout: '' });
      expect(refused.stderr).toMatch(message);
    }
    const listed = await here.run('list', '--all', '--output', 'json');
    expect(JSON.parse(listed.stdout)).toEqual([]);
  });

  it('takes a digest with --tag, and the digest where the tag points elsewhere by now, with a warning', async () => {
    const here = site.current;
    const old = await here.push('pinned', '1', { ...SMALL, seed: 'old' });
    const recent = await here.push('pinned', '1', { ...SMALL, seed: 'recent' });
    const started = await here.run(
      'start',
      `pinned:1@${old.digest}`,
      '--to',
      'prod',
      '--by',
      PIPELINE,
      '--output',
      'json',
    );
    expect(started.stderr).toMatch(/warning: .*pinned:1 points to/);
    const { id, digest } = JSON.parse(started.stdout) as promote.StartAnswer;
    expect(digest).toBe(old.digest);
    const named = await start(here, `pinned@${old.digest}`, 'dev', '--tag', 'stable');
    expect(named.id).toBe(`promotion/pinned:stable@${old.digest}`);
    await approveAndRelease(here, id);
    await promote.untilReleased(here, named.id);
    expect(await tagIn(here, 'prod', 'pinned:1')).toBe(old.digest);
    expect(await tagIn(here, 'dev', 'pinned:1')).toBe(recent.digest);
    expect(await pull(here, 'prod', 'pinned:1')).toMatchObject({ accepted: true });
    expect((await publicationsOf(here, 'dev', 'pinned')).map(({ image }) => image.split(':').at(-1))).toEqual(
      expect.arrayContaining(['1', 'stable']),
    );
  });

  it('takes an image from a configured source into dev, and only there from', async () => {
    const here = site.current;
    const image = await buildSampleImage({ ...SMALL, seed: 'from a source' });
    await pushSampleImage(upstream!, 'vendor/tools/base', '3', image);
    const { id, digest } = await start(here, `${upstream!.host}/vendor/tools/base:3`, 'prod');
    expect(digest).toBe(image.digest);
    await approveAndRelease(here, id);
    for (const environment of ['dev', 'prod']) {
      expect(await tagIn(here, environment, 'tools/base:3')).toBe(image.digest);
      expect(await pull(here, environment, 'tools/base:3')).toMatchObject({ accepted: true });
    }
  });

  it('stalls at a digest that nobody pushed', async () => {
    const { id } = await start(site.current, `missing:1@${UNKNOWN}`, 'prod');
    const { environment, message } = await promote.untilStalled(site.current, id);
    expect(environment).toBe('dev');
    expect(message).toContain(`missing@${UNKNOWN}`);
    await site.current.run('abort', id, '--yes');
    expect(await promote.follow(site.current, id)).toMatchObject({ code: 7 });
  });
});

describe('a promotion that was started past the command', () => {
  it('cannot begin behind the first environment, nor take an image from where nobody may', async () => {
    const here = site.current;
    const { digest } = await here.push('smuggled', '1', SMALL);
    const image = { name: 'smuggled', tag: '1', digest };
    const wish = { to: 'prod', requestedBy: 'mallory@example.com' };
    const source = `${upstream!.host}/stranger`;
    await startPlainly('promotion/past-1', { ...wish, image, entry: 'prod' });
    await startPlainly('promotion/past-2', { ...wish, image: { ...image, source }, entry: 'dev' });
    await startPlainly('promotion/past-3', { ...wish, image, entry: 'dev', to: 'nowhere' });
    const stalls = await Promise.all([1, 2, 3].map((number) => promote.untilStalled(here, `promotion/past-${number}`)));
    expect(stalls.map(({ message }) => message)).toEqual([
      expect.stringContaining('the route begins with dev, not with prod'),
      expect.stringContaining(`${source} is not among the sources of dev`),
      expect.stringContaining('there is no environment "nowhere"'),
    ]);
    expect(await publicationsOf(here, 'prod', 'smuggled')).toEqual([]);
    expect(await publicationsOf(here, 'dev', 'smuggled')).toEqual([]);
    expect(await pull(here, 'prod', `smuggled@${digest}`)).toMatchObject({ accepted: false });
  });
});

describe('a copy that the garbage collection of prod took during the wait', () => {
  it('is made whole again before it is published and released', async () => {
    const here = site.current;
    const { registry } = here.environment('prod');
    await pushRelease('collected');
    const image = await here.push('collected', '1', { layerBytes: 5_000 });
    const { id } = await start(here, 'collected:1', 'prod');
    await promote.untilAsked(here, id);
    expect(await fetchManifestRaw(registry, 'acme/collected', image.digest)).toBeDefined();
    await registry.collectGarbage({ removeUntagged: true });
    for (const { digest } of image.everyManifest) {
      expect(await fetchManifestRaw(registry, 'acme/collected', digest)).toBeUndefined();
    }
    await approveAndRelease(here, id);
    expect(await tagIn(here, 'prod', 'collected:1')).toBe(image.digest);
    for (const blob of image.blobs.keys()) expect(await hasBlob(registry, 'acme/collected', blob)).toBe(true);
    for (const architecture of ['amd64', 'arm64']) {
      expect(await pull(here, 'prod', 'collected:1', architecture)).toMatchObject({ accepted: true });
    }
  });

  it('stalls the promotion where the origin has lost the image as well, until it is pushed again', async () => {
    const here = site.current;
    await pushRelease('gone');
    const image = await here.push('gone', '1', SMALL);
    const { id } = await start(here, 'gone:1', 'prod');
    await promote.untilAsked(here, id);
    await here.environment('prod').registry.collectGarbage({ removeUntagged: true });
    await deleteManifest(here.environment('dev').registry, 'acme/gone', image.digest);
    expect(await approve(here, id)).toMatchObject({ code: 0 });
    const { message } = await promote.untilStalled(here, id);
    expect(message).toMatch(new RegExp(`gone@${image.digest}.*push it again`));
    expect(await publicationsOf(here, 'prod', 'gone')).toEqual([]);
    expect(await tagIn(here, 'prod', 'gone:1')).toBeUndefined();
    await here.push('gone', '1', SMALL);
    expect(await here.run('retry', id)).toMatchObject({ code: 0 });
    await promote.untilReleased(here, id);
    expect(await pull(here, 'prod', 'gone:1')).toMatchObject({ accepted: true });
  });
});

describe('an environment whose route skips the one before it', () => {
  it('stalls the promotion until its worker has the same configuration', async () => {
    const here = site.current;
    await here.push('skipped', '1', SMALL);
    const configuration = parse(await readFile(here.configurationFile, 'utf8')) as Configuration;
    const environments = { prod: configuration.environments['prod'] };
    const file = here.configurationFile.replace(/yaml$/, 'short.yaml');
    await writeFile(file, stringify({ ...configuration, route: ['prod'], environments }));
    await here.workers.get('prod')!.stop();
    const args = [COUNTERSIGN, '--config', file, 'worker', '--environment', 'prod'];
    const wrong = await startProcess(process.execPath, args, { name: 'worker of prod that skips dev' });
    await waitUntil(() => /polls/.test(wrong.output()), { what: 'the worker that skips dev' });
    const { id } = await start(here, 'skipped:1', 'prod');
    const { message } = await promote.untilStalled(here, id);
    await wrong.stop();
    expect(message).toMatch(/prod knows the route as prod, dev as dev, prod/);
    await here.startWorkers('prod');
    expect(await here.run('retry', id)).toMatchObject({ code: 0 });
    await approveAndRelease(here, id);
    expect(await pull(here, 'prod', 'skipped:1')).toMatchObject({ accepted: true });
  });
});
