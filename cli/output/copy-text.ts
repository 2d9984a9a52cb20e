import { printable, printableShort } from './escape.ts';
import { formatBytes } from './measures.ts';
import type { CopySummary, PlanSummary } from '../images/copy-between.ts';
import type { CarriedArtifact, PlannedArtifact } from '../../activities/oci/index.ts';
import { shortDigest } from '../../workflows/domain/digest.ts';

const TYPE_LIMIT = 100;
/** How each outcome is said of something that is still to be done. */
const PLANNED = {
  copied: 'to copy',
  present: 'there',
  conflict: 'conflict',
  missing: 'missing',
  refused: 'refused',
} as const;

/** What a copy did. */
export function summaryText(summary: CopySummary): string {
  const { digest, blobsCopied, blobsSkipped, blobsMounted, bytesCopied, artifacts } = summary;
  return [
    `copied ${digest}`,
    `  ${formatBytes(bytesCopied)} in ${blobsCopied} blobs; ${blobsSkipped} were there, ${blobsMounted} mounted`,
    ...foreignText(summary),
    ...(artifacts === null ? [] : [attachedText(artifacts)]),
  ].join('\n');
}

/** What a copy would do. */
export function planText(plan: PlanSummary): string {
  const { digest, manifests, blobs, bytesToMove, bytesTotal, tagBefore, artifacts } = plan;
  const count = (state: string): number => blobs.filter((blob) => blob.state === state).length;
  const present = manifests.filter((one) => one.present).length;
  return [
    `would copy ${digest}`,
    `  ${formatBytes(bytesToMove)} of ${formatBytes(bytesTotal)} to move: ${count('missing')} blobs are missing, ${count('present')} there, ${count('mountable')} can be mounted`,
    `  ${present} of ${manifests.length} manifests are there`,
    ...(tagBefore === null || tagBefore === digest ? [] : [`  the tag of the target stands for ${tagBefore} now`]),
    ...foreignText(plan),
    ...(artifacts ?? []).map((artifact) => `  ${artifactText(artifact)}`),
    ...(artifacts?.length === 0 ? ['  nothing is attached to it'] : []),
  ].join('\n');
}

/** One thing that is attached to an image, carried or planned. */
export function artifactText(artifact: CarriedArtifact | PlannedArtifact): string {
  const { digest, artifactType, tag, subject, outcome, reason } = artifact;
  const isPlanned = 'bytesToMove' in artifact;
  const bytes = isPlanned ? artifact.bytesToMove : artifact.bytesCopied;
  const kind = artifactType === null ? 'of no type' : printableShort(artifactType, TYPE_LIMIT);
  const why = reason === undefined ? '' : `: ${printable(reason)}`;
  return [
    `attached to ${shortDigest(subject)}: ${kind} ${tag === undefined ? shortDigest(digest) : printable(tag)}`,
    ...(bytes === 0 ? [] : [formatBytes(bytes)]),
    `${isPlanned ? PLANNED[outcome] : outcome}${why}`,
  ].join(', ');
}

function foreignText({ foreignLayers }: Pick<CopySummary, 'foreignLayers'>): readonly string[] {
  if (foreignLayers.length === 0) return [];
  const bytes = foreignLayers.reduce((sum, { size }) => sum + size, 0);
  return [`  ${foreignLayers.length} foreign layers, ${formatBytes(bytes)}: referenced, not copied`];
}

function attachedText(artifacts: readonly CarriedArtifact[]): string {
  if (artifacts.length === 0) return '  nothing is attached to it';
  const counts = new Map<string, number>();
  for (const { outcome } of artifacts) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return `  attached: ${[...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`;
}
