import { printable } from './escape.ts';
import type { Style } from './style.ts';
import { alignRows } from './table.ts';
import type { ShownKey, ShownKeyFile } from '../keys/show-key-file.ts';
import type { KeyPart, ReaderVerdict } from '../../activities/signing/index.ts';

const SECRETS: Readonly<Record<ShownKey['secret'], string | undefined>> = {
  none: undefined,
  locked: 'yes, with a passphrase',
  open: 'yes, without a passphrase',
  missing: 'no: a stub, its secret is on a card or elsewhere',
};

/** The keys of a file for a person. */
export function keyFileText({ file, keys }: ShownKeyFile, style: Style): string {
  const blocks = keys.map((key) => keyText(key, style));
  return [style.bold(printable(file)), ...blocks].join('\n');
}

function keyText(key: ShownKey, style: Style): string {
  const secret = SECRETS[key.secret];
  const facts = alignRows([
    ['  fingerprint', key.fingerprint],
    ...key.userIds.map((id) => ['  user id', printable(id)]),
    ['  algorithm', key.version === 4 ? key.algorithm : `${key.algorithm}, version ${key.version}`],
    ['  made', dateOf(key.created)],
    ['  expires', key.expiresAt === undefined ? 'never' : dateOf(key.expiresAt)],
    ...(key.revoked ? [['  revoked', 'yes']] : []),
    ['  signs', key.maySign ? 'yes' : 'no, the primary key may not'],
    ...(secret === undefined ? [] : [['  private', secret]]),
    ...key.subkeys.map((part) => ['  subkey', subkeyText(part)]),
  ]);
  const readers = key.readers.map((one) => `  ${readerMark(one, style)} ${one.programs}${readerNote(one)}`);
  const warnings = key.warnings
    .filter((text) => !text.includes(' cannot verify its signatures: '))
    .map((text) => `  ${style.attention('!')} ${printable(text)}`);
  return [...facts, ...readers, ...warnings].join('\n');
}

function subkeyText({ fingerprint, algorithm, maySign, revoked, expiresAt, selfSignature }: KeyPart): string {
  const notes = [
    maySign ? 'signs' : 'does not sign',
    ...(revoked ? ['revoked'] : []),
    ...(expiresAt === undefined ? [] : [`expires ${dateOf(expiresAt)}`]),
    ...(selfSignature === undefined ? ['not bound to the key'] : []),
  ];
  return `${fingerprint} (${algorithm}): ${notes.join(', ')}`;
}

function readerMark({ accepts }: ReaderVerdict, style: Style): string {
  if (accepts === 'yes') return style.good('✔');
  return accepts === 'no' ? style.bad('✖') : style.attention('!');
}

function readerNote({ accepts, why }: ReaderVerdict): string {
  if (accepts === 'newer') return `: only since library 5.37 (${why ?? ''})`;
  if (accepts === 'unknown') return `: not known (${printable(why ?? '')})`;
  if (accepts === 'no') return ` cannot verify its signatures: ${printable(why ?? '')}`;
  return why === undefined ? '' : `: ${printable(why)}`;
}

function dateOf(date: Date): string {
  return date.toISOString().slice(0, 16).replace('T', ' ');
}
