/** countersign installed in the test cluster, by the manifests of worker/kubernetes and overlays as an operator writes them. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { countersignLayout } from '../support/cluster/countersign-image.ts';
import { importImage } from '../support/cluster/node-images.ts';
import { waitUntil } from '../support/parts/index.mjs';
import type { SiteEnvironment } from '../support/site.ts';
import { CLUSTER, kube } from './pods.ts';
import { openDoor } from './door.ts';
import type { Door } from './door.ts';
import type { TrustedSite } from './trusted-site.ts';

/** What stands where in the cluster. */
export interface Installation {
  /** The configuration of the workers, beside the keys that it names. */
  readonly configurationFile: string;
  /** Ends the running pod of a worker at once, as a node that dies does; another one is started by its Deployment. */
  readonly killWorker: (environment: string) => Promise<void>;
  readonly close: () => void;
}

/** How many replicas serve an environment's signatures, and what serves them. */
export interface ServerPlan {
  readonly replicas: number;
  readonly base: 'signature-server' | 'signature-server-httpd';
}

const MANIFESTS = path.resolve(import.meta.dirname, '../../worker/kubernetes');
const IMAGES = ['countersign', 'httpd'].map((name) => ({ name, newName: 'localhost/countersign', newTag: '1' }));

/** Installs everything and waits until all of it is ready. */
export async function installInCluster(
  trusted: TrustedSite,
  plans: Readonly<Record<string, ServerPlan>>,
): Promise<Installation> {
  const { site } = trusted;
  const layout = await countersignLayout(() => undefined);
  await importImage(CLUSTER, 'countersign', layout);
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
    const address = [
      'get',
      'service',
      'signature-server',
      '-n',
      `signatures-${environment.name}`,
      '-o',
      'jsonpath={.spec.clusterIP}',
    ];
    servedAt[environment.name] = `https://${await open(`${await kube(address)}:80`, true)}/images`;
  }
  await writeConfiguration(trusted, { git, temporal, servedAt });
  for (const { name } of site.environments) await installWorker(trusted, name);
  await installOrchestrator(trusted);
  await untilAvailable();
  return {
    configurationFile: configurationFile(trusted),
    killWorker: async (environment) => {
      const worker = ['--selector', 'app.kubernetes.io/component=worker'];
      await kube(['delete', 'pod', '-n', `countersign-${environment}`, ...worker, '--grace-period=0', '--force']);
    },
    close: () => {
      for (const door of doors) door.close();
    },
  };
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
  const secrets = await secretFolder(trusted, environment, git);
  await createSecret(namespace, 'signature-server', [`${secrets}/git-credentials`, `${secrets}/ca.crt`]);
  const repository = `https://${git}/signatures-${environment.name}.git`;
  const isHttpd = plan.base === 'signature-server-httpd';
  const container = `/spec/template/spec/${isHttpd ? 'initContainers' : 'containers'}/0`;
  const authority = '/run/secrets/countersign/ca.crt';
  const own = isHttpd
    ? [
        { op: 'add', path: `${container}/env/-`, value: { name: 'GIT_SSL_CAINFO', value: authority } },
        { op: 'replace', path: '/spec/template/spec/containers/0/command', value: ['apache2'] },
        {
          op: 'replace',
          path: '/spec/template/spec/containers/0/args/2',
          value: 'Define MODULES /usr/lib/apache2/modules',
        },
      ]
    : [{ op: 'add', path: `${container}/args/-`, value: `--ca-file=${authority}` }];
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

interface Overlay {
  readonly resources: readonly string[];
  readonly components?: readonly string[];
  readonly patches: readonly unknown[];
}

function patch(kind: string, name: string, operations: readonly unknown[]): unknown {
  return { target: { kind, name }, patch: stringify(operations) };
}

