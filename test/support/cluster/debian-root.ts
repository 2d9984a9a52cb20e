/** A Debian root with what our images need, as a layer; made by debootstrap, since no image can be pulled. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, runQuietly, withLock } from '../parts/index.mjs';
import type { Log } from '../parts/index.mjs';
import { layerOf, packLayer, writeImageLayout } from './container-image.ts';
import type { Layer } from './container-image.ts';

const SUITE = 'bookworm';
const PACKAGES = ['ca-certificates', 'git', 'openssh-client', 'libstdc++6', 'apache2-bin', 'curl'];
/** By name: what is added to the root. `builder` builds images in the pipelines' sample. */
const ADDED = { base: [], builder: ['buildah'] } as const;
/** A root that there is. */
export type DebianRoot = keyof typeof ADDED;
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
    if (!existsSync(file)) await makeRoot(file, root, log);
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

async function makeRoot(file: string, name: DebianRoot, log: Log): Promise<void> {
  const packages = name === 'base' ? PACKAGES : ADDED[name];
  log(`making a Debian root with ${packages.join(', ')} …`);
  const start = Date.now();
  const work = mkdtempSync(path.join(cacheFolder('work'), 'debian-'));
  try {
    const root = path.join(work, 'root');
    await (name === 'base' ? bootstrap(root) : extend(root, { packages, log }));
    for (const folder of DROPPED) {
      for (const entry of readdirSync(path.join(root, folder)))
        rmSync(path.join(root, folder, entry), { recursive: true });
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

async function bootstrap(root: string): Promise<void> {
  await mustRun('debootstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, root, mirror()]);
}

/** By apt in the root itself: debootstrap puts packages up in an order that only small sets survive. */
async function extend(
  root: string,
  { packages, log }: { readonly packages: readonly string[]; readonly log: Log },
): Promise<void> {
  const { file } = await debianLayer(log);
  mkdirSync(path.join(root, 'dev'), { recursive: true });
  execFileSync('tar', ['-C', root, '-xf', file]);
  execFileSync('mknod', ['-m', '666', path.join(root, 'dev/null'), 'c', '1', '3']);
  // As this machine reaches its own packages.
  for (const own of ['/etc/resolv.conf', '/etc/hosts', '/etc/apt/apt.conf.d'])
    if (existsSync(own)) cpSync(own, path.join(root, own), { recursive: true, force: true });
  writeFileSync(path.join(root, 'etc/apt/sources.list'), `deb ${mirror()} ${SUITE} main\n`);
  await mustRun('chroot', [root, 'apt-get', 'update', '--quiet']);
  await mustRun('chroot', [root, 'apt-get', 'install', '--yes', '--no-install-recommends', ...packages]);
}

async function mustRun(command: string, args: readonly string[]): Promise<void> {
  const { ok, output } = await runQuietly(command, args);
  if (!ok) throw new Error(`make a Debian root: ${command} failed\n${output.split('\n').slice(-10).join('\n')}`);
}

/** Where this machine itself gets its packages. */
function mirror(): string {
  const listed = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' }).split('\n');
  const uri = listed.find((line) => /^https?:/.test(line) && !line.includes('security'));
  if (uri === undefined) throw new Error('make a Debian root: apt-get names no repository; see /etc/apt/sources.list');
  return uri;
}
