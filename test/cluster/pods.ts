/** Pods on the test cluster's node: what its kubelet and CRI-O make of an image. */
import { waitUntil } from '../support/parts/index.mjs';
import { kubectl } from '../support/cluster/control-plane.ts';
import { runInNode } from '../support/cluster/node.ts';
import { placeOf } from '../support/cluster/place.ts';

/** The cluster that the run has brought up. */
export const CLUSTER = placeOf(process.env['COUNTERSIGN_TEST_CLUSTER'] ?? 'test');

/** What the node said to an image. */
export interface NodeVerdict {
  readonly isAccepted: boolean;
  /** `Running`, or the kubelet's word for the refusal, for example `SignatureValidationFailed`. */
  readonly reason: string;
  /** What CRI-O said. */
  readonly message: string;
}

interface PodStatus {
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

let count = 0;

/** Runs kubectl as the administrator; its standard output. */
export async function kube(args: readonly string[], input?: string): Promise<string> {
  return await runInNode(CLUSTER, [...kubectl(CLUSTER), ...args], input);
}

/** Applies documents. */
export async function applyAll(documents: readonly unknown[]): Promise<void> {
  await kube(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: documents }));
}

/** Starts a pod of its own with the image, always pulled, waits for the node's verdict, and removes the pod. */
export async function judgeByPod(image: string): Promise<NodeVerdict> {
  count += 1;
  const name = `judged-${process.pid}-${count}`;
  const container = { name: 'image', image, imagePullPolicy: 'Always', resources: { limits: { memory: '64Mi' } } };
  await applyAll([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        containers: [container],
      },
    },
  ]);
  try {
    return await verdictOf(name);
  } finally {
    await kube(['delete', 'pod', name, '--namespace', 'default', '--wait=false']);
  }
}

async function verdictOf(name: string): Promise<NodeVerdict> {
  let verdict: NodeVerdict | undefined;
  const judged = async (): Promise<boolean> => (verdict = await look(name)) !== undefined;
  await waitUntil(judged, { what: `the node's verdict on pod ${name}`, timeoutMs: 90_000, pollMs: 400 });
  return verdict!;
}

async function look(name: string): Promise<NodeVerdict | undefined> {
  const pod = JSON.parse(await kube(['get', 'pod', name, '--namespace', 'default', '-o', 'json'])) as PodStatus;
  if (pod.status?.phase === 'Running' || pod.status?.phase === 'Succeeded') {
    return { isAccepted: true, reason: 'Running', message: '' };
  }
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
  if (waiting?.reason === undefined || ['ContainerCreating', 'PodInitializing'].includes(waiting.reason))
    return undefined;
  if (waiting.reason !== 'ImagePullBackOff') {
    return { isAccepted: false, reason: waiting.reason, message: waiting.message ?? '' };
  }
  // The first refusal was overtaken by the wait for the next try; its word stands in the message.
  const [, reason = waiting.reason, message = waiting.message ?? ''] =
    /^Back-off pulling image "[^"]*": (\w+): (.*)$/s.exec(waiting.message ?? '') ?? [];
  return { isAccepted: false, reason, message };
}
