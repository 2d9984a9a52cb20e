/** Where copies happen: a source registry that stays, and a target that is new for every copy. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDockerRegistry } from '../../test/support/docker-registry.ts';
import type { DockerRegistry, DockerRegistryOptions } from '../../test/support/docker-registry.ts';
import { startForked } from './forked.ts';
import type { Forked } from './forked.ts';

/** Which program the registries run. */
export type RegistryProgram = NonNullable<DockerRegistryOptions['program']>;

/** A registry that nobody has pushed to. */
export interface Target {
  /** As clients reach it. */
  readonly host: string;
  /** The same registry without any distance. */
  readonly near: string;
  /** "METHOD /path status" of each request so far. */
  readonly requests: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
}

/** Two registries of one program; `stop` ends what is left of them. */
export interface Ground {
  readonly source: Pick<Target, 'host' | 'near'>;
  /** On another port each time: what a tool remembers of a registry is of no use to it. */
  readonly openTarget: () => Promise<Target>;
  readonly stop: () => Promise<void>;
}

type Distance = Forked<{ readonly backend: string; readonly roundTripMs: number }, { readonly host: string }>;

const TMPFS = 0x01021994;
const SHARED_MEMORY = '/dev/shm';
const FOLDER = 'countersign-copy-bench-';
/** A registry writes the line of a request after its answer. */
const LOG_DELAY_MS = 150;

/** A new folder, in memory where `bytes` are free there; `inMemory` tells. */
export async function makeFolder(bytes: number): Promise<{ readonly folder: string; readonly inMemory: boolean }> {
  const places = [tmpdir(), SHARED_MEMORY].filter((place) => existsSync(place));
  for (const place of places) await removeLeftOvers(place);
  const inMemory = await findRoom(places, bytes);
  const folder = await mkdtemp(path.join(inMemory ?? tmpdir(), `${FOLDER}${process.pid}-`));
  return { folder, inMemory: inMemory !== undefined };
}

async function findRoom(places: readonly string[], bytes: number): Promise<string | undefined> {
  for (const place of places) {
    const { type, bavail, bsize } = await statfs(place);
    if (type === TMPFS && bavail * bsize >= bytes) return place;
  }
  return undefined;
}

/** Of runs that were killed: they would hold gigabytes of memory until the machine is started again. */
async function removeLeftOvers(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    const pid = name.startsWith(FOLDER) ? Number.parseInt(name.slice(FOLDER.length), 10) : NaN;
    if (Number.isInteger(pid) && !existsSync(`/proc/${pid}`))
      await rm(path.join(place, name), { recursive: true, force: true });
  }
}

/** Starts the source. With `roundTripMs` every client is that far away from both registries. */
export async function startGround(program: RegistryProgram, roundTripMs: number): Promise<Ground> {
  const registry = await startDockerRegistry({ program });
  const distance: Distance | undefined = roundTripMs > 0 ? startForked('latency-process.ts') : undefined;
  const reach = async ({ host }: DockerRegistry): Promise<string> =>
    distance === undefined ? host : (await distance.ask({ backend: host, roundTripMs })).host;
  return {
    source: { host: await reach(registry), near: registry.host },
    openTarget: async () => {
      const target = await startDockerRegistry({ program });
      return {
        host: await reach(target),
        near: target.host,
        requests: async () => {
          await sleep(LOG_DELAY_MS);
          return target.requests();
        },
        stop: () => target.stop(),
      };
    },
    stop: async () => {
      await distance?.stop();
      await registry.stop();
    },
  };
}
