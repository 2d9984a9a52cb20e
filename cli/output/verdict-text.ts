import { printable } from './escape.ts';
import type { Style } from './style.ts';
import type { VerifiedImage } from '../images/verify-images.ts';
import type { ImageCoverage } from '../../activities/trust/index.ts';

/** The verdict on an image for a person: one line for each platform, and how they are covered where that was asked. */
export function verdictText({ image, accepted, digest, platforms, coverage }: VerifiedImage, style: Style): string {
  const word = accepted ? style.good('accepted') : style.bad('refused');
  const head = `${word} ${printable(image)}${image.includes(digest) ? '' : `  ${digest}`}`;
  const lines = platforms.map((one) => {
    const by = one.signedBy.length === 0 ? '' : `, signed by ${one.signedBy.join(', ')}`;
    return `  ${mark(one.accepted, style)} ${printable(one.platform ?? 'image')} ${one.digest}: ${printable(one.reason)}${by}`;
  });
  return [head, ...lines, ...(coverage === undefined ? [] : coverageLines(coverage, style))].join('\n');
}

function coverageLines({ manifests, mustSign, signaturesIn }: ImageCoverage, style: Style): readonly string[] {
  const rows = manifests.flatMap(({ platform, kind, asAsked, byImageDigest, byOwnDigest, signatures }) => {
    const name = kind === 'index' ? 'index' : (platform ?? 'image');
    const count = `${signatures.length} ${signatures.length === 1 ? 'signature' : 'signatures'}`;
    const ways = [asAsked, byImageDigest, ...(byOwnDigest === undefined ? [] : [byOwnDigest])];
    const note = kind === 'index' ? style.dim('  (no reader asks for it)') : '';
    return [
      `    ${printable(name)}: ${count}${note}`,
      ...ways.map(({ reference, verdict }) => `      ${mark(verdict.accepted, style)} as ${printable(reference)}`),
    ];
  });
  const where = signaturesIn === 'registry' ? 'the registry' : 'the signature store';
  return [
    `  coverage, with signatures from ${where}`,
    ...rows,
    mustSign.length === 0 ? '    nothing more has to be signed' : `    must be signed: ${mustSign.join(', ')}`,
  ];
}

function mark(accepted: boolean, style: Style): string {
  return accepted ? style.good('✔') : style.bad('✖');
}
