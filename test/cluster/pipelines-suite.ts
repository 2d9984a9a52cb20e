/** The tasks of promotions, and the pipelines as a whole: from a build to a pod that starts in production. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ANN, approve, start, untilAsked, untilReleased } from '../end-to-end/promote.ts';
import { programFile } from '../support/cluster/build-programs.ts';
import { debianLayout } from '../support/cluster/debian-root.ts';
import { importImage } from '../support/cluster/node-images.ts';
import { findProgram } from '../support/cluster/programs.ts';
import type { Site } from '../support/site.ts';
import { WEBHOOK_SECRETS } from '../support/tekton/push-cases.ts';
import { deliveryOf } from '../support/tekton/push-deliveries.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { createConfiguration } from './cluster-configuration.ts';
import { installInCluster } from './installation.ts';
import type { Installation } from './installation.ts';
import { BOUND, allowRollout, create, createPipelineNamespace, gitSecret } from './pipeline-namespace.ts';
import { CLUSTER, applyAll, judgeByPod, kube } from './pods.ts';
import { endOf, installLibrary, logsOf, readLibrary, runPipeline, runTask } from './tekton-runs.ts';
import type { EndedRun } from './tekton-runs.ts';
import {
  copyTriggers,
  installTriggers,
  pushByHand,
  removeTriggers,
  runOf,
  send,
  startedRuns,
} from './trigger-namespace.ts';
import { startTrustedSite, trustOnNode } from './trusted-site.ts';
import type { TrustedSite } from './trusted-site.ts';

const NAMESPACE = 'pipelines';
const SERVER = 'signatures-prod/signature-server';
const CONTAINERFILE = 'FROM scratch\nCOPY --chmod=755 say /say\nENTRYPOINT ["/say", "hello from a build"]\n';
const folder = useTempFolder({ per: 'suite' });
let trusted: TrustedSite;
let site: Site;
let installation: Installation;
/** As pods reach them. */
let configured: Readonly<Record<string, { signatures: { repository: { url: string }; servedAt: string } }>>;

async function run(
  task: string,
  params: Readonly<Record<string, string>>,
  serviceAccount = 'default',
): Promise<EndedRun> {
  const needs = /promotion/.test(task) ? { configuration: BOUND.configuration } : {};
  return await runTask(task, { namespace: NAMESPACE, params, workspaces: needs, serviceAccount });
}

function expectEnd(ended: EndedRun, expected: { readonly exitCode: number; readonly log?: RegExp }): void {
  const { exitCode, log = /(?:)/ } = expected;
  expect({ isSucceeded: ended.isSucceeded, exitCode: ended.exitCode }, `${ended.message}\n${ended.log}`).toEqual({
    isSucceeded: exitCode === 0,
    exitCode,
  });
  expect(ended.log).toMatch(log);
}

