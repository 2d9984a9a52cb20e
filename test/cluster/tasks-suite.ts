/** Every task that needs no promotion, on the real Tekton: success, the same again, and the ways in which each one fails. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../workflows/domain/digest.ts';
import { NODE_ADDRESS } from '../support/cluster/place.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import type { DockerRegistry } from '../support/docker-registry.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { openDoor } from './door.ts';
import type { Door } from './door.ts';
import { BOUND, create, createPipelineNamespace, readVolume } from './pipeline-namespace.ts';
import { kube } from './pods.ts';
import { installLibrary, runSteps, runTask } from './tekton-runs.ts';
import type { EndedRun } from './tekton-runs.ts';
import { startTrustedSite } from './trusted-site.ts';
import type { TrustedSite } from './trusted-site.ts';

const NAMESPACE = 'tasks';
const folder = useTempFolder({ per: 'suite' });
let trusted: TrustedSite;
/** A registry that wants a name and a password. */
let vault: DockerRegistry;
let doors: readonly Door[] = [];
/** The image in development, in the vault, and what it is. */
let source: string;
let target: string;
let digest: Digest;
let repository: string;
let servedAt: string;
let hook: string;

type Values = Readonly<Record<string, string>>;
type Bindings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

async function run(task: string, params: Values, workspaces: Bindings = {}): Promise<EndedRun> {
  return await runTask(task, { namespace: NAMESPACE, params, workspaces });
}

function expectSuccess(ended: EndedRun, results: Readonly<Record<string, unknown>>): void {
  expect({ isSucceeded: ended.isSucceeded, results: ended.results }, `${ended.message}\n${ended.log}`).toEqual({
    isSucceeded: true,
    results,
  });
}

function expectFailure(ended: EndedRun, exitCode: number, log: RegExp): void {
  expect({ isSucceeded: ended.isSucceeded, exitCode: ended.exitCode }, ended.log).toEqual({
    isSucceeded: false,
    exitCode,
  });
  expect(ended.log).toMatch(log);
}

const REGISTRY = { dockerconfig: BOUND.registries, 'ssl-ca-directory': BOUND.authority };

