import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findElevation, installPackages } from '../parts/index.mjs';
import type { Log } from '../parts/index.mjs';
import { kubeconfigOf, makeAuthority } from './authority.ts';
import { buildPrograms } from './build-programs.ts';
import { startApiServer, startComponents, startRuntime } from './control-plane.ts';
import { debianLayout } from './debian-root.ts';
import { takeDown } from './down.ts';
import { whyNotHere } from './machine.ts';
import { PAUSE, importImage, programLayout } from './node-images.ts';
import { writeSettings } from './node-settings.ts';
import { startNode } from './node.ts';
import { MARK, NODE_ADDRESS, nodeProcess } from './place.ts';
import type { Place } from './place.ts';
import { NODE_PROGRAMS, TEKTON_PROGRAMS } from './programs.ts';
import { startTekton, TEKTON_IMAGES } from './tekton.ts';
import { DEBIAN_FILES } from './versions.ts';

export interface UpOptions {
  readonly tekton: boolean;
  readonly log: Log;
}

/** Installs and builds what the cluster is made of. */
export async function prepareCluster({ tekton, log }: UpOptions): Promise<void> {
  const obstacle = whyNotHere();
  if (obstacle !== undefined) throw new Error(`the test cluster cannot run on this machine: ${obstacle}`);
  await installMissing(log);
  await buildPrograms([...NODE_PROGRAMS, ...(tekton ? TEKTON_PROGRAMS : [])], log);
}

/**
 * Brings the cluster up from nothing: state of an earlier one would wait out leases of a minute.
 * @throws Error when it is up already, or a part of it does not become ready; what was started is then taken down.
 */
export async function bringUp(place: Place, options: UpOptions): Promise<void> {
  if (nodeProcess(place) !== undefined) {
    throw new Error(`bring up the cluster ${place.name}: it is up already; npm run cluster -- status, or down`);
  }
  await prepareCluster(options);
  await takeDown(place);
  try {
    await start(place, options);
  } catch (error) {
    await takeDown(place);
    throw error;
  }
}

async function start(place: Place, { tekton, log }: UpOptions): Promise<void> {
  const begin = Date.now();
  const tell = (what: string): void => log(`${what} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  mkdirSync(place.folder, { recursive: true, mode: 0o755 });
  writeFileSync(path.join(place.folder, 'tekton'), String(tekton));
  await Promise.all([makeAuthority(place), startNode(place)]);
  writeSettings(place);
  const images = async (): Promise<void> => {
    for (const image of [PAUSE, ...(tekton ? TEKTON_IMAGES : [])]) {
      await importImage(place, image.name, await programLayout(image));
    }
    if (tekton) await importImage(place, 'debian', await debianLayout(log));
    await startRuntime(place);
  };
  await Promise.all([startApiServer(place), images()]);
  tell('etcd, kube-apiserver and CRI-O are up');
  await startComponents(place);
  tell('the node is ready');
  if (tekton) {
    await startTekton(place);
    tell('Tekton Pipelines and Triggers are ready');
  }
  await openBridge(place);
}

async function installMissing(log: Log): Promise<void> {
  const missing = (): readonly string[] =>
    Object.entries(DEBIAN_FILES).flatMap(([name, file]) => (existsSync(file) ? [] : [name]));
  if (missing().length === 0) return;
  log(`installing ${missing().join(', ')} with apt-get …`);
  const { ok, output } = await installPackages(missing, findElevation() ?? []);
  if (!ok || missing().length > 0) throw new Error(`install ${missing().join(', ')}: apt-get failed\n${output}`);
}

/** The API server, from outside the node's network namespace: a port on loopback, and a kubeconfig that names it. */
async function openBridge(place: Place): Promise<void> {
  const pid = nodeProcess(place);
  const listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  const handle = (listener as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const script = path.join(import.meta.dirname, 'bridge.mjs');
  const inside = ['--target', String(pid), '--net', '--pid', '--', process.execPath, script, `${NODE_ADDRESS}:443`];
  const child = spawn('nsenter', inside, {
    env: { ...process.env, [MARK]: place.folder },
    stdio: ['ignore', 'ignore', 'ignore', handle.fd],
    detached: true,
  });
  child.unref();
  listener.close();
  const user = {
    'client-certificate-data': readFileSync(path.join(place.pki, 'admin.crt')).toString('base64'),
    'client-key-data': readFileSync(path.join(place.pki, 'admin.key')).toString('base64'),
  };
  rmSync(place.kubeconfig, { force: true });
  writeFileSync(place.kubeconfig, kubeconfigOf(place, { user, server: `https://127.0.0.1:${port}` }), { mode: 0o600 });
}
