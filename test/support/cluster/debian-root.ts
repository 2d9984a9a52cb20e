/** A Debian root with what our images need, as a layer; made by debootstrap, since no image can be pulled. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, runQuietly, withLock } from '../parts/index.mjs';
import type { Log } from '../parts/index.mjs';
import { layerOf, packLayer, writeImageLayout } from './container-image.ts';
import type { Layer } from './container-image.ts';

const SUITE = 'bookworm';
const COMMON = ['ca-certificates', 'git'];
/** By name: what is in a root. `builder` builds images in the pipelines' sample. */
const ROOTS = {
  base: [...COMMON, 'openssh-client', 'libstdc++6', 'apache2-bin', 'curl'],
  builder: [...COMMON, 'buildah'],
} as const;
/** A root that there is. */
export type DebianRoot = keyof typeof ROOTS;
/** Of no use in a container: half of the root. */
const DROPPED = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
  'var/cache/apt',
  'var/lib/apt/lists',
];

/** The layer, made where it is missing: a minute, once. */
export async function debianLayer(log: Log, root: DebianRoot = 'base'): Promise<Layer> {
  const file = path.join(cacheFolder('cluster', 'images'), `${nameOf(root)}.tar`);
  return await withLock(`cluster-${nameOf(root)}`, async () => {
    if (!existsSync(file)) await makeRoot(file, ROOTS[root], log);
    return await layerOf(file);
  });
}

/** An image of nothing else, as an OCI layout: the shell of Tekton's steps. */
export async function debianLayout(log: Log, root: DebianRoot = 'base'): Promise<string> {
  const layout = path.join(cacheFolder('cluster', 'images'), nameOf(root));
  const layer = await debianLayer(log, root);
  if (!existsSync(layout)) writeImageLayout(layout, [layer], { command: ['/bin/sh'] });
  return layout;
}

function nameOf(root: DebianRoot): string {
  return root === 'base' ? `debian-${SUITE}` : `debian-${SUITE}-${root}`;
}

async function makeRoot(file: string, packages: readonly string[], log: Log): Promise<void> {
  log(`making a Debian root with ${packages.join(', ')} …`);
  const start = Date.now();
  const work = mkdtempSync(path.join(cacheFolder('work'), 'debian-'));
  try {
    const root = path.join(work, 'root');
    const args = ['--variant=minbase', `--include=${packages.join(',')}`, SUITE, root, mirror()];
    const { ok, output } = await runQuietly('debootstrap', args);
    if (!ok) throw new Error(`make a Debian root: debootstrap failed\n${output.split('\n').slice(-10).join('\n')}`);
    for (const folder of DROPPED) {
      for (const name of readdirSync(path.join(root, folder)))
        rmSync(path.join(root, folder, name), { recursive: true });
    }
    // Device nodes are the runtime's business.
    rmSync(path.join(root, 'dev'), { recursive: true });
    await packLayer(root, `${file}.new`);
    renameSync(`${file}.new`, file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  log(`making a Debian root: ${((Date.now() - start) / 1000).toFixed(0)} s`);
}

/** Where this machine itself gets its packages. */
function mirror(): string {
  const listed = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' }).split('\n');
  const uri = listed.find((line) => /^https?:/.test(line) && !line.includes('security'));
  if (uri === undefined) throw new Error('make a Debian root: apt-get names no repository; see /etc/apt/sources.list');
  return uri;
}
