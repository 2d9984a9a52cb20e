/** Where one cluster keeps what it needs at run time, and the addresses inside its namespaces. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../parts/index.mjs';

/** The node's own address; kubelet and EndpointSlices refuse 127.x. It exists inside the node's namespace only. */
export const NODE_ADDRESS = '10.99.0.1';
export const NODE_NAME = 'countersign-node';
/** Of the Service `kubernetes`. */
export const API_SERVICE_ADDRESS = '10.96.0.1';
export const SERVICE_NETWORK = '10.96.0.0/24';
export const POD_NETWORK = '10.98.0.0/24';
/** In the environment of every process of a cluster, with its folder as value: so all of them are found again. */
export const MARK = 'COUNTERSIGN_CLUSTER';

/** The files of one cluster. */
export interface Place {
  readonly name: string;
  readonly folder: string;
  readonly pki: string;
  readonly logs: string;
  readonly settings: string;
  /** For people and tests outside the node's network namespace. */
  readonly kubeconfig: string;
  /** For processes inside it. */
  readonly innerKubeconfig: string;
  /** Of our own cgroups, in every hierarchy. */
  readonly cgroup: string;
}

/** The place of the cluster with this name; nothing is made. */
export function placeOf(name: string): Place {
  if (!/^[a-z0-9][a-z0-9-]{0,20}$/.test(name)) {
    throw new Error(
      `find the cluster: ${JSON.stringify(name)} is no name for one; expected a-z, 0-9 and -, 21 at most`,
    );
  }
  const folder = path.join(cacheFolder('cluster', 'run'), name);
  const pki = path.join(folder, 'pki');
  return {
    name,
    folder,
    pki,
    logs: path.join(folder, 'log'),
    settings: path.join(folder, 'etc'),
    kubeconfig: path.join(folder, 'kubeconfig'),
    innerKubeconfig: path.join(pki, 'admin.kubeconfig'),
    cgroup: `countersign-${name}`,
  };
}

/** The process that holds the node's namespaces, as the host numbers it; undefined where it does not run. */
export function nodeProcess(place: Place): number | undefined {
  const file = path.join(place.folder, 'node.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8'));
  return Number.isSafeInteger(pid) && pid > 1 && belongsTo(place, pid) ? pid : undefined;
}

/** Tells by its environment whether a process is of this cluster: numbers of processes are used again. */
export function belongsTo(place: Place, pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${MARK}=${place.folder}`);
  } catch {
    return false;
  }
}
