// Controls, direction marks and other invisible characters, separators, halves of characters, tags.
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Makes untrusted text fit for a terminal: control characters (escape sequences begin with one), direction marks and
 * whatever else shows a reader something other than what is there become visible escapes. Stays on one line.
 */
export function printable(untrusted: string): string {
  return untrusted.replace(DANGEROUS, escapeOne);
}

/** Like `printable`, for text of several lines: line feeds stay. */
export function printableLines(untrusted: string): string {
  return untrusted.split('\n').map(printable).join('\n');
}

/** Like `printable`, cut after `limit` characters. */
export function printableShort(untrusted: string, limit: number): string {
  const characters = Array.from(untrusted);
  return printable(characters.length > limit ? `${characters.slice(0, limit - 1).join('')}…` : untrusted);
}

/** JSON on one line, or indented; the same characters become JSON's own escapes, so that parsing gives them back. */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(DANGEROUS, (found) => (found === '\n' ? found : escapeUnits(found)));
}

function escapeOne(found: string): string {
  return NAMED[found] ?? `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`;
}

function escapeUnits(found: string): string {
  return found
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
