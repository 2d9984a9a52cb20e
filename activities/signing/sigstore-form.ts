import { JsonError, describeJson, isByte } from './json.ts';
import type { JsonValue } from './json.ts';

/** Names as the reference compares them: whatever their case. */
const MEMBERS: readonly (readonly [name: RegExp, check: (value: JsonValue, where: string) => void])[] = [
  [/^mimetype$/iu, checkText],
  [/^payload$/iu, checkBytes],
  [/^annotations$/iu, checkTexts],
];
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Checks that readers can read a stored sigstore signature; they look no further where OpenPGP is asked for. Members may
 * be missing, unknown, repeated or null.
 * @throws JsonError naming the member.
 */
export function checkSigstoreForm(value: JsonValue): void {
  if (value.kind === 'null') return;
  if (value.kind !== 'object') throw wrong(value, 'sigstore signature', 'an object');
  for (const [name, member] of value.members) {
    if (member.kind === 'null') continue;
    for (const [known, check] of MEMBERS) if (known.test(name)) check(member, name);
  }
}

function checkText(value: JsonValue, where: string): void {
  if (value.kind !== 'string') throw wrong(value, where, 'a string');
}

function checkTexts(value: JsonValue, where: string): void {
  if (value.kind !== 'object') throw wrong(value, where, 'an object');
  for (const [name, member] of value.members) if (member.kind !== 'null') checkText(member, `${where}.${name}`);
}

/** Base64, or a list of numbers: Go reads both as bytes. */
function checkBytes(value: JsonValue, where: string): void {
  if (value.kind === 'string' && BASE64.test(value.value.replace(/[\r\n]/g, ''))) return;
  if (value.kind === 'array' && value.items.every((item) => item.kind === 'null' || isByte(item))) return;
  throw wrong(value, where, 'base64');
}

function wrong(value: JsonValue, where: string, expected: string): JsonError {
  return new JsonError(`${where}: expected ${expected}, received ${describeJson(value)}`);
}
