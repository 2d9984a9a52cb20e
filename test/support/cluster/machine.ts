import { existsSync, readFileSync } from 'node:fs';
import { findElevation } from '../parts/index.mjs';

/**
 * Says in one sentence why this machine cannot run the cluster; undefined where nothing is known to stand in the way.
 */
export function whyNotHere(): string | undefined {
  if (process.platform !== 'linux') return `it needs Linux namespaces and cgroups, and this is ${process.platform}`;
  if (process.getuid?.() !== 0)
    return 'it needs root (namespaces, mounts and cgroups); run it with sudo, or in a virtual machine';
  if (!existsSync('/proc/self/ns/net')) return 'this kernel has no network namespaces';
  if (!filesystems().includes('overlay')) return 'this kernel has no overlay file system (modprobe overlay)';
  if (!existsSync('/sys/fs/cgroup/memory') && !existsSync('/sys/fs/cgroup/cgroup.controllers')) {
    return 'no cgroups are mounted below /sys/fs/cgroup';
  }
  if (findElevation() === undefined)
    return 'it takes runc, conmon, etcd and more from Debian packages, and there is no apt-get';
  return undefined;
}

function filesystems(): readonly string[] {
  return readFileSync('/proc/filesystems', 'utf8')
    .split('\n')
    .map((line) => line.split('\t').at(-1) ?? '');
}
