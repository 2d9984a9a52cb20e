/** Other clients, and how each is made to do what ours is. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../../command.ts';
import { ensureParts } from '../../parts/index.mjs';
import type { Probe } from '../behaviour.ts';
import { IMAGE_CONFIG, INDEX_TAG, MANIFEST, SMALL, BULK, descriptorOf } from '../content.ts';

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Undefined for what it cannot be told to do. */
  readonly command: (what: PeerTask) => readonly string[] | undefined;
}

export interface PeerTask {
  readonly probe: Probe;
  /** Host of the registry. */
  readonly host: string;
  /** An image in OCI layout, under the tag 1. */
  readonly layout: string;
  /** An empty folder of this run. */
  readonly folder: string;
}

type Kind = 'pull' | 'push' | 'referrers';

const KINDS: Readonly<Partial<Record<Probe, Kind>>> = {
  manifest: 'pull',
  'manifest-by-digest': 'pull',
  tree: 'pull',
  blob: 'pull',
  'bulk-blob': 'pull',
  upload: 'push',
  'bulk-upload': 'push',
  'put-manifest': 'push',
  referrers: 'referrers',
};

/** The peers that this machine has, or can build. */
export async function findPeers(): Promise<readonly Peer[]> {
  const parts = await ensureParts(['skopeo', 'crane', 'regctl', 'oras']);
  const said = async (program: string, ...args: string[]): Promise<string> => (await runCommand(program, args)).stdout;
  const skopeo = /version (\S+)/.exec(await said(parts.skopeo, '--version'))?.[1] ?? 'unknown';
  const regctl = /VCSTag: *(\S+)/.exec(await said(parts.regctl, 'version'))?.[1] ?? 'unknown';
  const oras = /Version: *([\d.]+)/.exec(await said(parts.oras, 'version'))?.[1] ?? 'unknown';
  return [
    peer('skopeo', skopeo, {
      pull: (image, { folder }) => [
        parts.skopeo,
        '--insecure-policy',
        'copy',
        '--all',
        `docker://${image}`,
        `dir:${folder}/out`,
      ],
      push: (image, { layout }) => [parts.skopeo, '--insecure-policy', 'copy', `oci:${layout}:1`, `docker://${image}`],
    }),
    peer('crane', (await said(parts.crane, 'version')).trim(), {
      pull: (image, { folder }) => [parts.crane, 'pull', '--format=oci', image, `${folder}/out`],
      push: (image, { layout }) => [parts.crane, 'push', layout, image],
    }),
    peer('regctl', regctl, {
      pull: (image, { folder }) => [parts.regctl, 'image', 'copy', image, `ocidir://${folder}/out:1`],
      push: (image, { layout }) => [parts.regctl, 'image', 'copy', `ocidir://${layout}:1`, image],
      referrers: (image) => [parts.regctl, 'artifact', 'list', image],
    }),
    peer('oras', oras, {
      pull: (image, { folder }) => [parts.oras, 'cp', '--no-tty', image, '--to-oci-layout', `${folder}/out:1`],
      push: (image, { layout }) => [parts.oras, 'cp', '--no-tty', '--from-oci-layout', `${layout}:1`, image],
      referrers: (image) => [parts.oras, 'discover', image],
    }),
  ];
}

function peer(
  name: string,
  version: string,
  ways: Readonly<Partial<Record<Kind, (image: string, task: PeerTask) => readonly string[]>>>,
): Peer {
  const command: Peer['command'] = (task) => {
    const kind = KINDS[task.probe];
    return kind === undefined ? undefined : ways[kind]?.(imageOf(task), task);
  };
  return { name, version, command };
}

function imageOf({ probe, host }: PeerTask): string {
  if (probe === 'manifest-by-digest' || probe === 'referrers') return `${host}/x@${MANIFEST.digest}`;
  return `${host}/x:${probe === 'tree' ? INDEX_TAG : '1'}`;
}

/** Writes the sample image in OCI layout. */
export async function writeLayout(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'blobs', 'sha256'), { recursive: true });
  await writeFile(path.join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const named = { ...descriptorOf(MANIFEST), annotations: { 'org.opencontainers.image.ref.name': '1' } };
  await writeFile(path.join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  for (const { digest, bytes } of [MANIFEST, IMAGE_CONFIG, SMALL, BULK]) {
    await writeFile(path.join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length)), bytes);
  }
}
