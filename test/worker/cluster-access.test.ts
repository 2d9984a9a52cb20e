import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { generateKey } from '../../activities/signing/index.ts';
import { openCluster } from '../../worker/cluster-access.ts';
import type { EnvironmentConfiguration } from '../../worker/configuration/index.ts';
import { requiredSecrets } from '../../worker/secrets/required-secrets.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const folder = useTempFolder();

function anEnvironment(fields: object = {}): EnvironmentConfiguration {
  const repository = { url: 'https://git.example.com/s.git' };
  const own = {
    name: 'prod',
    secrets: folder.join('secrets'),
    registries: {},
    signatures: { repository },
    rebuild: 'none',
  };
  return { ...own, ...fields } as unknown as EnvironmentConfiguration;
}

async function makeSecrets(token: string): Promise<void> {
  await mkdir(folder.join('secrets'), { recursive: true });
  const { privateKey } = await generateKey({
    userId: { name: 'P', email: 'p@example.com' },
    type: 'ed25519',
    date: new Date(),
  });
  await writeFile(folder.join('secrets/signing-key.asc'), privateKey, { mode: 0o600 });
  await writeFile(folder.join('secrets/token'), `${token}\n`, { mode: 0o600 });
}

describe('openCluster', () => {
  it('takes the secret file token anew at each use, without its line feed', async () => {
    await makeSecrets('one');
    const { api, readToken, ca } = openCluster(anEnvironment(), 'https://api.example.com:6443');
    expect([api, await readToken(), ca]).toEqual(['https://api.example.com:6443', 'one', undefined]);
    await makeSecrets('two');
    expect(await readToken()).toBe('two');
  });

  it('takes the ServiceAccount of the pod where no api is named', async () => {
    const serviceAccount = folder.path;
    await writeFile(folder.join('token'), 'mounted\n');
    await writeFile(folder.join('ca.crt'), 'PEM');
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    const { api, readToken, ca } = openCluster(anEnvironment(), undefined, { serviceAccount, environment });
    expect([api, await readToken(), ca]).toEqual(['https://[fd00::1]:6443', 'mounted', 'PEM']);
  });

  it('says what to do outside of a cluster, and in a pod without a token', () => {
    const inside = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };
    const open = (environment: NodeJS.ProcessEnv) => () =>
      openCluster(anEnvironment(), undefined, { serviceAccount: folder.path, environment });
    expect(open({})).toThrow('expected api below it, and the secret file token');
    expect(open(inside)).toThrow('set automountServiceAccountToken: true');
  });
});

describe('requiredSecrets', () => {
  const repository = { url: 'https://git.example.com/s.git' };
  it.each([
    [
      'endpoints of a named cluster',
      { signatures: { repository, replicas: { kind: 'endpoints', api: 'https://a' } } },
      true,
    ],
    ['endpoints of its own cluster', { signatures: { repository, replicas: { kind: 'endpoints' } } }, false],
    ['a rollout in a named cluster', { rebuild: { kind: 'rollout', api: 'https://a' } }, true],
    ['a rollout in its own cluster', { rebuild: { kind: 'rollout' } }, false],
    ['a PipelineRun in a named cluster', { rebuild: { kind: 'pipelineRun', api: 'https://a' } }, true],
    [
      'a build in a named cluster',
      { rebuild: { kind: 'openshiftBuild', start: 'instantiate', api: 'https://a' } },
      true,
    ],
    ['a build by its webhook', { rebuild: { kind: 'openshiftBuild', start: 'webhook', api: 'https://a' } }, false],
  ])('wants the token for %s as it must', (_, fields, wanted) => {
    expect(requiredSecrets(anEnvironment(fields)).includes('token')).toBe(wanted);
  });
});