beforeAll(async () => {
  trusted = await startTrustedSite(folder.path, { route: ['dev', 'prod'] });
  const { site, files } = trusted;
  const ca = await readFile(files.caFile, 'utf8');
  const basic = { user: 'robot', password: 'let me in' };
  vault = await startDockerRegistry({ address: NODE_ADDRESS, tls: { ...files, ca }, basic });
  const { signatureServer, prefix } = site.environment('dev');
  const [git, server, plain] = await Promise.all([
    openDoor({ to: new URL(site.gitHost.url).host, certificate: files }),
    openDoor({ to: new URL(signatureServer.url).host, certificate: files }),
    openDoor({ to: new URL(signatureServer.url).host }),
  ]);
  doors = [git, server, plain];
  repository = `https://${git.address}/signatures-dev.git`;
  servedAt = `https://${server.address}/images`;
  hook = `http://${plain.address}/webhook`;
  source = `${prefix}/web:1`;
  target = `${vault.host}/acme/web:1`;
  digest = await trusted.push(source, 'hello from the tasks');
  await createPipelineNamespace(trusted, NAMESPACE, {
    accounts: { [vault.host]: 'robot:let me in' },
    enforce: 'restricted',
  });
  await installLibrary(NAMESPACE);
});
afterAll(async () => {
  await kube(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
  await kube(['delete', 'persistentvolume', '--ignore-not-found', `${NAMESPACE}-signatures`, `${NAMESPACE}-trust`]);
  for (const door of doors) door.close();
  await vault.stop();
  await trusted.site.stop();
});

/** Signs the image in development and has it served. */
async function publishSource(): Promise<void> {
  const image = `${source}@${digest}`;
  const signing = { ...REGISTRY, 'signing-key': BOUND.key('dev'), signatures: BOUND.signatures };
  expect(await run('sign-image', { image }, signing)).toMatchObject({ isSucceeded: true });
  const keys = { 'public-keys': BOUND.publicKeys('dev') };
  const publishing = { ...REGISTRY, ...keys, signatures: BOUND.signatures, 'basic-auth': BOUND.git };
  const published = await run('publish-signature', { image, repository }, publishing);
  const webhook = { method: 'webhook', target: hook, repository, commit: published.results['COMMIT'] ?? '' };
  const secret = { 'webhook-secret': { secret: { secretName: 'webhook' } } };
  expect(await run('rebuild-signature-server', webhook, secret)).toMatchObject({ isSucceeded: true });
  const confirmed = await run('confirm-signature', { image, servedAt }, { ...REGISTRY, ...keys });
  expect(confirmed, confirmed.log).toMatchObject({ isSucceeded: true });
}

describe('copy-image', () => {
  it('copies an image, and nothing of it again', async () => {
    const first = await run('copy-image', { source, target }, REGISTRY);
    expectSuccess(first, {
      IMAGE_URL: target,
      IMAGE_DIGEST: digest,
      BYTES_COPIED: expect.stringMatching(/^[1-9]\d*$/) as unknown,
    });
    const again = await run('copy-image', { source, target, thorough: 'true' }, REGISTRY);
    expectSuccess(again, { IMAGE_URL: target, IMAGE_DIGEST: digest, BYTES_COPIED: '0' });
  });

  it('fails with 10 where the image is not there, and names it', async () => {
    const missing = source.replace(/:1$/, ':none');
    expectFailure(await run('copy-image', { source: missing, target }, REGISTRY), 10, /error: .*web:none/);
  });

  it('fails where the credentials are not bound, and says which registry wants them', async () => {
    const ended = await run('copy-image', { source, target }, { 'ssl-ca-directory': BOUND.authority });
    expectFailure(ended, 1, /error: .*target.*401/s);
  });

  it('fails with 2 for what is neither true nor false', async () => {
    const ended = await run('copy-image', { source, target, thorough: 'yes' }, REGISTRY);
    expectFailure(ended, 2, /error: expected true or false, received 'yes'/);
  });

  it('takes what a parameter holds as a value, whatever it looks like', async () => {
    const evil = '$(touch /tekton/home/x); `id`; --help';
    expectFailure(await run('copy-image', { source: evil, target }, REGISTRY), 2, /error: .*reference/);
  });
});

describe('sign-image', () => {
  const bound = { ...REGISTRY, 'signing-key': BOUND.key('dev'), signatures: BOUND.signatures };

  it('signs the digest under its tag, and makes no signature twice', async () => {
    const image = `${target}@${digest}`;
    const results = {
      IMAGE_URL: target,
      IMAGE_DIGEST: digest,
      KEY_FINGERPRINT: expect.stringMatching(/^[0-9A-F]{40}$/i) as unknown,
      SIGNATURES: '1',
    };
    expectSuccess(await run('sign-image', { image }, bound), results);
    const file = `images/acme/web@${digest.replace(':', '=')}`;
    const made = await readVolume(trusted, 'signatures', `${file}/signature-1`);
    expectSuccess(await run('sign-image', { image }, bound), results);
    expect(await readVolume(trusted, 'signatures', `${file}/signature-1`)).toBe(made);
    await expect(readVolume(trusted, 'signatures', `${file}/signature-2`)).rejects.toThrow('ENOENT');
  });

  it('fails with 2 where there is nowhere to write', async () => {
    const ended = await run('sign-image', { image: target }, { ...REGISTRY, 'signing-key': BOUND.key('dev') });
    expectFailure(ended, 2, /error: nowhere to write: bind the workspace signatures/);
  });

  it('fails where the registry keeps no signatures itself', async () => {
    const wish = { image: target, toRegistry: 'true' };
    const ended = await run('sign-image', wish, { ...REGISTRY, 'signing-key': BOUND.key('dev') });
    expectFailure(ended, 2, /error: .*keeps no signatures/);
  });

  it('fails with the wrong passphrase, and shows neither it nor the key', async () => {
    const secrets = trusted.site.environment('dev').secrets;
    const passphrase = folder.join('signing-key.passphrase');
    await writeFile(passphrase, 'canary passphrase\n');
    await create(NAMESPACE, 'secret', 'wrong', [path.join(secrets, 'signing-key.asc'), passphrase]);
    const ended = await run(
      'sign-image',
      { image: target },
      { ...bound, 'signing-key': { secret: { secretName: 'wrong' } } },
    );
    expectFailure(ended, 1, /error: .*the passphrase does not unlock it/);
    expect(ended.log).not.toMatch(/canary|BEGIN PGP/);
  });
});

describe('publish-signature, rebuild-signature-server, confirm-publication and confirm-signature', () => {
  const publishing = {
    ...REGISTRY,
    signatures: BOUND.signatures,
    'public-keys': BOUND.publicKeys('dev'),
    'basic-auth': BOUND.git,
  };
  const confirming = { ...REGISTRY, 'public-keys': BOUND.publicKeys('dev'), signatures: BOUND.signatures };
  const hooking = { 'webhook-secret': { secret: { secretName: 'webhook' } } };
  const notWritten = (): Values => ({ image: `${target}@${digest}`, servedAt, within: '5 seconds' });
  let commit = '';

  it('does not confirm what is not served', async () => {
    expectFailure(
      await run('confirm-signature', notWritten(), confirming),
      9,
      /✖ .*does not serve the given signature/,
    );
  });

  it('publishes once, and says unchanged from then on', async () => {
    const params = { image: `${target}@${digest}`, repository };
    const first = await run('publish-signature', params, publishing);
    commit = (await trusted.site.environment('dev').repository.git('rev-parse', 'main')).trim();
    expectSuccess(first, { COMMIT: commit, OUTCOME: 'published', ADDED: '1' });
    expectSuccess(await run('publish-signature', params, publishing), {
      COMMIT: commit,
      OUTCOME: 'unchanged',
      ADDED: '0',
    });
  });

  it('does not publish what another key has signed', async () => {
    const params = { image: `${target}@${digest}`, repository };
    const ended = await run('publish-signature', params, { ...publishing, 'public-keys': BOUND.publicKeys('prod') });
    expectFailure(ended, 11, /signature-1: signed by [0-9A-F]{40}, which is not in the key ring/);
    expect((await trusted.site.environment('dev').repository.git('rev-parse', 'main')).trim()).toBe(commit);
  });

  it('does not publish with a wrong password, and does not show it', async () => {
    const file = folder.join('password');
    const user = folder.join('username');
    await writeFile(file, 'canary password');
    await writeFile(user, trusted.site.gitHost.user);
    await create(NAMESPACE, 'secret', 'wrong-git', [file, user]);
    const bound = { ...publishing, 'basic-auth': { secret: { secretName: 'wrong-git' } } };
    const ended = await run('publish-signature', { image: `${target}@${digest}`, repository }, bound);
    expectFailure(ended, 11, /error: .*signatures-dev/);
    expect(ended.log).not.toContain('canary');
  });

  it('has the server rebuilt by a signed webhook, and refuses a wrong secret', async () => {
    const secrets = trusted.site.environment('dev').secrets;
    await create(NAMESPACE, 'secret', 'webhook', [path.join(secrets, 'webhook-secret')]);
    const params = { method: 'webhook', target: hook, repository, commit };
    const ended = await run('rebuild-signature-server', params, hooking);
    expectSuccess(ended, { OUTCOME: 'accepted', SUBJECT: expect.stringContaining('http') as unknown });
    await mkdir(folder.join('bad'), { recursive: true });
    await writeFile(folder.join('bad/webhook-secret'), 'canary');
    await create(NAMESPACE, 'secret', 'wrong-webhook', [folder.join('bad/webhook-secret')]);
    const wrong = { 'webhook-secret': { secret: { secretName: 'wrong-webhook' } } };
    expectFailure(await run('rebuild-signature-server', params, wrong), 1, /error: .*(401|403).*secret/s);
  });

  it('fails with 2 for a method that there is not', async () => {
    const ended = await run('rebuild-signature-server', { method: 'magic', target: hook });
    expectFailure(
      ended,
      2,
      /error: method: expected openshift-build, rollout, pipeline-run or webhook, received 'magic'/,
    );
  });

  it('confirms the commit, at every replica, and again', async () => {
    const params = { commit, repository, servedAt, replicas: new URL(servedAt).host, within: '60 seconds' };
    const bound = { 'basic-auth': BOUND.git, 'ssl-ca-directory': BOUND.authority };
    for (let times = 0; times < 2; times++) {
      expectSuccess(await run('confirm-publication', params, bound), { COMMIT: commit, SIGNATURES: '1' });
    }
    const unknown = { ...params, commit: 'f'.repeat(40), within: '3 seconds' };
    expectFailure(await run('confirm-publication', unknown, bound), 10, /error: .*ffffff/);
  });

  it('confirms the image, at every replica, and again', async () => {
    const params = { image: `${target}@${digest}`, servedAt, replicas: new URL(servedAt).host };
    for (let times = 0; times < 2; times++) {
      const ended = await run('confirm-signature', params, confirming);
      expectSuccess(ended, { IMAGE_URL: target, IMAGE_DIGEST: digest, REPLICAS: '1' });
    }
  });

  it('does not confirm what clusters would refuse', async () => {
    const bound = { ...REGISTRY, 'public-keys': BOUND.publicKeys('prod') };
    expectFailure(await run('confirm-signature', notWritten(), bound), 1, /✖ .*none of them by one of the keys/);
  });
});

describe('generate-trust', () => {
  it('writes the files of a node, the same ones again, and refuses an unknown environment', async () => {
    const { site } = trusted;
    const text = (await readFile(site.configurationFile, 'utf8'))
      .replaceAll('keys/', '')
      .replaceAll(/ca: .*/g, 'ca: ca.crt')
      .replaceAll(site.environment('dev').signatureServer.servedAt, servedAt);
    await writeFile(folder.join('flat.yaml'), text);
    const keys = ['dev', 'prod', 'approvers'].map((name) => path.join(site.folder, 'keys', `${name}.asc`));
    const files = [`countersign.yaml=${folder.join('flat.yaml')}`, ...keys, `ca.crt=${trusted.files.caFile}`];
    await create(NAMESPACE, 'configmap', 'countersign', files);
    const bound = { configuration: BOUND.configuration, trust: BOUND.trust };
    const params = { environment: 'dev', nodePath: '/workspace/policy' };
    const FILES = expect.stringMatching(/^[3-9]$/) as unknown;
    expectSuccess(await run('generate-trust', params, bound), { OUTCOME: 'written', FILES });
    expectSuccess(await run('generate-trust', params, bound), { OUTCOME: 'unchanged', FILES });
    const policy = JSON.parse(await readVolume(trusted, 'trust', 'trust/policy.json')) as { default: unknown };
    expect(policy.default).toEqual([{ type: 'reject' }]);
    expectFailure(await run('generate-trust', { environment: 'moon' }, bound), 2, /error: .*no environment "moon"/);
  });
});

describe('verify-image', () => {
  const byKeys = { ...REGISTRY, 'public-keys': BOUND.publicKeys('dev') };

  it('accepts by keys and the signature server, and again', async () => {
    for (let times = 0; times < 2; times++) {
      const ended = await run('verify-image', { image: target, lookaside: servedAt }, byKeys);
      expectSuccess(ended, { IMAGE_URL: target, IMAGE_DIGEST: digest });
    }
  });

  it('refuses another key, another identity, and an image that nobody has signed', async () => {
    const other = { ...REGISTRY, 'public-keys': BOUND.publicKeys('prod') };
    expectFailure(await run('verify-image', { image: target, lookaside: servedAt }, other), 1, /refused|rejected/);
    const identity = { image: target, lookaside: servedAt, expectedIdentity: `${vault.host}/acme/other:1` };
    expectFailure(await run('verify-image', identity, byKeys), 1, /acme\/other/);
    await trusted.push(source.replace('web:1', 'unsigned:1'), 'nobody signed this');
    const unsigned = { image: source.replace('web:1', 'unsigned:1'), lookaside: servedAt };
    expectFailure(await run('verify-image', unsigned, byKeys), 1, /no signature|not signed|unsigned/);
  });

  it('judges by the files of a node, and by an environment', async () => {
    const policy = { ...REGISTRY, policy: { ...BOUND.trust, subPath: 'trust' } };
    const byEnvironment = { ...REGISTRY, configuration: BOUND.configuration };
    const environment = { image: source, environment: 'dev' };
    expectFailure(await run('verify-image', { image: target }, policy), 1, /reject/);
    expectFailure(await run('verify-image', { image: source }, policy), 1, /it is for .* not for/);
    expectFailure(await run('verify-image', environment, byEnvironment), 1, /it is for .* not for/);
    await publishSource();
    const results = { IMAGE_URL: source, IMAGE_DIGEST: digest };
    expectSuccess(await run('verify-image', { image: source }, policy), results);
    expectSuccess(await run('verify-image', environment, byEnvironment), results);
  });

  it('fails with 2 where there is nothing to judge by', async () => {
    expectFailure(await run('verify-image', { image: target }, REGISTRY), 2, /error: nothing to judge by/);
  });
});

it('puts step actions together in one pod, each with the results of the one before', async () => {
  const paths = [
    { name: 'dockerconfigPath', value: '$(workspaces.dockerconfig.path)' },
    { name: 'sslCaDirectoryPath', value: '$(workspaces.ssl-ca-directory.path)' },
  ];
  // A parameter of a step takes one result of another step.
  const judged = `${target}@$(steps.copy.results.IMAGE_DIGEST)`;
  const steps = (key: string): readonly unknown[] => [
    {
      name: 'copy',
      ref: { name: 'copy-image' },
      params: [...paths, { name: 'source', value: source }, { name: 'target', value: target }],
    },
    {
      name: 'verify',
      ref: { name: 'verify-image' },
      params: [
        ...paths,
        { name: 'image', value: judged },
        { name: 'expectedIdentity', value: target },
        { name: 'lookaside', value: servedAt },
        { name: 'publicKeysPath', value: `$(workspaces.${key}.path)` },
      ],
    },
  ];
  const workspaces = { ...REGISTRY, own: BOUND.publicKeys('dev'), other: BOUND.publicKeys('prod') };
  const wish = { namespace: NAMESPACE, workspaces };
  const accepted = await runSteps(steps('own'), wish);
  expect(accepted, `${accepted.message}\n${accepted.log}`).toMatchObject({ isSucceeded: true });
  expectFailure(await runSteps(steps('other'), wish), 1, /refused/);
});

it('leaves no file behind that holds a key, outside of what was bound', async () => {
  await rm(folder.join('bad'), { recursive: true, force: true });
  const found = spawnSync('grep', ['-rlE', 'BEGIN PGP PRIVATE', path.join(trusted.site.folder, 'volumes')]);
  expect({ status: found.status, files: found.stdout.toString() }).toEqual({ status: 1, files: '' });
});
