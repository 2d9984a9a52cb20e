/** How the end-to-end tests disturb an installation, and what must be left of the disturbance: nothing. */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import type { PromotionView, StallView } from '../../cli/promotions/view.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { PromotionStatus } from '../../workflows/domain/promotion.ts';
import type { CommandOutcome } from '../support/command.ts';
import type { DockerRegistry } from '../support/docker-registry.ts';
import type { GitHostRepository } from '../support/git-host.ts';
import { writeHook } from '../support/git-host-repository.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { hasBlob } from '../support/registry-push.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { NAMESPACE, startSignatureServer } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { withTemporalClient } from '../support/temporal-client.ts';
import { publicationsOf, pull, signaturesOf, tagIn } from './promote.ts';

const UNFINISHED = 9;

/** Follows a promotion until it ends; stalls are waited through. At most five minutes. */
export async function untilEnded(site: Site, id: string): Promise<PromotionView> {
  return await watch(site, id, []);
}

/** Follows a promotion until it stalls, and returns what it says. */
export async function untilStalled(site: Site, id: string): Promise<StallView> {
  const { stall, ...view } = await watch(site, id, ['--until-stalled']);
  expect(stall, JSON.stringify(view.result)).not.toBeNull();
  return stall!;
}

/** Retries a stalled promotion, which then must reach `released`. */
export async function retryAndRelease(site: Site, id: string): Promise<PromotionView> {
  const retried = await site.run('retry', id);
  expect(retried, retried.stderr).toMatchObject({ code: 0 });
  const view = await watch(site, id, ['--until-stalled']);
  expect(view.condition, JSON.stringify(view.stall ?? view.result)).toBe('released');
  return view;
}

async function watch(site: Site, id: string, options: readonly string[]): Promise<PromotionView> {
  for (let turns = 0; turns < 3; turns++) {
    const outcome = await site.run('watch', id, '--output', 'json', '--timeout', '100 seconds', ...options);
    const last = outcome.stdout.trim().split('\n').at(-1) ?? '';
    if (outcome.code !== UNFINISHED) {
      expect(last, outcome.stderr).not.toBe('');
      return JSON.parse(last) as PromotionView;
    }
  }
  throw new Error(`${id} came to no end`);
}

/**
 * Expects the end of a promotion that nobody disturbed: in each environment one publication, one signature for each
 * manifest, the tag on the digest, and a cluster that accepts it.
 */
export async function expectUndisturbed(
  site: Site,
  image: string,
  { sample, environments }: { readonly sample: SampleImage; readonly environments: readonly string[] },
): Promise<void> {
  const [name = ''] = image.split(':');
  for (const environment of environments) {
    const published = await publicationsOf(site, environment, name);
    expect(published.map(({ digest }) => digest)).toEqual([sample.digest]);
    for (const { digest } of sample.everyManifest) {
      expect(await signaturesOf(site, environment, name, digest)).toEqual(['signature-1']);
    }
    expect(await tagIn(site, environment, image)).toBe(sample.digest);
    const { accepted, log } = await pull(site, environment, image);
    expect(accepted, log).toBe(true);
  }
}

/** Expects that a registry holds nothing of an image: no tag, no manifest's blob. */
export async function expectNothingCopied(registry: DockerRegistry, name: string, sample: SampleImage): Promise<void> {
  for (const digest of sample.blobs.keys()) expect(await hasBlob(registry, `${NAMESPACE}/${name}`, digest)).toBe(false);
}

/** The digests of blobs that a registry took for an image, in their order, each as often as it was sent. */
export function blobsSent(registry: DockerRegistry, name: string): readonly Digest[] {
  const sent = new RegExp(`^PUT /v2/${NAMESPACE}/${name}/blobs/uploads/\\S*digest=(sha256(?::|%3A)\\w{64})\\S* 201$`);
  return registry.requests().flatMap((line) => {
    const digest = sent.exec(line)?.[1];
    return digest === undefined ? [] : [parseDigest(decodeURIComponent(digest))];
  });
}

/** Waits until the registry has taken the first of an image's blobs, and not yet the last one. */
export async function untilCopying(registry: DockerRegistry, name: string, sample: SampleImage): Promise<void> {
  const begun = (): boolean => blobsSent(registry, name).length > 0;
  await waitUntil(begun, { what: `the copy of ${name} to be under way`, timeoutMs: 60_000, pollMs: 5 });
  expect(blobsSent(registry, name).length).toBeLessThan(sample.blobs.size);
}

/** From now on pushes are taken, and their answer is held back until `release`. */
export async function holdPushes(
  repository: GitHostRepository,
): Promise<{ readonly untilHeld: () => Promise<void>; readonly release: () => Promise<void> }> {
  const [hold, held] = ['hold', 'held'].map((name) => path.join(repository.directory, name)) as [string, string];
  await writeFile(hold, '');
  const log = 'cat >> "$GIT_DIR/pushes.log"';
  await writeHook(
    repository.directory,
    'post-receive',
    `${log}; touch ${held}; while [ -e ${hold} ]; do sleep 0.1; done`,
  );
  return {
    untilHeld: () => waitUntil(() => existsSync(held), { what: 'a push that is held' }),
    release: async () => {
      await rm(hold);
      await writeHook(repository.directory, 'post-receive', log);
    },
  };
}

/** Asks the workflow itself where it is, quickly enough to be asked in the middle of a request; undefined without id. */
export async function whereIs(site: Site, id: string | undefined): Promise<string> {
  if (id === undefined) return '';
  return await withTemporalClient(site.temporal.address, async (client) => {
    const { environments } = await client.workflow.getHandle(id).query<PromotionStatus>('status');
    const one = environments.at(-1);
    return `${one?.environment ?? ''} ${one?.step ?? ''}`;
  });
}

/** Puts another HTTP server in the place of an environment's signature server; `restore` brings the real one back. */
export async function replaceSignatureServer(
  site: Site,
  environment: string,
  listener: RequestListener,
): Promise<{ readonly restore: () => Promise<void> }> {
  const { signatureServer } = site.environment(environment);
  await signatureServer.process.stop();
  const server = createServer(listener);
  const port = Number(new URL(signatureServer.url).port);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    restore: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await startServerAgain(site, environment);
    },
  };
}

/** Starts an environment's signature server where it stood. */
export async function startServerAgain(site: Site, environment: string): Promise<void> {
  const { name, repository, secrets, signatureServer } = site.environment(environment);
  const port = Number(new URL(signatureServer.url).port);
  const options = { folder: site.folder, name, port, repository: repository.url, secrets };
  signatureServer.process = await startSignatureServer(options);
}

/** Ends the worker of an environment and starts a new one, as after a change of its secrets. */
export async function restartWorker(site: Site, name: string): Promise<void> {
  await site.workers.get(name)?.stop();
  await site.startWorkers(name);
}

/** Starts a worker that must refuse: what the command said. */
export async function refusedWorker(site: Site, ...role: readonly string[]): Promise<CommandOutcome> {
  const outcome = await site.run('worker', ...role);
  expect(outcome.code, `${outcome.stdout}${outcome.stderr}`).not.toBe(0);
  return outcome;
}

/** Rewrites a part of the configuration; `change` may alter what it is given. */
export async function changeConfiguration(
  file: string,
  change: (configuration: { environments: Record<string, Record<string, unknown>> } & Record<string, unknown>) => void,
): Promise<void> {
  const configuration = parse(await readFile(file, 'utf8')) as Parameters<typeof change>[0];
  change(configuration);
  await writeFile(file, stringify(configuration));
}
