/** What `up` leaves behind: nothing, once `down` has run, wherever `up` was killed. Started by run.mjs. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftovers, takeDown } from '../support/cluster/down.ts';
import { placeOf } from '../support/cluster/place.ts';
import { statusOf } from '../support/cluster/status.ts';
import { prepareCluster } from '../support/cluster/up.ts';
import { cacheFolder, waitUntil } from '../support/parts/index.mjs';

/** When `up` is killed, in milliseconds after the first file of the cluster is there; the last one lets it end. */
const KILLS = [50, 700, 2_500, 5_000, 8_000, undefined] as const;

/** Everything of this machine that a cluster could have changed. */
function machine(): Readonly<Record<string, readonly string[]>> {
  const lines = (command: string, ...args: readonly string[]): readonly string[] =>
    execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n');
  const cgroups = readdirSync('/sys/fs/cgroup').flatMap((name) => {
    const folder = path.join('/sys/fs/cgroup', name);
    return [
      folder,
      ...lines('find', folder, '-mindepth', '1', '-maxdepth', '1', '-type', 'd', '-name', 'countersign*'),
    ];
  });
  return {
    mounts: readFileSync('/proc/mounts', 'utf8').trim().split('\n').sort(),
    cgroups: cgroups.filter((line) => line !== '').sort(),
    hierarchies: readFileSync('/proc/cgroups', 'utf8')
      .split('\n')
      .map((line) => line.split('\t').slice(0, 2).join(' ')),
    interfaces: readdirSync('/sys/class/net').sort(),
    rules: lines('iptables-save').filter((line) => !line.startsWith('#')),
    processes: lines('ps', '-eo', 'args').filter(
      (line) => /kube|crio|etcd|conmon|coredns|tekton|bridge\.mjs/.test(line) && !line.includes('lifecycle'),
    ),
    run: readdirSync(cacheFolder('cluster', 'run')).sort(),
  };
}

const place = placeOf('lifecycle');
const log = (line: string): void => console.log(`lifecycle: ${line}`);
await prepareCluster({ tekton: true, log });
const before = machine();
let failures = 0;
for (const afterMs of KILLS) {
  const file = path.join(import.meta.dirname, '../support/cluster/cluster.ts');
  const args = [...process.execArgv, file, '--name', place.name, '--no-tekton', 'up'];
  const up = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const start = Date.now();
  const exited = once(up, 'exit');
  if (afterMs !== undefined) {
    const begun = waitUntil(() => existsSync(place.folder), { what: 'the first file', timeoutMs: 60_000, pollMs: 5 });
    await Promise.race([begun.then(() => sleep(afterMs)), exited]);
    up.kill('SIGKILL');
  }
  await exited;
  const { state } = await statusOf(place);
  const found = leftovers(place).length;
  await takeDown(place);
  // The kernel lets go of namespaces and what was mounted in them a little later.
  await sleep(500);
  const after = machine();
  const changed = Object.keys(before).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const how =
    afterMs === undefined ? `up in ${((Date.now() - start) / 1000).toFixed(1)} s` : `killed after ${afterMs} ms`;
  const left = changed.map((name) => `${name}: ${difference(before[name] ?? [], after[name] ?? [])}`);
  const isWrong = changed.length > 0 || (afterMs === undefined && state !== 'up');
  if (isWrong) failures += 1;
  log(
    `${how}, ${state}, ${found} things to clean up; after down: ${changed.length === 0 ? 'nothing is left' : left.join('; ')}`,
  );
}
process.exit(failures === 0 ? 0 : 1);

function difference(old: readonly string[], now: readonly string[]): string {
  const more = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  const less = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  return [...more, ...less].join(', ');
}
