/** What the end-to-end tests do and look at: the command as people use it, and the world as it is afterwards. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { generatePolicy } from '../../activities/trust/index.ts';
import { readPromotion } from '../../cli/promotions/read-promotion.ts';
import { createTemporalEngine } from '../../cli/promotions/temporal-engine.ts';
import type { PromotionView } from '../../cli/promotions/view.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { runCommand } from '../support/command.ts';
import type { CommandOutcome } from '../support/command.ts';
import { ensureParts, waitUntil } from '../support/parts/index.mjs';
import { tagOf } from '../support/registry-push.ts';
import { NAMESPACE, startSite } from '../support/site.ts';
import type { Site, SiteOptions } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { withTemporalClient } from '../support/temporal-client.ts';

export const [ANN, BOB, PIPELINE] = ['ann@example.com', 'bob@example.com', 'pipeline@example.com'];
/** Small, so that the tests measure the chain and not the copying. */
export const SMALL = { platforms: ['linux/amd64'], single: true, layers: 1, layerBytes: 2_000 } as const;

/** The JSON of `start`. */
export interface StartAnswer {
  readonly started: 'started' | 'joined' | 'already-promoted';
  readonly id: string;
  readonly run?: string;
  readonly to: string;
  readonly digest: Digest;
}

/** A publication as git tells it, read without any code of ours. */
export interface PublishedCommit {
  readonly commit: string;
  readonly image: string;
  readonly digest: string;
  readonly promotion: string;
  readonly run: string;
  readonly requestedBy: string;
  readonly gate: string;
  readonly approvedBy: readonly string[];
  readonly parents: readonly string[];
}

/** One running site with all its workers for the tests of a file; its options may need something that must run first. */
export function useSite(options: Omit<SiteOptions, 'folder'> | (() => Promise<Omit<SiteOptions, 'folder'>>)): {
  readonly current: Site;
} {
  const folder = useTempFolder({ per: 'suite' });
  let site: Site | undefined;
  beforeAll(async () => {
    const wanted = typeof options === 'function' ? await options() : options;
    site = await startSite({ folder: folder.path, keyType: 'ed25519', ...wanted });
    await site.startWorkers();
  });
  afterAll(async () => await site?.stop());
  return {
    get current() {
      if (site === undefined) throw new Error('use a site: it runs only while the tests run');
      return site;
    },
  };
}

/** Starts a promotion, which must succeed. */
export async function start(site: Site, image: string, to: string, ...more: readonly string[]): Promise<StartAnswer> {
  const outcome = await site.run('start', image, '--to', to, '--by', PIPELINE, '--output', 'json', ...more);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return JSON.parse(outcome.stdout) as StartAnswer;
}

