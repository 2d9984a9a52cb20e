import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { kubectl } from './control-plane.ts';
import { leftovers } from './down.ts';
import { runInNode } from './node.ts';
import { nodeProcess } from './place.ts';
import type { Place } from './place.ts';

/** How a cluster is. */
export interface ClusterStatus {
  /** `broken`: something of it is there, and the node is not; `down` cleans it up. */
  readonly state: 'up' | 'down' | 'broken';
  readonly node?: 'ready' | 'not ready';
  readonly tekton?: boolean;
  readonly kubeconfig?: string;
  /** What an interrupted start or end left on this machine. */
  readonly leftovers: readonly string[];
}

/** Looks at the processes and files of a cluster, and asks its API server. */
export async function statusOf(place: Place): Promise<ClusterStatus> {
  if (nodeProcess(place) === undefined) {
    const left = leftovers(place);
    return { state: left.length === 0 ? 'down' : 'broken', leftovers: left };
  }
  const question = ['get', 'nodes', '-o', 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'];
  const answer = await runInNode(place, [...kubectl(place), '--request-timeout', '5s', ...question]).catch(() => '');
  const tekton = path.join(place.folder, 'tekton');
  const whole = existsSync(place.kubeconfig);
  return {
    state: whole ? 'up' : 'broken',
    node: answer === 'True' ? 'ready' : 'not ready',
    tekton: existsSync(tekton) && readFileSync(tekton, 'utf8') === 'true',
    ...(whole && { kubeconfig: place.kubeconfig }),
    leftovers: [],
  };
}
