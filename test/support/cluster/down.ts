import { execFile } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from '../parts/index.mjs';
import { processesOf } from './node.ts';
import { nodeProcess } from './place.ts';
import type { Place } from './place.ts';

const GRACE_MS = 3_000;

/** Ends every process of the cluster, and removes its cgroups and files. Harmless where nothing is left, or half of it. */
export async function takeDown(place: Place): Promise<void> {
  const left = (): readonly number[] => processesOf(place, allProcesses());
  // The first process of the node takes all others of its namespace along, whose parents out here then end by
  // themselves; what does not goes by its mark.
  const node = nodeProcess(place);
  if (node !== undefined) kill(node);
  const start = Date.now();
  await waitUntil(
    () => {
      const pids = left();
      if (node === undefined || Date.now() - start > GRACE_MS) for (const pid of pids) kill(pid);
      return pids.length === 0;
    },
    { what: `the processes of the cluster ${place.name} to end`, timeoutMs: 30_000 },
  );
  await removeCgroups(place);
  if (existsSync(place.folder)) {
    // Namespaces, and the mounts in them, vanish a moment after their last process.
    await waitUntil(
      () => {
        rmSync(place.folder, { recursive: true, force: true, maxRetries: 3 });
        return true;
      },
      { what: `the files below ${place.folder} to be removed` },
    );
  }
}

/** Everything of a cluster that is still on this machine, by name; for `status`, and for tests of `takeDown`. */
export function leftovers(place: Place): readonly string[] {
  const processes = processesOf(place, allProcesses()).map((pid) => `process ${pid}`);
  const cgroups = hierarchies()
    .map((hierarchy) => path.join(hierarchy, place.cgroup))
    .filter((folder) => existsSync(folder));
  return [...processes, ...cgroups, ...(existsSync(place.folder) ? [place.folder] : [])];
}

function allProcesses(): readonly number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function hierarchies(): readonly string[] {
  const root = '/sys/fs/cgroup';
  if (existsSync(path.join(root, 'cgroup.controllers'))) return [root];
  return existsSync(root) ? readdirSync(root).map((name) => path.join(root, name)) : [];
}

/**
 * Our cgroups in every hierarchy. That of hugetlb is mounted nowhere on many machines; it is mounted for the occasion,
 * in a mount namespace of its own, since its cgroups outlive the mount.
 */
async function removeCgroups({ cgroup }: Place): Promise<void> {
  const script = `
set -eu
mount --make-rprivate /
root=/sys/fs/cgroup
if [ ! -e $root/cgroup.controllers ] && [ ! -d $root/hugetlb ] && grep -q '^hugetlb' /proc/cgroups; then
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/hugetlb
  mount -t cgroup -o hugetlb cgroup /mnt/hugetlb
fi
for place in $root/"$1" $root/*/"$1" /mnt/hugetlb/"$1"; do
  [ -d "$place" ] || continue
  tries=0
  while [ -d "$place" ] && [ $tries -lt 50 ]; do
    find "$place" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    tries=$((tries + 1))
  done
  [ ! -d "$place" ] || { echo "cgroup $place is still in use" >&2; exit 1; }
done
# Removed cgroups hold their hierarchy for a moment; unmounted earlier, it would stay in the kernel.
if [ -d /mnt/hugetlb ]; then
  sleep 0.3
  umount /mnt/hugetlb
fi
`;
  if (process.getuid?.() !== 0 || process.platform !== 'linux') return;
  await promisify(execFile)('unshare', ['--mount', 'sh', '-c', script, 'sh', cgroup]);
}
