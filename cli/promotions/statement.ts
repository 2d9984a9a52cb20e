import { createHash } from 'node:crypto';
import type { DecideMessage } from '../../workflows/domain/messages.ts';

/** A decision as one text, whatever the order of its fields: the same statement always has the same text. */
export function canonicalStatement(message: DecideMessage): string {
  const fields = Object.entries(message)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify(Object.fromEntries(fields));
}

/** The hash of a statement; as the id of an update it makes a repeated statement count once. */
export function statementId(message: DecideMessage): string {
  return createHash('sha256').update(canonicalStatement(message)).digest('hex');
}
