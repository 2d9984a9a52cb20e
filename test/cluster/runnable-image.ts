/** Small images that really run: one static program that says something and waits. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { runCommand } from '../support/command.ts';
import { packFiles, writeImageLayout } from '../support/cluster/container-image.ts';
import type { Layer } from '../support/cluster/container-image.ts';
import { programFile } from '../support/cluster/build-programs.ts';
import { findProgram } from '../support/cluster/programs.ts';

/** Layers of random bytes, for images whose copy is to take a while. */
export interface Ballast {
  readonly layers: number;
  readonly megabytes: number;
}

/** Where an image goes. */
export interface PushTarget {
  /** `host:port/namespace/name:tag` */
  readonly image: string;
  /** Holds the authority of the registry. */
  readonly certificates: string;
  readonly ballast?: Ballast;
}

/** Builds an image that is like no other, and pushes it with skopeo; the digest of its manifest. */
export async function pushRunnableImage(folder: string, says: string, target: PushTarget): Promise<Digest> {
  const work = mkdtempSync(path.join(folder, 'image-'));
  const layer = await packFiles({ '/say': programFile(findProgram('pause')) }, path.join(work, 'layer.tar'));
  const layout = path.join(work, 'layout');
  const ballast = await ballastLayers(work, target.ballast);
  writeImageLayout(layout, [layer, ...ballast], { entrypoint: ['/say', says] });
  const flags = ['--insecure-policy', 'copy', '--quiet', '--preserve-digests', '--dest-cert-dir', target.certificates];
  const { code, stderr } = await runCommand(
    'skopeo',
    [...flags, `oci:${layout}:image`, `docker://${target.image}`],
    {},
  );
  if (code !== 0) throw new Error(`push ${target.image}: ${stderr}`);
  const index = JSON.parse(await readFile(path.join(layout, 'index.json'), 'utf8')) as {
    manifests: [{ digest: string }];
  };
  return parseDigest(index.manifests[0].digest);
}

async function ballastLayers(work: string, ballast: Ballast | undefined): Promise<readonly Layer[]> {
  const { layers, megabytes } = ballast ?? { layers: 0, megabytes: 0 };
  const packed = Array.from({ length: layers }, async (_, index) => {
    const file = path.join(work, `ballast-${index}`);
    await writeFile(file, randomBytes(megabytes * 1024 * 1024));
    return await packFiles({ [`/ballast-${index}`]: file }, `${file}.tar`);
  });
  return await Promise.all(packed);
}
