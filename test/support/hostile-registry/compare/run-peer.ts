/** One behaviour met by another program. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { SecureContext } from 'node:tls';
import type { Behaviour, Probe } from '../behaviour.ts';
import { startRawServer } from '../raw-server.ts';
import type { SeenRequest } from '../raw-server.ts';
import { serve } from '../service.ts';
import { basicOf, holdsSecret, makeCanary, partyOf } from '../stage.ts';
import type { Stage } from '../stage.ts';
import type { Peer } from './peers.ts';
import { startCaseProxy } from './proxy.ts';

export interface PeerGround {
  readonly secureContext: SecureContext;
  /** PEM file of the authority. */
  readonly caFile: string;
  readonly layout: string;
  readonly folder: string;
}

export interface PeerReport {
  /** Undefined where it had to be ended. */
  readonly code: number | null | undefined;
  readonly said: string;
  readonly ms: number;
  readonly peakBytes: number;
  /** Whether it ever came to what the registry does wrong. */
  readonly wasMet: boolean;
  /** Origins other than the registry's that were asked. */
  readonly elsewhere: readonly string[];
  readonly leaks: readonly string[];
}

export const LIMIT_MS = 20_000;
const SAMPLE_MS = 10;
let runs = 0;

/** Undefined for what the peer cannot be told to do. */
export async function runPeer(
  peer: Peer,
  behaviour: Behaviour,
  which: Probe,
  ground: PeerGround,
): Promise<PeerReport | undefined> {
  const zone = '.hostile.test';
  const stage: Stage = {
    registry: partyOf(`registry${zone}`, 443, 443),
    attacker: { ...partyOf(`attacker${zone}`, 443, 443), port: 8443 },
    zone,
    canary: makeCanary(),
    isEmpty: which === 'upload' || which === 'bulk-upload' || which === 'put-manifest',
  };
  const folder = path.join(ground.folder, `run-${++runs}`);
  const command = peer.command({ probe: which, host: stage.registry.host, layout: ground.layout, folder });
  if (command === undefined) return undefined;
  await writeLogin(folder, stage, behaviour);
  const parts = { port: 0, wasMet: false };
  const proxy = await startCaseProxy(() => parts.port);
  const server = await startRawServer({
    secureContext: ground.secureContext,
    placeOf: proxy.placeOf,
    answer: async (exchange) => {
      if (await serve(behaviour, stage, exchange)) parts.wasMet = true;
    },
  });
  parts.port = server.port;
  try {
    const ended = await runProgram(command, environment(folder, proxy.url, ground.caFile));
    return { ...ended, wasMet: parts.wasMet, ...judge(server.requests, stage) };
  } finally {
    await Promise.all([proxy.stop(), server.stop()]);
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeLogin(
  folder: string,
  { registry, canary }: Stage,
  { credential = 'password' }: Behaviour,
): Promise<void> {
  await mkdir(path.join(folder, 'docker'), { recursive: true });
  const entry = credential === 'identity-token' ? { identitytoken: canary.identityToken } : {};
  const auths = credential === 'none' ? {} : { [registry.host]: { auth: basicOf(canary), ...entry } };
  await writeFile(path.join(folder, 'docker', 'config.json'), JSON.stringify({ auths }));
}

function environment(folder: string, proxy: string, caFile: string): NodeJS.ProcessEnv {
  const docker = path.join(folder, 'docker');
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    XDG_CONFIG_HOME: path.join(folder, 'config'),
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    XDG_RUNTIME_DIR: path.join(folder, 'run'),
    TMPDIR: folder,
    DOCKER_CONFIG: docker,
    REGISTRY_AUTH_FILE: path.join(docker, 'config.json'),
    REGCTL_CONFIG: path.join(folder, 'regctl.json'),
    SSL_CERT_FILE: caFile,
    HTTPS_PROXY: proxy,
    HTTP_PROXY: proxy,
  };
}

async function runProgram(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Pick<PeerReport, 'code' | 'said' | 'ms' | 'peakBytes'>> {
  const begun = performance.now();
  const child = spawn(program, args, {
    env,
    cwd: env['HOME'],
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  let peakBytes = 0;
  const watch = setInterval(() => (peakBytes = Math.max(peakBytes, peakOf(child.pid))), SAMPLE_MS);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const [code, ...said] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  clearInterval(watch);
  const ms = performance.now() - begun;
  return { code: ms >= LIMIT_MS ? undefined : code, said: said.join('').trim(), ms, peakBytes };
}

/** The most memory that a process had so far. */
function peakOf(pid: number | undefined): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function judge(requests: readonly SeenRequest[], { registry, canary }: Stage): Pick<PeerReport, 'elsewhere' | 'leaks'> {
  const strangers = requests.filter(({ origin }) => origin !== `https://${registry.host}`);
  const leaking = strangers.filter(({ target, headers, body }) =>
    holdsSecret([target, ...headers.values(), body.toString('latin1')].join('\n'), canary),
  );
  return {
    elsewhere: [...new Set(strangers.map(({ origin }) => origin))],
    leaks: [...new Set(leaking.map(({ method, origin }) => `${method} ${origin}`))],
  };
}
