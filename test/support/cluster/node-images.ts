/** The images that the node itself needs: they are put into CRI-O's storage, under names that begin with `localhost/`. */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../parts/index.mjs';
import { programFile } from './build-programs.ts';
import { packFiles, writeImageLayout } from './container-image.ts';
import { runInNode } from './node.ts';
import type { Place } from './place.ts';
import { findProgram } from './programs.ts';

/** An image with one program in it. */
export interface ProgramImage {
  /** `localhost/<name>:1` in the cluster. */
  readonly name: string;
  /** One of the cluster's programs. */
  readonly program: string;
  /** Where the program lies in the image, and what runs it. */
  readonly path: string;
}

export const PAUSE: ProgramImage = { name: 'pause', program: 'pause', path: '/pause' };

/** The layout of an image with one program, made where it is missing. */
export async function programLayout({ name, program, path: inImage }: ProgramImage): Promise<string> {
  const file = programFile(findProgram(program));
  const layout = path.join(cacheFolder('cluster', 'images'), `${path.basename(file)}-nonroot`);
  if (existsSync(layout)) return layout;
  const layer = await packFiles({ [inImage]: file }, path.join(cacheFolder('work'), `${name}-${process.pid}.tar`));
  // As the published images have it: whoever asks for a user that is not root would refuse them else.
  writeImageLayout(layout, [layer], { entrypoint: [inImage], user: '65532:65532' });
  rmSync(layer.file);
  return layout;
}

/** Puts an image into CRI-O's storage as `localhost/<name>:1`. */
export async function importImage(place: Place, name: string, layout: string): Promise<void> {
  const storage = `containers-storage:[overlay@${place.folder}/crio/root+/run/crio/storage]localhost/${name}:1`;
  await runInNode(place, ['skopeo', '--insecure-policy', 'copy', '--quiet', `oci:${layout}:image`, storage]);
}
