/** A namespace as a team has it that works in pipelines: Secrets, ConfigMaps and a volume, under the names of the samples. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { applyAll, kube } from './pods.ts';
import type { TrustedSite } from './trusted-site.ts';

/** What a workspace is bound to, by the names of the samples. */
export const BOUND = {
  registries: { secret: { secretName: 'registries' } },
  authority: { configMap: { name: 'authority' } },
  git: { secret: { secretName: 'git' } },
  signatures: { persistentVolumeClaim: { claimName: 'signatures' } },
  trust: { persistentVolumeClaim: { claimName: 'trust' } },
  configuration: { configMap: { name: 'countersign' } },
  key: (environment: string) => ({ secret: { secretName: `signing-key-${environment}` } }),
  publicKeys: (environment: string) => ({ configMap: { name: `public-keys-${environment}` } }),
} as const;

/** What the namespace is to be. */
export interface NamespaceWish {
  /** `user:password` by registry. */
  readonly accounts: Readonly<Record<string, string>>;
  /** What pods may ask for: a build with buildah asks for more than anything of ours. */
  readonly enforce: 'restricted' | 'privileged';
}

/** Creates the namespace and all that the tasks need in it. */
export async function createPipelineNamespace(
  trusted: TrustedSite,
  namespace: string,
  { accounts, enforce }: NamespaceWish,
): Promise<void> {
  const { site } = trusted;
  await kube(['create', 'namespace', namespace]);
  await kube(['label', 'namespace', namespace, `pod-security.kubernetes.io/enforce=${enforce}`]);
  await applyAll([
    secret(namespace, 'registries', {
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths: authsOf(accounts) }) },
    }),
    gitSecret(trusted, namespace, 'git'),
  ]);
  await create(namespace, 'configmap', 'authority', [`ca.crt=${trusted.files.caFile}`]);
  for (const { name, secrets, publicKeyFile } of site.environments) {
    const files = ['signing-key.asc', 'signing-key.passphrase'].map((file) => path.join(secrets, file));
    await create(namespace, 'secret', `signing-key-${name}`, files);
    await create(namespace, 'configmap', `public-keys-${name}`, [publicKeyFile]);
  }
  for (const name of ['signatures', 'trust']) await createVolume(trusted, namespace, name);
}

/** What may read and write the signature repositories. */
export function gitSecret({ site }: TrustedSite, namespace: string, name: string): unknown {
  const { user, password } = site.gitHost;
  return secret(namespace, name, { type: 'kubernetes.io/basic-auth', stringData: { username: user, password } });
}

/** A right of its own in the namespace of the production's signature server, as the sample of the task writes it. */
export async function allowRollout(
  { namespace, account }: { readonly namespace: string; readonly account: string },
  verbs: readonly string[],
): Promise<void> {
  const metadata = { name: account, namespace: 'signatures-prod' };
  const rules = [
    { apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['signature-server'], verbs: [...verbs] },
  ];
  await applyAll([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
    },
  ]);
}

/** A Secret or ConfigMap of files. */
export async function create(
  namespace: string,
  kind: 'secret' | 'configmap',
  name: string,
  files: readonly string[],
): Promise<void> {
  const words = kind === 'secret' ? ['secret', 'generic'] : ['configmap'];
  await kube(['create', ...words, name, '-n', namespace, ...files.map((file) => `--from-file=${file}`)]);
}

/** What a task has written into a volume. */
export async function readVolume(trusted: TrustedSite, volume: string, file: string): Promise<string> {
  return await readFile(path.join(volumeFolder(trusted, volume), file), 'utf8');
}

function secret(namespace: string, name: string, rest: Readonly<Record<string, unknown>>): unknown {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, ...rest };
}

function authsOf(accounts: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(accounts).map(([host, login]) => [host, { auth: Buffer.from(login).toString('base64') }]),
  );
}

function volumeFolder({ site }: TrustedSite, volume: string): string {
  return path.join(site.folder, 'volumes', volume);
}

/** Nobody provides volumes here: one is made by hand, on the node's disk, and bound to its claim. */
async function createVolume(trusted: TrustedSite, namespace: string, name: string): Promise<void> {
  const folder = volumeFolder(trusted, name);
  await mkdir(folder, { recursive: true });
  const node = (await kube(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
  const terms = [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }];
  const claim = {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '64Mi' } },
    storageClassName: '',
    volumeName: `${namespace}-${name}`,
  };
  await applyAll([
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `${namespace}-${name}` },
      spec: {
        capacity: { storage: '64Mi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: '',
        local: { path: folder },
        nodeAffinity: { required: { nodeSelectorTerms: terms } },
      },
    },
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec: claim },
  ]);
}