/** The promotion as `status` shows it. */
export async function status(site: Site, id: string): Promise<PromotionView> {
  const outcome = await site.run('status', id, '--output', 'json');
  if (outcome.stdout === '') throw new Error(`no status of ${id}: ${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as PromotionView;
}

/**
 * Waits until the status fulfils a condition. Reads what `status` reads without a process for each look: those took half
 * a core of the machine from what is looked at.
 */
export async function until(site: Site, id: string, check: (view: PromotionView) => boolean): Promise<PromotionView> {
  let view: PromotionView | undefined;
  try {
    return await withTemporalClient(site.temporal.address, async (client) => {
      const engine = createTemporalEngine(client);
      const looked = async (): Promise<boolean> => {
        view = await readPromotion(engine, id, { now: Date.now });
        return view !== undefined && check(view);
      };
      await waitUntil(looked, { what: 'the status', timeoutMs: 120_000, pollMs: 200 });
      return view!;
    });
  } catch (cause) {
    throw new Error(`the promotion did not come to what is waited for: ${JSON.stringify(view, undefined, 2)}`, {
      cause,
    });
  }
}

/** Waits until the gate of an environment is open. */
export async function untilAsked(site: Site, id: string, environment = 'prod'): Promise<PromotionView> {
  return await until(site, id, (view) => view.condition === 'deciding' && view.environment === environment);
}

/** Waits until the promotion is stalled. */
export async function untilStalled(site: Site, id: string): Promise<NonNullable<PromotionView['stall']>> {
  const { stall } = await until(site, id, ({ condition }) => condition === 'stalled');
  return stall!;
}

/** Follows a promotion to its end: the exit code and the last that was seen. */
export async function follow(
  site: Site,
  id: string,
): Promise<{ readonly code: number | null; readonly view: PromotionView }> {
  const { code, stdout, stderr } = await site.run('watch', id, '--output', 'json', '--timeout', '90 seconds');
  const last = stdout.trim().split('\n').at(-1);
  if (last === undefined || last === '') throw new Error(`nothing to watch of ${id}: ${stderr}`);
  return { code, view: JSON.parse(last) as PromotionView };
}

/** Expects a promotion to end as released. */
export async function untilReleased(site: Site, id: string): Promise<PromotionView> {
  const { code, view } = await follow(site, id);
  expect({ code, condition: view.condition }, JSON.stringify(view.stall ?? view.result)).toEqual({
    code: 0,
    condition: 'released',
  });
  return view;
}

/** One approval; the command's outcome is the caller's to judge. */
export async function approve(site: Site, id: string, by = ANN, environment = 'prod'): Promise<CommandOutcome> {
  return await site.run('approve', id, '--environment', environment, '--by', by, '--yes');
}

/** Approves as soon as the gate is open, and waits until the promotion is released. */
export async function approveAndRelease(site: Site, id: string, environment = 'prod'): Promise<PromotionView> {
  await untilAsked(site, id, environment);
  expect(await approve(site, id, ANN, environment)).toMatchObject({ code: 0 });
  return await untilReleased(site, id);
}

/** How often each environment's signature repository was pushed to, and its served branch. */
export async function gitState(site: Site): Promise<Readonly<Record<string, unknown>>> {
  const states = site.environments.map(async ({ name, repository }) => {
    const head = (await repository.git('rev-parse', 'main')).trim();
    return [name, { pushes: (await repository.pushes()).length, head }] as const;
  });
  return Object.fromEntries(await Promise.all(states));
}

/** Sends a signal as somebody would who has only Temporal's own command. */
export async function signalPlainly(
  site: Site,
  id: string,
  { name, input }: { name: string; input: unknown },
): Promise<void> {
  const where = ['--address', site.temporal.address, '--namespace', site.temporal.namespace];
  const what = ['--workflow-id', id, '--name', name, '--input', JSON.stringify(input)];
  const outcome = await runCommand(site.temporal.program, ['workflow', 'signal', ...where, ...what]);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
}

/** Where the tag of an environment points. */
export async function tagIn(site: Site, environment: string, image: string): Promise<Digest | undefined> {
  const [name = '', tag = ''] = image.split(':');
  return await tagOf(site.environment(environment).registry, `${NAMESPACE}/${name}`, tag);
}

/** What a cluster of the environment says about `image` (NAME:TAG or NAME@DIGEST): skopeo under the generated policy. */
export async function pull(
  site: Site,
  environment: string,
  image: string,
  architecture = 'amd64',
): Promise<{ readonly accepted: boolean; readonly log: string }> {
  const { skopeo } = await ensureParts(['skopeo']);
  const { prefix, publicKeyFile, signatureServer } = site.environment(environment);
  const trusted = { registry: prefix, keys: [{ fileName: publicKeyFile }], servedAt: signatureServer.servedAt };
  const { policyJson, registriesD } = generatePolicy([trusted]);
  const node = await mkdtemp(path.join(site.folder, 'node-'));
  await mkdir(path.join(node, 'registries.d'));
  await writeFile(path.join(node, 'policy.json'), policyJson);
  await writeFile(path.join(node, 'registries.d', 'countersign.yaml'), registriesD);
  const global = ['--policy', path.join(node, 'policy.json'), '--registries.d', path.join(node, 'registries.d')];
  const platform = ['--override-os', 'linux', '--override-arch', architecture];
  const copy = [
    'copy',
    '-q',
    '--src-tls-verify=false',
    `docker://${prefix}/${image}`,
    `dir:${path.join(node, 'image')}`,
  ];
  return await new Promise((resolve) => {
    execFile(skopeo, [...global, ...platform, ...copy], { env: { ...process.env, HOME: node } }, (error, _, log) => {
      void rm(node, { recursive: true, force: true }).then(() => resolve({ accepted: error === null, log }));
    });
  });
}

/** The publications of an image's name on the served branch, oldest first. */
export async function publicationsOf(
  site: Site,
  environment: string,
  name: string,
): Promise<readonly PublishedCommit[]> {
  const keys = ['Image', 'Digest', 'Promotion', 'Run', 'Requested-By', 'Gate', 'Approved-By'];
  const fields = ['%H', '%P', ...keys.map((key) => `%(trailers:key=${key},valueonly,separator=%x7C)`)];
  const { repository, prefix } = site.environment(environment);
  const log = await repository.git('log', '--first-parent', '--reverse', `--format=${fields.join('%x1f')}`, 'main');
  const commits = log.split('\n').map((line) => {
    const [commit = '', parents = '', image = '', digest = '', promotion = '', run = '', ...more] = line.split('\x1f');
    const [requestedBy = '', gate = '', approvals = ''] = more;
    const approvedBy = approvals.split('|').filter(Boolean);
    return { commit, image, digest, promotion, run, requestedBy, gate, approvedBy, parents: parents.split(' ') };
  });
  return commits.filter(({ image }) => image.startsWith(`${prefix}/${name}:`));
}

/** The signature files of a manifest on the served branch, in their order. */
export async function signaturesOf(
  site: Site,
  environment: string,
  name: string,
  digest: Digest,
): Promise<readonly string[]> {
  const folder = `images/${NAMESPACE}/${name}@${digest.replace(':', '=')}/`;
  const files = Object.keys(await site.environment(environment).repository.files('main'));
  return files
    .filter((file) => file.startsWith(folder))
    .map((file) => file.slice(folder.length))
    .toSorted();
}

/** The ids of the promotions whose proposals still have a branch. */
export async function proposalsIn(site: Site, environment: string): Promise<readonly string[]> {
  const format = '--format=%(trailers:key=Promotion,valueonly,separator=%x7C)';
  const listed = await site.environment(environment).repository.git('for-each-ref', format, 'refs/heads/countersign/');
  return listed.split('\n').filter(Boolean);
}