async function applyOverlay(trusted: TrustedSite, namespace: string, overlay: Overlay): Promise<void> {
  const folder = path.join(trusted.site.folder, 'in-cluster', `overlay-${namespace}`);
  await mkdir(folder, { recursive: true });
  const at = (names: readonly string[]): readonly string[] =>
    names.map((name) => path.relative(folder, path.join(MANIFESTS, name)));
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: at(overlay.resources),
    components: at(overlay.components ?? []),
    images: IMAGES,
    patches: overlay.patches,
  };
  await writeFile(path.join(folder, 'kustomization.yaml'), stringify(kustomization));
  await kube(['apply', '-k', folder]);
}

/** The secret files of the site, with the addresses that they have for pods. */
async function secretFolder(trusted: TrustedSite, environment: SiteEnvironment, git: string): Promise<string> {
  const folder = path.join(trusted.site.folder, 'in-cluster', `secrets-${environment.name}`);
  await mkdir(folder, { recursive: true });
  for (const name of ['signing-key.asc', 'signing-key.passphrase', 'registry.json']) {
    await copyFile(path.join(environment.secrets, name), path.join(folder, name));
  }
  const credentials = await readFile(path.join(environment.secrets, 'git-credentials'), 'utf8');
  await writeFile(path.join(folder, 'git-credentials'), credentials.replace(/^http:(.*)@.*$/m, `https:$1@${git}`));
  await copyFile(trusted.files.caFile, path.join(folder, 'ca.crt'));
  return folder;
}

async function writeConfiguration(
  trusted: TrustedSite,
  {
    git,
    temporal,
    servedAt,
  }: { readonly git: string; readonly temporal: string; readonly servedAt: Readonly<Record<string, string>> },
): Promise<void> {
  const { site } = trusted;
  const written = parse(await readFile(site.configurationFile, 'utf8')) as {
    readonly route: readonly string[];
    readonly environments: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  const environments = site.environments.map(({ name, registry }) => {
    const gate = written.environments[name]!['gate'];
    const namespace = `signatures-${name}`;
    const configured = {
      ...written.environments[name],
      registries: { [registry.host]: { ca: 'registry-ca.crt' } },
      gate: typeof gate === 'object' ? { ...gate, approvers: 'approvers.asc' } : gate,
      signatures: {
        publicKeys: [`${name}.asc`],
        repository: { url: `https://${git}/signatures-${name}.git`, branch: 'main', directory: 'images' },
        servedAt: servedAt[name],
        replicas: { endpoints: { namespace, service: 'signature-server', scheme: 'http', port: 8080 } },
      },
      rebuild: { rollout: { namespace, deployment: 'signature-server' } },
    };
    return [name, configured] as const;
  });
  const configuration = {
    route: written.route,
    secrets: '/run/secrets/countersign',
    temporal: { address: temporal },
    environments: Object.fromEntries(environments),
  };
  const file = configurationFile(trusted);
  await writeFile(file, stringify(configuration));
  for (const name of keyNames(trusted)) {
    await copyFile(path.join(site.folder, 'keys', name), path.join(path.dirname(file), name));
  }
  await copyFile(trusted.files.caFile, path.join(path.dirname(file), 'registry-ca.crt'));
}

function configurationFile({ site }: TrustedSite): string {
  return path.join(site.folder, 'in-cluster', 'countersign.yaml');
}

/** A ConfigMap of the configuration and all that it names. */
async function createConfiguration(trusted: TrustedSite, namespace: string): Promise<void> {
  const file = configurationFile(trusted);
  const names = [...keyNames(trusted), 'registry-ca.crt'].map((name) => path.join(path.dirname(file), name));
  const files = [file, ...names].map((name) => `--from-file=${name}`);
  await kube(['create', 'configmap', 'countersign', '-n', namespace, ...files]);
}

function keyNames({ site }: TrustedSite): readonly string[] {
  return [...site.environments.map(({ name }) => name), 'approvers'].map((name) => `${name}.asc`);
}

async function createNamespace(name: string): Promise<void> {
  await kube(['create', 'namespace', name]);
  await kube(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted']);
}

async function createSecret(namespace: string, name: string, files: readonly string[]): Promise<void> {
  await kube(['create', 'secret', 'generic', name, '-n', namespace, ...files.map((file) => `--from-file=${file}`)]);
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
