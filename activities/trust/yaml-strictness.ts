/**
 * Where the reference implementation (libyaml, YAML 1.1) refuses what YAML 1.2 takes. It looks at the text as tokens,
 * before any meaning.
 */
import { CST } from 'yaml';

const ANCHOR = /^[&*][0-9A-Za-z_-]+$/;
const UNKNOWN_ESCAPE = /\\(?:[^0abt\tnvfre "'\\N_LPxuU\r\n]|u[dD][89a-fA-F]|U(?!000|0010))/;
const MAX_KEY_LENGTH = 1024;
/** Readers go to 10,000; nobody else does, and what takes the text apart here calls itself for each. */
const MAX_DEPTH = 500;

/** The first thing in a document's tokens that is refused, or undefined. */
export function foreignSyntax(text: string, document: CST.Token): string | undefined {
  if (document.type !== 'document') return undefined;
  if (isDeeperThan(MAX_DEPTH, document.value)) return 'so many brackets or indents';
  let found: string | undefined;
  CST.visit(document, (item, path) => {
    found ??= foreignItem(text, item, isInFlow(document, path));
    return found === undefined ? undefined : CST.visit.BREAK;
  });
  return found;
}

/** libyaml takes `\'` between double quotes for an apostrophe, against every version of YAML. */
export function admitEscapedApostrophes(document: CST.Token): void {
  if (document.type !== 'document') return;
  CST.visit(document, ({ key, value }) => {
    for (const token of [key, value]) {
      if (token?.type !== 'double-quoted-scalar') continue;
      token.source = token.source.replace(/\\([\\'])/g, (escape, escaped) => (escaped === "'" ? "'" : escape));
    }
  });
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

function isDeeperThan(depth: number, value: CST.Token | undefined): boolean {
  let level = value === undefined ? [] : [value];
  for (let at = 0; level.length > 0; at++) {
    if (at > depth) return true;
    level = level.flatMap((token) => ('items' in token ? token.items.flatMap(childrenOf) : []));
  }
  return false;
}

function childrenOf({ key, value }: CST.CollectionItem): CST.Token[] {
  return [key, value].filter((token) => token !== null && token !== undefined);
}

function foreignItem(text: string, item: CST.CollectionItem, inFlow: boolean): string | undefined {
  const { start, key, sep, value } = item;
  for (const token of [...start, ...(sep ?? [])]) {
    if (token.type === 'anchor' && !ANCHOR.test(token.source)) return `anchor ${JSON.stringify(token.source)}`;
    if (token.type === 'tag' && /^!(?:!|<>|<.*[^>])?$/s.test(token.source) && token.source !== '!') {
      return `tag ${JSON.stringify(token.source)} without name`;
    }
    if (token.type === 'tag' && !/^[ \t\n]?$/.test(text.charAt(token.offset + token.source.length))) {
      return `tag ${JSON.stringify(token.source)} without a blank behind it`;
    }
  }
  const inItem = foreignScalar(key, inFlow) ?? foreignScalar(value, inFlow);
  const inBlock = inFlow ? undefined : (foreignTab([...start, ...(sep ?? [])]) ?? foreignExplicit(text, item));
  return inItem ?? inBlock ?? (sep && foreignKey(text, { start, key, sep }, inFlow));
}

/** Behind `-`, `?` and the `:` that belongs to `?` a key may begin, and in front of a key no tab may stand. */
function foreignTab(tokens: readonly CST.SourceToken[]): string | undefined {
  let mayBeginKey = false;
  const isExplicit = tokens.some(({ type }) => type === 'explicit-key-ind');
  for (const { type, source } of tokens) {
    if (type === 'space' && mayBeginKey && source.includes('\t')) return 'a tab in front of what may be a key';
    const isIndicator = type === 'seq-item-ind' || type === 'explicit-key-ind';
    mayBeginKey = isIndicator || type === 'newline' || (type === 'map-value-ind' && isExplicit);
  }
  return undefined;
}

/** The `:` of a key with `?` stands under it. */
function foreignExplicit(text: string, { start, sep, value }: CST.CollectionItem): string | undefined {
  const question = start.find(({ type }) => type === 'explicit-key-ind');
  if (question === undefined) return undefined;
  const colon = sep?.find(({ type }) => type === 'map-value-ind');
  if (colon === undefined) return value ? 'a value without a colon' : undefined;
  return columnOf(text, colon) === columnOf(text, question) ? undefined : 'a colon that is not under its question mark';
}

function columnOf(text: string, { offset }: CST.SourceToken): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
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
