/** The manifests keep to what a restricted cluster demands, and to what design and README promise about rights. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseConfiguration } from '../../worker/configuration/index.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../worker/kubernetes');

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly securityContext?: object;
  readonly resources?: { readonly requests?: object; readonly limits?: { readonly memory?: string } };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly readinessProbe?: object;
  readonly livenessProbe?: object;
}
interface Pod {
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: object;
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly secret?: { readonly defaultMode?: number } }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata?: { readonly name: string };
  readonly automountServiceAccountToken?: boolean;
  readonly rules?: readonly object[];
  readonly spec?: {
    readonly replicas?: number;
    readonly strategy?: { readonly type?: string };
    readonly template?: { readonly spec: Pod };
  };
}

const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
const files = names.filter((name) => name.endsWith('.yaml')).sort();
const read = (file: string): string => readFileSync(path.join(FOLDER, file), 'utf8');
/** As Kubernetes reads them, by YAML 1.1: 0440 is octal. */
function manifestsOf(file: string): readonly Manifest[] {
  return parseAllDocuments(read(file), { version: '1.1' }).map((document) => {
    expect([file, document.errors]).toEqual([file, []]);
    return document.toJS() as Manifest;
  });
}
const manifests = files
  .filter((file) => path.basename(file) !== 'countersign.yaml')
  .flatMap((file) => manifestsOf(file).map((manifest) => ({ file, manifest })));
const deployments = manifests.flatMap(({ file, manifest }) => {
  const pod = manifest.kind === 'Deployment' ? manifest.spec?.template?.spec : undefined;
  return pod === undefined ? [] : [{ file, manifest, pod }];
});
/** The patch that makes httpd of it: its containers are values of operations. */
const patched = (
  manifestsOf('signature-server-httpd/deployment.yaml')[0] as unknown as readonly { readonly value: unknown }[]
)
  .flatMap(({ value }) => (Array.isArray(value) ? (value as Container[]) : [value as Container]))
  .filter(({ image }) => typeof image === 'string');
const containers = [
  ...deployments.flatMap(({ file, pod }) => pod.containers.map((container) => ({ file, container }))),
  ...patched.map((container) => ({ file: 'signature-server-httpd/deployment.yaml', container })),
];

