import { Parser } from 'yaml';
import type { CST } from 'yaml';

/**
 * Tells whether a YAML text is nested deeper than `limit`. Only the concrete syntax is looked at, which the library
 * builds without recursion: composing a document of ten thousand brackets exhausts the stack inside the regular
 * expression compiler, and that ends the process.
 */
export function isNestedDeeperThan(text: string, limit: number): boolean {
  const open: { readonly token: CST.Token; readonly depth: number }[] = [];
  for (const token of new Parser().parse(text)) open.push({ token, depth: 0 });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.depth > limit) return true;
    for (const token of childrenOf(next.token)) open.push({ token, depth: next.depth + 1 });
  }
  return false;
}

function childrenOf(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (!('items' in token)) return [];
  return token.items.flatMap((item) => [item.key, item.value]).filter((child) => child !== undefined && child !== null);
}
