/** Tekton Pipelines and Triggers, unmodified: their controllers and webhooks as processes of the node. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { waitUntil } from '../parts/index.mjs';
import { kubeconfigOf } from './authority.ts';
import { programFile } from './build-programs.ts';
import { kubectl } from './control-plane.ts';
import { lastWords, runInNode, startInNode } from './node.ts';
import type { ProgramImage } from './node-images.ts';
import { NODE_ADDRESS } from './place.ts';
import type { Place } from './place.ts';
import { findProgram } from './programs.ts';
import { configFiles } from './tekton-config.ts';

const NAMESPACE = 'tekton-pipelines';
const RESOLVERS_NAMESPACE = 'tekton-pipelines-resolvers';

/** What Tekton starts in pods. */
export const TEKTON_IMAGES: readonly ProgramImage[] = [
  ...['entrypoint', 'nop', 'workingdirinit', 'sidecarlogresults'].map((name) => ({
    name: `tekton-${name}`,
    program: `tekton-${name}`,
    path: `/ko-app/${name}`,
  })),
  { name: 'triggers-sink', program: 'triggers-eventlistenersink', path: '/ko-app/eventlistenersink' },
];

/** A controller or webhook of Tekton. */
interface Controller {
  readonly program: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Applies what Tekton's release has but the Deployments, and starts their programs; ready when both webhooks judge. */
export async function startTekton(place: Place): Promise<void> {
  await apply(place, configFiles('definitions'));
  await apply(place, configFiles('webhooks'));
  await runInNode(place, [...kubectl(place), 'apply', '--server-side', '-f', '-'], localServices());
  for (const controller of CONTROLLERS) await start(place, controller);
  await Promise.all([
    untilJudged(place, INVALID_TASK, 'tekton-webhook'),
    untilJudged(place, INVALID_TEMPLATE, 'triggers-webhook'),
  ]);
  // They must be there before the interceptors start, which write their authority into them once, and then each minute.
  await apply(place, configFiles('interceptors'));
  await start(place, INTERCEPTORS);
  const bundle = ['get', 'clusterinterceptor', 'github', '-o', 'jsonpath={.spec.clientConfig.caBundle}'];
  const ready = async (): Promise<boolean> => (await runInNode(place, [...kubectl(place), ...bundle])) !== '';
  await waitUntil(ready, { what: "Tekton's interceptors", timeoutMs: 90_000, pollMs: 300 });
}

function environment(names: {
  readonly domain: string;
  readonly suffix: '' | '-triggers';
  readonly election: string;
  readonly metrics: number;
}): Readonly<Record<string, string>> {
  return {
    SYSTEM_NAMESPACE: NAMESPACE,
    KUBERNETES_MIN_VERSION: 'v1.28.0',
    METRICS_DOMAIN: `tekton.dev/${names.domain}`,
    CONFIG_LOGGING_NAME: `config-logging${names.suffix}`,
    CONFIG_OBSERVABILITY_NAME: `config-observability${names.suffix}`,
    CONFIG_DEFAULTS_NAME: `config-defaults${names.suffix}`,
    CONFIG_LEADERELECTION_NAME: `config-leader-election${names.election}`,
    METRICS_PROMETHEUS_PORT: String(names.metrics),
    ...(names.domain === 'pipeline' && { CONFIG_FEATURE_FLAGS_NAME: 'feature-flags', CONFIG_SPIRE: 'config-spire' }),
  };
}

const INTERCEPTORS: Controller = {
  program: 'triggers-interceptors',
  namespace: NAMESPACE,
  serviceAccount: 'tekton-triggers-core-interceptors',
  env: {
    ...environment({ domain: 'triggers', suffix: '-triggers', election: '-triggers-interceptors', metrics: 9093 }),
    INTERCEPTOR_TLS_SVC_NAME: 'tekton-triggers-core-interceptors',
    INTERCEPTOR_TLS_SECRET_NAME: 'tekton-triggers-core-interceptors-certs',
  },
  args: ['-logtostderr'],
};

const CONTROLLERS: readonly Controller[] = [
  {
    program: 'tekton-webhook',
    namespace: NAMESPACE,
    serviceAccount: 'tekton-pipelines-webhook',
    env: {
      ...environment({ domain: 'pipeline', suffix: '', election: '-webhook', metrics: 9090 }),
      PROBES_PORT: '8080',
      WEBHOOK_PORT: '8453',
      WEBHOOK_ADMISSION_CONTROLLER_NAME: 'webhook.pipeline.tekton.dev',
      WEBHOOK_SERVICE_NAME: 'tekton-pipelines-webhook',
      WEBHOOK_SECRET_NAME: 'webhook-certs',
    },
  },
  {
    program: 'triggers-webhook',
    namespace: NAMESPACE,
    serviceAccount: 'tekton-triggers-webhook',
    env: {
      ...environment({ domain: 'triggers', suffix: '-triggers', election: '-triggers-webhook', metrics: 9092 }),
      WEBHOOK_PORT: '8455',
      WEBHOOK_SERVICE_NAME: 'tekton-triggers-webhook',
      WEBHOOK_SECRET_NAME: 'triggers-webhook-certs',
    },
  },
  {
    program: 'tekton-resolvers',
    namespace: RESOLVERS_NAMESPACE,
    serviceAccount: 'tekton-pipelines-resolvers',
    env: {
      ...environment({ domain: 'resolution', suffix: '', election: '-resolvers', metrics: 9096 }),
      CONFIG_FEATURE_FLAGS_NAME: 'feature-flags',
      SYSTEM_NAMESPACE: RESOLVERS_NAMESPACE,
      PROBES_PORT: '8083',
      // There is no way out of the namespace: nothing is to be looked for on a public hub.
      ARTIFACT_HUB_API: 'http://127.0.0.1:1/',
    },
  },
  {
    program: 'tekton-controller',
    namespace: NAMESPACE,
    serviceAccount: 'tekton-pipelines-controller',
    env: {
      ...environment({ domain: 'pipeline', suffix: '', election: '-controller', metrics: 9091 }),
      PROBES_PORT: '8081',
    },
    args: [
      ...['entrypoint', 'nop', 'sidecarlogresults', 'workingdirinit'].flatMap((name) => [
        `-${name}-image`,
        `localhost/tekton-${name}:1`,
      ]),
      ...['-shell-image', 'localhost/debian:1', '-shell-image-win', 'localhost/none:1'],
    ],
  },
  {
    program: 'triggers-controller',
    namespace: NAMESPACE,
    serviceAccount: 'tekton-triggers-controller',
    env: environment({ domain: 'triggers', suffix: '-triggers', election: '-triggers-controllers', metrics: 9094 }),
    args: [
      '-logtostderr',
      ...['-el-image', 'localhost/triggers-sink:1', '-el-port', '8080', '-el-events', 'disable'],
      ...['-el-security-context=true', '-el-read-only-root-filesystem=true'],
    ],
  },
];

async function start(place: Place, { program, namespace, serviceAccount, env, args = [] }: Controller): Promise<void> {
  const command = [...kubectl(place), 'create', 'token', serviceAccount, '--namespace', namespace, '--duration', '24h'];
  const token = (await runInNode(place, command)).trim();
  const kubeconfig = path.join(place.pki, `${serviceAccount}.kubeconfig`);
  writeFileSync(kubeconfig, kubeconfigOf(place, { user: { token } }), { mode: 0o600 });
  startInNode(place, program, {
    command: [programFile(findProgram(program)), ...args],
    env: { POD_NAME: `${program}-0`, KUBECONFIG: kubeconfig, ...env },
  });
}

async function apply(place: Place, files: readonly string[]): Promise<void> {
  const named = files.flatMap((file) => ['-f', file]);
  await runInNode(place, [...kubectl(place), 'apply', '--server-side', '--force-conflicts', ...named]);
}

/** The Services that the webhooks are called by, led to the processes of the node. */
function localServices(): string {
  const services = [
    ['tekton-pipelines-webhook', 'https-webhook', 443, 8453],
    ['tekton-triggers-webhook', 'https-webhook', 443, 8455],
    ['tekton-triggers-core-interceptors', 'https', 8443, 8443],
  ] as const;
  const documents = services.flatMap(([name, port, number, target]) => [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: NAMESPACE },
      spec: { ports: [{ name: port, port: number, targetPort: target }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${name}-local`,
        namespace: NAMESPACE,
        labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'countersign' },
      },
      addressType: 'IPv4',
      ports: [{ name: port, port: target, protocol: 'TCP' }],
      endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
    },
  ]);
  return documents.map((document) => stringify(document)).join('---\n');
}

const INVALID_TASK = {
  apiVersion: 'tekton.dev/v1',
  kind: 'Task',
  metadata: { name: 'probe', namespace: 'default' },
  spec: { steps: [{ name: 'step', image: 'x', script: '$(params.unknown)' }] },
};

const INVALID_TEMPLATE = {
  apiVersion: 'triggers.tekton.dev/v1beta1',
  kind: 'TriggerTemplate',
  metadata: { name: 'probe', namespace: 'default' },
  spec: {},
};

/** A webhook that really judges refuses what is invalid; before that the API server cannot reach it. */
async function untilJudged(place: Place, invalid: unknown, name: string): Promise<void> {
  const command = [...kubectl(place), 'apply', '--server-side', '--dry-run=server', '-f', '-'];
  const refused = async (): Promise<boolean> => {
    const said = await runInNode(place, command, stringify(invalid)).catch((error: unknown) => String(error));
    return said.includes('denied the request');
  };
  await waitUntil(refused, { what: `${name} to judge`, timeoutMs: 90_000, pollMs: 300 }).catch((cause: unknown) => {
    throw new Error(`start ${name}: its last words:\n${lastWords(place, name)}`, { cause });
  });
}
