/** countersign installed in the test cluster, by the manifests of worker/kubernetes. */
import path from 'node:path';
import { countersignLayout } from '../support/cluster/countersign-image.ts';
import { importImage } from '../support/cluster/node-images.ts';
import { waitUntil } from '../support/parts/index.mjs';
import type { SiteEnvironment } from '../support/site.ts';
import {
  configurationFile,
  createConfiguration,
  writeConfiguration,
  writeSecretFiles,
} from './cluster-configuration.ts';
import { openDoor } from './door.ts';
import type { Door } from './door.ts';
import { applyOverlay, createNamespace, createSecret, patch } from './overlay.ts';
import { CLUSTER, kube } from './pods.ts';
import type { TrustedSite } from './trusted-site.ts';

/** What stands where in the cluster. */
export interface Installation {
  /** The configuration of the workers, beside the keys that it names. */
  readonly configurationFile: string;
  /** Ends the running pod of a worker at once, as a node that dies does; another one is started by its Deployment. */
  readonly killWorker: (environment: string) => Promise<void>;
  /** Takes all of it away, so that another installation finds the cluster as it was. */
  readonly close: () => Promise<void>;
}

/** How many replicas serve an environment's signatures, and what serves them. */
export interface ServerPlan {
  readonly replicas: number;
  readonly base: 'signature-server' | 'signature-server-httpd';
}

/** Of the git host, as the pods have it. */
const AUTHORITY = '/run/secrets/countersign/ca.crt';
/** Debian's httpd has another name, and its modules elsewhere. */
const DEBIAN_HTTPD = [
  {
    op: 'add',
    path: '/spec/template/spec/initContainers/0/env/-',
    value: { name: 'GIT_SSL_CAINFO', value: AUTHORITY },
  },
  { op: 'replace', path: '/spec/template/spec/containers/0/command', value: ['apache2'] },
  {
    op: 'replace',
    path: '/spec/template/spec/containers/0/args/2',
    value: 'Define MODULES /usr/lib/apache2/modules',
  },
];

/** Installs everything and waits until all of it is ready. */
export async function installInCluster(
  trusted: TrustedSite,
  plans: Readonly<Record<string, ServerPlan>>,
): Promise<Installation> {
  const { site } = trusted;
  await importImage(CLUSTER, 'countersign', await countersignLayout(() => undefined));
  const doors: Door[] = [];
  const open = async (to: string, isTls = false): Promise<string> => {
    const door = await openDoor({ to, ...(isTls && { certificate: trusted.files }) });
    doors.push(door);
    return door.address;
  };
  const git = await open(new URL(site.gitHost.url).host, true);
  const temporal = await open(site.temporal.address);
  const servedAt: Record<string, string> = {};
  for (const environment of site.environments) {
    await installServer(trusted, { environment, git, plan: plans[environment.name]! });
    const door = await open(`${await serviceAddress(environment.name)}:80`, true);
    servedAt[environment.name] = `https://${door}/images`;
  }
  await writeConfiguration(trusted, { git, temporal, servedAt });
  for (const { name } of site.environments) await installWorker(trusted, name);
  await installOrchestrator(trusted);
  await untilAvailable();
  return {
    configurationFile: configurationFile(trusted),
    killWorker,
    close: async () => {
      const names = site.environments.flatMap(({ name }) => [`countersign-${name}`, `signatures-${name}`]);
      await kube(['delete', 'namespace', 'countersign', ...names]);
      for (const door of doors) door.close();
    },
  };
}

async function serviceAddress(environment: string): Promise<string> {
  const service = ['service', 'signature-server', '-n', `signatures-${environment}`];
  return await kube(['get', ...service, '-o', 'jsonpath={.spec.clusterIP}']);
}

async function killWorker(environment: string): Promise<void> {
  const worker = ['--selector', 'app.kubernetes.io/component=worker'];
  await kube(['delete', 'pod', '-n', `countersign-${environment}`, ...worker, '--grace-period=0', '--force']);
}

async function installServer(
  trusted: TrustedSite,
  {
    environment,
    git,
    plan,
  }: { readonly environment: SiteEnvironment; readonly git: string; readonly plan: ServerPlan },
): Promise<void> {
  const namespace = `signatures-${environment.name}`;
  await createNamespace(namespace);
  const secrets = await writeSecretFiles(trusted, environment, git);
  await createSecret(namespace, 'signature-server', [`${secrets}/git-credentials`, `${secrets}/ca.crt`]);
  const repository = `https://${git}/signatures-${environment.name}.git`;
  const isHttpd = plan.base === 'signature-server-httpd';
  const container = `/spec/template/spec/${isHttpd ? 'initContainers' : 'containers'}/0`;
  const own = isHttpd ? DEBIAN_HTTPD : [{ op: 'add', path: `${container}/args/-`, value: `--ca-file=${AUTHORITY}` }];
  await applyOverlay(trusted, namespace, {
    resources: [plan.base],
    patches: [
      patch('Deployment', 'signature-server', [
        { op: 'replace', path: `${container}/env/0/value`, value: repository },
        { op: 'replace', path: '/spec/replicas', value: plan.replicas },
        ...own,
      ]),
      patch('RoleBinding', 'countersign-worker', [
        { op: 'replace', path: '/subjects/0/namespace', value: `countersign-${environment.name}` },
      ]),
    ],
  });
}

async function installWorker(trusted: TrustedSite, name: string): Promise<void> {
  const namespace = `countersign-${name}`;
  await createNamespace(namespace);
  const secrets = path.join(trusted.site.folder, 'in-cluster', `secrets-${name}`);
  const files = ['signing-key.asc', 'signing-key.passphrase', 'registry.json', 'git-credentials', 'ca.crt'];
  await createSecret(
    namespace,
    'countersign-secrets',
    files.map((file) => path.join(secrets, file)),
  );
  await createConfiguration(trusted, namespace);
  await applyOverlay(trusted, namespace, {
    resources: ['environment-worker'],
    components: ['kubernetes-access'],
    patches: [
      patch('Deployment', 'countersign-worker', [
        { op: 'replace', path: '/spec/template/spec/containers/0/args/2', value: name },
        {
          op: 'replace',
          path: '/spec/template/spec/containers/0/volumeMounts/1/mountPath',
          value: `/run/secrets/countersign/${name}`,
        },
      ]),
    ],
  });
}

async function installOrchestrator(trusted: TrustedSite): Promise<void> {
  await createNamespace('countersign');
  await createConfiguration(trusted, 'countersign');
  await applyOverlay(trusted, 'countersign', { resources: ['orchestrator'], patches: [] });
}

async function untilAvailable(): Promise<void> {
  const question = [
    'get',
    'deployments',
    '-A',
    '-o',
    'jsonpath={range .items[*]}{.metadata.name} {.status.availableReplicas}/{.spec.replicas}{"\\n"}{end}',
  ];
  let said = '';
  const all = async (): Promise<boolean> => {
    said = await kube(question);
    return said
      .trim()
      .split('\n')
      .every((line) => /^\S+ (\d+)\/\1$/.test(line));
  };
  await waitUntil(all, { what: 'every Deployment', timeoutMs: 300_000, pollMs: 1_000 }).catch(
    async (cause: unknown) => {
      throw new Error(`not every Deployment is available:\n${said}\n${await kube(['get', 'pods', '-A'])}`, { cause });
    },
  );
}
