/**
 * Where the reference implementation (libyaml, YAML 1.1) refuses what YAML 1.2 takes. It looks at the text as tokens,
 * before any meaning.
 */
import { CST } from 'yaml';

const ANCHOR = /^[&*][0-9A-Za-z_-]+$/;
const UNKNOWN_ESCAPE = /\\(?:[^0abt\tnvfre "'\\N_LPxuU\r\n]|u[dD][89a-fA-F]|U(?!000|0010))/;
const MAX_KEY_LENGTH = 1024;

/** The first thing in a document's tokens that is refused, or undefined. */
export function foreignSyntax(text: string, document: CST.Token): string | undefined {
  if (document.type === 'directive') return undefined;
  if (document.type !== 'document') return undefined;
  let found: string | undefined;
  CST.visit(document, (item, path) => {
    found ??= foreignItem(text, item, isInFlow(document, path));
    return found === undefined ? undefined : CST.visit.BREAK;
  });
  return found;
}

/** What is wrong with the directives in front of the first document; only `%YAML 1.1` and `%TAG`, each once, are known. */
export function foreignDirectives(directives: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const directive of directives) {
    const [name = '', first = '', ...rest] = directive
      .replace(/\s#.*$/, '')
      .trim()
      .split(/\s+/);
    const subject = name === '%YAML' ? name : `${name} ${first}`;
    if (seen.has(subject)) return `${subject} occurs twice`;
    seen.add(subject);
    const isKnown = name === '%YAML' ? first === '1.1' && rest.length === 0 : name === '%TAG' && rest.length === 1;
    if (!isKnown) return `unknown directive ${JSON.stringify(directive)}`;
  }
  return undefined;
}

function foreignItem(text: string, item: CST.CollectionItem, inFlow: boolean): string | undefined {
  const { start, key, sep, value } = item;
  for (const token of [...start, ...(sep ?? [])]) {
    if (token.type === 'anchor' && !ANCHOR.test(token.source)) return `anchor ${JSON.stringify(token.source)}`;
    if (token.type === 'tag' && /^!(?:!|<>|<.*[^>])?$/s.test(token.source) && token.source !== '!') {
      return `tag ${JSON.stringify(token.source)} without name`;
    }
  }
  const inItem = foreignScalar(key, inFlow) ?? foreignScalar(value, inFlow);
  return inItem ?? (sep && foreignKey(text, { start, key, sep }, inFlow));
}

function foreignScalar(token: CST.Token | null | undefined, inFlow: boolean): string | undefined {
  if (inFlow && token?.type === 'scalar' && /^[:?]|\?(?:\s|$)|"/.test(token.source)) {
    return `${JSON.stringify(token.source)} between brackets`;
  }
  if (token?.type === 'alias' && !ANCHOR.test(token.source)) return `alias ${JSON.stringify(token.source)}`;
  if (token?.type !== 'double-quoted-scalar') return undefined;
  // Pairs of backslashes first, so that what stands behind one is not taken for an escape.
  return UNKNOWN_ESCAPE.test(token.source.replace(/\\\\/g, '')) ? 'an unknown escape' : undefined;
}

/** A key without `?` stands on one line, in the 1,024 characters before its colon. */
function foreignKey(
  text: string,
  {
    start,
    key,
    sep,
  }: {
    readonly start: CST.SourceToken[];
    readonly key?: CST.Token | null | undefined;
    readonly sep: CST.SourceToken[];
  },
  inFlow: boolean,
): string | undefined {
  if (start.some(({ type }) => type === 'explicit-key-ind')) return undefined;
  const colon = sep.find(({ type }) => type === 'map-value-ind');
  if (colon === undefined) return undefined;
  if (!key)
    return !inFlow && start.some(({ type }) => type === 'anchor' || type === 'tag')
      ? undefined
      : 'a colon without a key';
  const written = text.slice(key.offset, colon.offset);
  if (written.length > MAX_KEY_LENGTH || written.includes('\n')) return 'a key that is too long or on several lines';
  const isPlain = key.type === 'scalar' || key.type === 'alias';
  if (inFlow && isPlain && /[^\s]/.test(text[colon.offset + 1] ?? ' ')) return 'a colon without a space behind it';
  return undefined;
}

function isInFlow(document: CST.Document, path: CST.VisitPath): boolean {
  let item: CST.CollectionItem | undefined = {
    start: document.start,
    ...(document.value && { value: document.value }),
  };
  for (const [field, index] of path) {
    const token: CST.Token | null | undefined = item?.[field];
    if (token?.type === 'flow-collection') return true;
    item = token && 'items' in token ? token.items[index] : undefined;
  }
  return false;
}
