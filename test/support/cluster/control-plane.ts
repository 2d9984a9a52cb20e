/** Kubernetes itself, started in order inside the node's namespaces. */
import path from 'node:path';
import { waitUntil } from '../parts/index.mjs';
import { programFile } from './build-programs.ts';
import { lastWords, runInNode, startInNode } from './node.ts';
import type { Place } from './place.ts';
import { NODE_ADDRESS, NODE_NAME, SERVICE_NETWORK } from './place.ts';
import { findProgram } from './programs.ts';

/** What the node trusts until a test gives it a policy: its own images, and nothing else. */
const FIRST_POLICY = {
  default: [{ type: 'reject' }],
  transports: { docker: { localhost: [{ type: 'insecureAcceptAnything' }] } },
};

/** Starts etcd and the API server, and waits until it answers. */
export async function startApiServer(place: Place): Promise<void> {
  const client = 'http://127.0.0.1:2379';
  const peer = 'http://127.0.0.1:2380';
  const addresses = [
    ...flags({ 'listen-client-urls': client, 'advertise-client-urls': client }),
    ...flags({ 'listen-peer-urls': peer }),
  ];
  const cluster = flags({ 'initial-advertise-peer-urls': peer, 'initial-cluster': `etcd=${peer}` });
  const data = ['--name=etcd', `--data-dir=${place.folder}/etcd`, '--unsafe-no-fsync'];
  startInNode(place, 'etcd', { command: ['etcd', ...data, ...addresses, ...cluster] });
  startInNode(place, 'apiserver', { command: [program('kube-apiserver'), ...flags(apiServerFlags(place))] });
  await untilReady(place, 'apiserver', async () => {
    const answer = await runInNode(place, [...kubectl(place), 'get', '--raw', '/readyz']);
    return answer.trim() === 'ok';
  });
}

/** Starts CRI-O with the first policy, and waits for its socket: a kubelet that finds none ends. */
export async function startRuntime(place: Place): Promise<void> {
  await setPolicy(place, JSON.stringify(FIRST_POLICY));
  const { settings } = place;
  const config = ['--config', path.join(settings, 'crio.conf'), '--config-dir', path.join(settings, 'crio.conf.d')];
  startInNode(place, 'crio', { command: [program('crio'), ...config] });
  await untilReady(place, 'crio', async () => {
    await runInNode(place, ['test', '-S', '/run/crio/crio.sock']);
    return true;
  });
}

/** Replaces the node's policy.json; CRI-O reads it at every pull. */
export async function setPolicy(place: Place, policy: string): Promise<void> {
  await runInNode(place, ['sh', '-c', 'cat > /etc/containers/policy.json'], policy);
}

/** Starts what makes pods run, and waits until the node is ready for them. */
export async function startComponents(place: Place): Promise<void> {
  const config = (name: string): string => path.join(place.pki, `${name}.kubeconfig`);
  const start = (name: string, given: Readonly<Record<string, string>>): void =>
    startInNode(place, name, { command: [program(name), ...flags(given)] });
  const alone = { 'bind-address': '127.0.0.1', 'leader-elect': 'false' };
  start('kube-controller-manager', {
    ...alone,
    kubeconfig: config('controller-manager'),
    'service-account-private-key-file': path.join(place.pki, 'service-accounts.key'),
    'root-ca-file': path.join(place.pki, 'ca.crt'),
    'use-service-account-credentials': 'true',
    controllers: '*,-nodeipam,-cloud-node-lifecycle,-node-route-controller,-service-lb-controller',
  });
  start('kube-scheduler', { ...alone, kubeconfig: config('scheduler') });
  start('kubelet', {
    config: path.join(place.settings, 'kubelet.yaml'),
    kubeconfig: config('kubelet'),
    'root-dir': path.join(place.folder, 'kubelet'),
    'hostname-override': NODE_NAME,
    'node-ip': NODE_ADDRESS,
  });
  start('kube-proxy', { config: path.join(place.settings, 'kube-proxy.yaml') });
  startInNode(place, 'coredns', { command: [program('coredns'), '-conf', path.join(place.settings, 'Corefile')] });
  await untilReady(place, 'kubelet', async () => {
    const condition = '{.status.conditions[?(@.type=="Ready")].status}';
    return (
      (await runInNode(place, [...kubectl(place), 'get', 'node', NODE_NAME, '-o', `jsonpath=${condition}`])) === 'True'
    );
  });
  await untilReady(place, 'kube-controller-manager', async () => {
    await runInNode(place, [...kubectl(place), 'get', 'serviceaccount', 'default', '--namespace', 'default']);
    return true;
  });
}

/** `kubectl` for use inside the node's namespaces. */
export function kubectl(place: Place): readonly string[] {
  return [program('kubectl'), '--kubeconfig', place.innerKubeconfig];
}

function apiServerFlags({ pki }: Place): Readonly<Record<string, string>> {
  const file = (name: string): string => path.join(pki, name);
  return {
    'etcd-servers': 'http://127.0.0.1:2379',
    'bind-address': '0.0.0.0',
    'secure-port': '443',
    'advertise-address': NODE_ADDRESS,
    'service-cluster-ip-range': SERVICE_NETWORK,
    'tls-cert-file': file('apiserver.crt'),
    'tls-private-key-file': file('apiserver.key'),
    'client-ca-file': file('ca.crt'),
    'service-account-key-file': file('service-accounts.key'),
    'service-account-signing-key-file': file('service-accounts.key'),
    'service-account-issuer': 'https://kubernetes.default.svc',
    'authorization-mode': 'Node,RBAC',
    'kubelet-client-certificate': file('admin.crt'),
    'kubelet-client-key': file('admin.key'),
    'kubelet-certificate-authority': file('ca.crt'),
    'kubelet-preferred-address-types': 'InternalIP',
    'allow-privileged': 'true',
    // Lets the webhooks of Tekton be local processes behind a Service.
    'enable-aggregator-routing': 'true',
  };
}

function flags(given: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(given).map(([name, value]) => `--${name}=${value}`);
}

function program(name: string): string {
  return programFile(findProgram(name));
}

async function untilReady(place: Place, name: string, check: () => Promise<boolean>): Promise<void> {
  try {
    await waitUntil(check, { what: name, timeoutMs: 90_000, pollMs: 200 });
  } catch (cause) {
    throw new Error(`start ${name}: not ready within 90 s, its last words:\n${lastWords(place, name)}`, { cause });
  }
}
