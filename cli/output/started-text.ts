import { printable } from './escape.ts';
import type { Started } from '../promotions/start.ts';
import { shortId } from '../promotions/promotion-ids.ts';
import type { Digest } from '../../workflows/domain/digest.ts';

/** What `start` did, in words. */
export function startedText(
  started: Started,
  { to, digest }: { readonly to: string; readonly digest: Digest },
): string {
  const name = printable(shortId(started.id));
  if (started.started === 'already-promoted') {
    return `already promoted: ${to} serves ${digest} under this tag, and its clusters accept it`;
  }
  const verb = started.started === 'joined' ? 'joined the running promotion' : 'started';
  return [`${verb} ${name} to ${to}`, `  digest  ${digest}`, `  follow  countersign watch ${name}`].join('\n');
}