beforeAll(async () => {
  trusted = await startTrustedSite(folder.path, { route: ['dev', 'prod'] });
  site = trusted.site;
  installation = await installInCluster(trusted, {
    dev: { replicas: 1, base: 'signature-server' },
    prod: { replicas: 2, base: 'signature-server' },
  });
  const { configurationFile } = installation;
  await trustOnNode(site, { environment: 'prod', configurationFile });
  configured = (parse(await readFile(configurationFile, 'utf8')) as { environments: typeof configured }).environments;
  await createPipelineNamespace(trusted, NAMESPACE, { accounts: {}, enforce: 'privileged' });
  await createConfiguration(trusted, NAMESPACE);
  await installLibrary(NAMESPACE);
  await allowRollout({ namespace: NAMESPACE, account: 'rebuilds' }, ['get', 'patch']);
  await allowRollout({ namespace: NAMESPACE, account: 'looks' }, ['get']);
});
afterAll(async () => {
  await kube(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
  await kube(['delete', 'persistentvolume', '--ignore-not-found', `${NAMESPACE}-signatures`, `${NAMESPACE}-trust`]);
  await removeTriggers('signatures-prod');
  await installation.close();
  await site.stop();
});

describe('start-promotion, decide-promotion and await-promotion', () => {
  it('carry an image to production, joining what runs, and a pod starts there', async () => {
    const image = `${site.environment('dev').prefix}/tasks:1`;
    const digest = await trusted.push(image, 'hello from tasks');
    const wish = { image: `${image}@${digest}`, to: 'prod', by: 'pipeline@example.com' };
    const started = await run('start-promotion', wish);
    const id = `promotion/tasks:1@${digest}`;
    expect(started.results, started.log).toEqual({ PROMOTION: id, IMAGE_DIGEST: digest, OUTCOME: 'started' });
    expect((await run('start-promotion', wish)).results).toMatchObject({ PROMOTION: id, OUTCOME: 'joined' });
    await untilAsked(site, id);
    expectEnd(await run('await-promotion', { promotion: id, timeout: '2 seconds' }), { exitCode: 9 });
    const decision = { promotion: id, environment: 'prod', decision: 'approve' };
    const own = await run('decide-promotion', { ...decision, by: 'pipeline@example.com' });
    expectEnd(own, { exitCode: 11, log: /error: the decision was refused/ });
    const approved = await run('decide-promotion', { ...decision, by: ANN, reason: 'tested' });
    expect(approved.results, approved.log).toEqual({ PROMOTION: id, IMAGE_DIGEST: digest });
    for (let times = 0; times < 2; times++) {
      const ended = await run('await-promotion', { promotion: id, timeout: '3 minutes' });
      expect(ended.results, ended.log).toEqual({ OUTCOME: 'released', ENVIRONMENT: 'prod', IMAGE_DIGEST: digest });
    }
    expect(await judgeByPod(`${trusted.production}/tasks:1`)).toMatchObject({ isAccepted: true });
  });

  it('end with 3 where somebody rejects, and with 2 or 10 for what there is not', async () => {
    const image = `${site.environment('dev').prefix}/bad:1`;
    const digest = await trusted.push(image, 'hello from bad');
    const id = `promotion/bad:1@${digest}`;
    await run('start-promotion', { image: `${image}@${digest}`, to: 'prod', by: 'pipeline@example.com' });
    await untilAsked(site, id);
    const decision = { promotion: id, environment: 'prod', decision: 'reject', by: ANN, reason: 'it does not work' };
    expectEnd(await run('decide-promotion', decision), { exitCode: 0 });
    expectEnd(await run('await-promotion', { promotion: id }), { exitCode: 3 });
    expectEnd(await run('decide-promotion', decision), { exitCode: 11, log: /has ended already/ });
    expectEnd(await run('decide-promotion', { ...decision, decision: 'maybe' }), {
      exitCode: 2,
      log: /received 'maybe'/,
    });
    expectEnd(await run('await-promotion', { promotion: 'nothing:1' }), { exitCode: 10, log: /error: / });
    const moon = { image: `${image}@${digest}`, to: 'moon', by: 'pipeline@example.com' };
    expectEnd(await run('start-promotion', moon), { exitCode: 2, log: /no environment "moon"/ });
  });

  it('waits in one task where it is asked to', async () => {
    const image = `${site.environment('dev').prefix}/waited:1`;
    const digest = await trusted.push(image, 'hello from waited');
    const wish = { image: `${image}@${digest}`, to: 'dev', by: 'pipeline@example.com', wait: 'true' };
    const ended = await run('start-promotion', wish);
    expect(ended.results, ended.log).toMatchObject({ IMAGE_DIGEST: digest, OUTCOME: 'released' });
  });
});

describe('rebuild-signature-server by a rollout', () => {
  const rollout = { method: 'rollout', target: SERVER };

  it('restarts the Deployment and follows it, once for a request', async () => {
    const generation = async (): Promise<string> => {
      const wanted = ['get', 'deployment', 'signature-server', '-n', 'signatures-prod'];
      return await kube([...wanted, '-o', 'jsonpath={.metadata.generation}']);
    };
    const before = await generation();
    const first = await run('rebuild-signature-server', { ...rollout, request: 'one' }, 'rebuilds');
    expect(first.results, first.log).toMatchObject({ OUTCOME: 'rebuilt' });
    const after = await generation();
    expect(after).not.toBe(before);
    const again = await run('rebuild-signature-server', { ...rollout, request: 'one' }, 'rebuilds');
    expect(again.results, again.log).toMatchObject({ OUTCOME: 'already-rebuilt' });
    expect(await generation()).toBe(after);
  });

  it('names the right that is missing', async () => {
    const ended = await run('rebuild-signature-server', rollout, 'looks');
    expectEnd(ended, { exitCode: 1, log: /the right is missing: .*verbs: \[patch\]/ });
  });
});

describe('the pipelines', () => {
  const bound = { dockerconfig: BOUND.registries, 'git-basic-auth': BOUND.git, 'ssl-ca-directory': BOUND.authority };

  it('build-and-promote goes from the source to a pod that starts in production', async () => {
    await importImage(CLUSTER, 'builder', await debianLayout(() => undefined, 'builder'));
    const [task] = await readLibrary('pipeline/build-and-promote/0.1/samples/build-image.yaml');
    const params = task!.spec.params?.map((param) => {
      return param.name === 'builderImage' ? { ...param, default: 'localhost/builder:1' } : param;
    });
    await applyAll([
      { ...task, metadata: { name: 'build-image', namespace: NAMESPACE }, spec: { ...task!.spec, params } },
    ]);
    const source = await site.gitHost.createRepository('web');
    const say = await readFile(programFile(findProgram('pause')));
    await source.commit('main', { Containerfile: CONTAINERFILE, say });
    const gitUrl = configured['dev']!.signatures.repository.url.replace('signatures-dev', 'web');
    const { registry, prefix } = site.environment('dev');
    const ended = await runPipeline('build-and-promote', {
      namespace: NAMESPACE,
      params: {
        gitUrl,
        buildImage: `${registry.host}/builds/web:1`,
        image: `${prefix}/web:1`,
        signatureRepository: configured['dev']!.signatures.repository.url,
        to: 'prod',
        by: 'pipeline@example.com',
      },
      workspaces: {
        ...bound,
        source: { emptyDir: {} },
        signatures: BOUND.signatures,
        'signing-key': BOUND.key('dev'),
        'public-keys': BOUND.publicKeys('dev'),
        configuration: BOUND.configuration,
      },
    });
    expect(ended.isSucceeded, `${ended.message}\n${await logsOf(ended.name, NAMESPACE)}`).toBe(true);
    const { PROMOTION: id = '', IMAGE_DIGEST: digest = '' } = ended.results;
    expect(id).toBe(`promotion/web:1@${digest}`);
    await untilAsked(site, id);
    await approve(site, id, ANN);
    await untilReleased(site, id);
    expect(await judgeByPod(`${trusted.production}/web:1`)).toMatchObject({ reason: 'Running' });
  });

  it('rebuild-signature-server rebuilds, and confirms what the commit published', async () => {
    const image = `${site.environment('dev').prefix}/pushed:1`;
    await trusted.push(image, 'hello from pushed');
    const { id } = await start(site, 'pushed:1', 'prod');
    await untilAsked(site, id);
    await approve(site, id, ANN);
    await untilReleased(site, id);
    const commit = (await site.environment('prod').repository.git('rev-parse', 'main')).trim();
    const { repository, servedAt } = configured['prod']!.signatures;
    const ended = await runPipeline('rebuild-signature-server', {
      namespace: NAMESPACE,
      serviceAccount: 'rebuilds',
      params: { commit, repository: repository.url, method: 'rollout', target: SERVER, servedAt },
      workspaces: { 'git-basic-auth': BOUND.git, 'ssl-ca-directory': BOUND.authority },
    });
    expect(ended.isSucceeded, `${ended.message}\n${await logsOf(ended.name, NAMESPACE)}`).toBe(true);
    expect(ended.results).toEqual({ COMMIT: commit, SIGNATURES: '1' });
  });

  it('rebuild-signature-server runs whole at a signed push, once, and confirms all that the push brought', async () => {
    const namespace = 'signatures-prod';
    const { repository, servedAt } = configured['prod']!.signatures;
    const settings = { namespace, repository: 'acme/signatures-prod', servedAt };
    const components = ['git-basic-auth', 'ssl-ca-directory'];
    const copy = await copyTriggers(path.join(folder.path, 'trigger'), { settings, components });
    await installLibrary(namespace);
    await applyAll([gitSecret(trusted, namespace, 'signature-repository')]);
    await create(namespace, 'configmap', 'signature-authority', [`ca.crt=${trusted.files.caFile}`]);
    const address = await installTriggers(namespace, copy);
    const event = await pushByHand(site.environment('prod').repository, {
      full_name: settings.repository,
      clone_url: repository.url,
    });
    const delivery = deliveryOf('github', event, WEBHOOK_SECRETS.github);
    expect(await send(address, deliveryOf('github', event, 'another secret'))).toBe(202);
    for (let times = 0; times < 2; times++) expect(await send(address, delivery)).toBe(202);
    const { metadata } = await runOf(event.after, namespace);
    const ended = await endOf('pipelinerun', metadata.name, namespace);
    expect(ended.isSucceeded, `${ended.message}\n${await logsOf(ended.name, namespace)}`).toBe(true);
    expect(ended.results).toEqual({ COMMIT: event.after, SIGNATURES: '2' });
    expect(await send(address, delivery)).toBe(202);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect((await startedRuns(namespace)).map((run) => run.metadata.uid)).toEqual([metadata.uid]);
  });
});
