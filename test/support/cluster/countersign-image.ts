/** The image of countersign as its Containerfile describes it, made here from a Debian root, since none can be pulled. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { npmCommand, root } from '../bootstrap.mjs';
import { cacheFolder, runQuietly } from '../parts/index.mjs';
import type { Log } from '../parts/index.mjs';
import { layerOf, packLayer, writeImageLayout } from './container-image.ts';
import type { Layer } from './container-image.ts';
import { debianLayer } from './debian-root.ts';

/** Where the command lies in the image. */
const HOME = '/opt/countersign';
/** As the Containerfile has it; nobody else in the image. */
const USER = '65532:65532';

/** The image as an OCI layout, made anew from what is compiled; the layers below that come from the cache. */
export async function countersignLayout(log: Log): Promise<string> {
  const layout = path.join(cacheFolder('cluster', 'images'), 'countersign');
  const layers = [await debianLayer(log), await nodeLayer(), await dependenciesLayer(log), await ownLayer()];
  writeImageLayout(layout, layers, {
    entrypoint: ['/usr/local/bin/node', `${HOME}/dist/cli/main.js`],
    user: USER,
    workingFolder: HOME,
    variables: { NODE_ENV: 'production' },
  });
  const size = execFileSync('du', ['-sh', layout], { encoding: 'utf8' }).split('\t')[0];
  log(`the image of countersign: ${size}`);
  return layout;
}

/** This Node, as it is installed here. */
async function nodeLayer(): Promise<Layer> {
  const file = path.join(cacheFolder('cluster', 'images'), `node-${process.version}.tar`);
  return existsSync(file)
    ? await layerOf(file)
    : await packed(file, (folder) => {
        mkdirSync(path.join(folder, 'usr/local/bin'), { recursive: true });
        cpSync(process.execPath, path.join(folder, 'usr/local/bin/node'));
        return Promise.resolve();
      });
}

/** What package-lock.json names for production, without Temporal's libraries for other platforms. */
async function dependenciesLayer(log: Log): Promise<Layer> {
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  const mark = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const file = path.join(cacheFolder('cluster', 'images'), `dependencies-${mark}.tar`);
  if (existsSync(file)) return await layerOf(file);
  log('installing the dependencies of the image …');
  return await packed(file, async (folder) => {
    const home = path.join(folder, HOME);
    mkdirSync(home, { recursive: true });
    for (const name of ['package.json', 'package-lock.json', '.npmrc'])
      cpSync(path.join(root, name), path.join(home, name));
    const [command, ...args] = npmCommand('ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund');
    const { ok, output } = await runQuietly(command, args, { cwd: home });
    if (!ok) throw new Error(`install the dependencies of the image: ${output}`);
    const releases = path.join(home, 'node_modules/@temporalio/core-bridge/releases');
    const ours = process.arch === 'arm64' ? 'aarch64-unknown-linux-gnu' : 'x86_64-unknown-linux-gnu';
    for (const name of readdirSync(releases)) if (name !== ours) rmSync(path.join(releases, name), { recursive: true });
  });
}

async function ownLayer(): Promise<Layer> {
  const file = path.join(cacheFolder('cluster', 'images'), 'countersign.tar');
  return await packed(file, (folder) => {
    cpSync(path.join(root, 'dist'), path.join(folder, HOME, 'dist'), { recursive: true });
    const programs = path.join(folder, 'usr/local/bin');
    mkdirSync(programs, { recursive: true });
    symlinkSync(`${HOME}/dist/cli/main.js`, path.join(programs, 'countersign'));
    return Promise.resolve();
  });
}

async function packed(file: string, fill: (folder: string) => Promise<void>): Promise<Layer> {
  const folder = mkdtempSync(path.join(cacheFolder('work'), 'layer-'));
  try {
    await fill(folder);
    const { sha256 } = await packLayer(folder, `${file}.new`);
    renameSync(`${file}.new`, file);
    return { file, sha256 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
