import { printable } from './escape.ts';
import type { Style } from './style.ts';
import type { VerifiedImage } from '../images/verify-images.ts';

/** The verdict on an image for a person: one line for each platform. */
export function verdictText({ image, accepted, digest, platforms, error }: VerifiedImage, style: Style): string {
  const word = accepted ? style.good('accepted') : style.bad('refused');
  const head = `${word} ${printable(image)}${digest === null || image.includes(digest) ? '' : `  ${digest}`}`;
  if (error !== null) return `${head}\n  ${printable(error)}`;
  const lines = platforms.map((one) => {
    const mark = one.accepted ? style.good('✔') : style.bad('✖');
    const by = one.signedBy.length === 0 ? '' : `, signed by ${one.signedBy.join(', ')}`;
    return `  ${mark} ${printable(one.platform ?? 'image')} ${one.digest}: ${printable(one.reason)}${by}`;
  });
  return [head, ...lines].join('\n');
}