describe('the manifests', () => {
  it('are all there', () => {
    expect(deployments.map(({ file }) => file).sort()).toEqual([
      'environment-worker/deployment.yaml',
      'orchestrator/deployment.yaml',
      'signature-server/deployment.yaml',
    ]);
    expect(containers.map(({ container }) => container.name)).toEqual(
      expect.arrayContaining(['orchestrator', 'worker', 'server', 'clone']),
    );
  });

  it.each(containers.map(({ file, container }) => [`${file} ${container.name}`, container] as const))(
    'give %s nothing that it does not need',
    (_, container) => {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources?.requests).toMatchObject({ cpu: expect.any(String) as string });
      expect(container.resources?.limits?.memory).toMatch(/^\d+[MG]i$/);
      expect(container.image).not.toContain(':');
      for (const { name, readOnly } of container.volumeMounts ?? []) {
        expect([name, readOnly === true]).toEqual([name, !['temporary', 'clone'].includes(name) || readOnly === true]);
      }
    },
  );

  it.each(deployments)('runs $file as nobody, with probes and secrets for its group alone', ({ pod, manifest }) => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.serviceAccountName).toBe(manifest.metadata?.name);
    for (const { secret } of pod.volumes) if (secret !== undefined) expect(secret.defaultMode).toBe(0o440);
    for (const container of pod.containers) {
      expect(container.readinessProbe).toBeDefined();
      expect(container.livenessProbe).toBeDefined();
    }
  });

  it('give a worker longer to end than it takes, and run one of each', () => {
    const facts = deployments.map(({ manifest: { spec }, pod }) => {
      return [spec?.replicas, spec?.strategy?.type, pod.terminationGracePeriodSeconds];
    });
    const [worker, orchestrator, server] = [
      [1, 'Recreate', 30],
      [1, undefined, 30],
      [4, undefined, 15],
    ];
    expect(facts).toEqual([worker, orchestrator, server]);
  });

  it('give the orchestrator no secret', () => {
    const { pod } = deployments.find(({ file }) => file.startsWith('orchestrator'))!;
    expect(pod.volumes.filter(({ secret }) => secret !== undefined)).toEqual([]);
  });

  it('mount no token but in the component for it', () => {
    const accounts = manifests.filter(({ manifest }) => manifest.kind === 'ServiceAccount');
    expect(accounts).toHaveLength(3);
    for (const { manifest } of accounts) expect(manifest.automountServiceAccountToken).toBe(false);
    const mounting = files.filter((file) => /automountServiceAccountToken, value: true/.test(read(file)));
    expect(mounting).toEqual(['kubernetes-access/kustomization.yaml']);
  });

  it('grant exactly what replicas and each way to rebuild use', () => {
    const roles = manifests.filter(({ manifest }) => /Role$/.test(manifest.kind));
    const builds = ['build.openshift.io'];
    const resourceNames = ['signature-server'];
    expect(roles.map(({ manifest }) => manifest.rules)).toEqual([
      [
        { apiGroups: builds, resources: ['buildconfigs'], resourceNames, verbs: ['get'] },
        { apiGroups: builds, resources: ['buildconfigs/instantiate'], resourceNames, verbs: ['create'] },
        { apiGroups: builds, resources: ['builds'], verbs: ['get', 'list'] },
        { apiGroups: builds, resources: ['builds/log'], verbs: ['get'] },
      ],
      [
        { apiGroups: ['tekton.dev'], resources: ['pipelineruns'], verbs: ['create', 'get'] },
        { apiGroups: ['tekton.dev'], resources: ['taskruns'], verbs: ['list'] },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      ],
      [
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list'] },
        { apiGroups: ['apps'], resources: ['deployments'], resourceNames, verbs: ['get', 'patch'] },
      ],
    ]);
  });

  it('deny what is not allowed in every namespace with pods', () => {
    for (const folder of ['orchestrator', 'environment-worker', 'signature-server']) {
      const [first] = manifestsOf(`${folder}/network-policies.yaml`);
      expect(first).toMatchObject({
        kind: 'NetworkPolicy',
        metadata: { name: 'deny-all' },
        spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
      });
    }
  });

  it('hold no secret, and name every file of every kustomization', () => {
    expect(manifests.filter(({ manifest }) => manifest.kind === 'Secret')).toEqual([]);
    const used = manifests.flatMap(({ file, manifest }) => {
      const { resources = [], components = [] } = manifest as { resources?: string[]; components?: string[] };
      return [...resources, ...components].map((name) => path.normalize(path.join(path.dirname(file), name)));
    });
    const there = [...files, ...files.map((file) => path.dirname(file))];
    expect(used.filter((name) => !there.includes(name))).toEqual([]);
    const kinds = files.filter((file) => !file.endsWith('kustomization.yaml') && !file.includes('httpd/'));
    expect(kinds.filter((file) => !used.includes(file))).toEqual(['example/configuration/countersign.yaml']);
  });

  it('come with a configuration that is one, whose secrets lie where they are mounted', () => {
    const text = read('example/configuration/countersign.yaml');
    const { environments, route } = parseConfiguration(text, '/etc/countersign/countersign.yaml');
    for (const name of route) {
      const { secrets, rebuild, signatures } = environments[name]!;
      expect(read(`example/${name}/kustomization.yaml`)).toContain(`mountPath, value: ${secrets} }`);
      expect(rebuild).toMatchObject({
        kind: 'rollout',
        namespace: `signatures-${name}`,
        deployment: 'signature-server',
      });
      expect(signatures.replicas).toMatchObject({ kind: 'endpoints', service: 'signature-server' });
      expect(read(`example/signatures-${name}/kustomization.yaml`)).toContain(
        `namespace, value: countersign-${name} }`,
      );
    }
  });
});
