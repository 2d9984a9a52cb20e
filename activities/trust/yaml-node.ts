import { Composer, Parser, isAlias, isMap, isPair, isScalar, isSeq } from 'yaml';
import type { Document, Node, Scalar } from 'yaml';
import { admitEscapedApostrophes, foreignDirectives, foreignSyntax } from './yaml-strictness.ts';

/**
 * YAML as readers have it before they look at types: plain text is kept as written, because a number or a date is text
 * to them where text is wanted, and a key counts as repeated only where they look at it.
 */
export type YamlNode =
  | {
      readonly kind: 'scalar';
      readonly text: string;
      /** As in `!!str`; empty where none is written. */
      readonly tag: string;
      /** Quoted, literal or folded: text without question. */
      readonly isText: boolean;
    }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [key: YamlNode, value: YamlNode])[] }
  | { readonly kind: 'seq'; readonly items: readonly YamlNode[] }
  | { readonly kind: 'alias'; readonly name: string; readonly target: YamlNode };

/** Thrown for what readers refuse. */
export class YamlError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'YamlError';
  }
}

const LONG_TAG = 'tag:yaml.org,2002:';
/** Everything but control characters, as libyaml has it. */
const FORBIDDEN = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
/**
 * Parses the first document of a YAML file; undefined where there is none. Those behind it are not read, but have to be
 * YAML.
 * @throws YamlError for what readers refuse.
 */
export function parseYaml(bytes: Uint8Array): YamlNode | undefined {
  const text = decode(bytes);
  const [document] = documentsOf(text);
  return document?.contents ? new NodeReader(text).read(document.contents) : undefined;
}

function documentsOf(text: string): Document.Parsed[] {
  const composer = new Composer({
    schema: 'failsafe',
    resolveKnownTags: false,
    uniqueKeys: false,
    version: '1.1',
    merge: false,
  });
  const documents: Document.Parsed[] = [];
  const directives: string[] = [];
  if (/^(?:[ \t]*(?:#.*)?\n)*\.\.\.(?:\s|$)/.test(text)) throw new YamlError('a document that only ends');
  if (text.includes('\n\ufeff')) throw new YamlError('readers do not take a byte order mark in every line');
  if (/^ *\t[ \t]*(?:#.*)?$/m.test(text)) throw new YamlError('a tab at the beginning of an empty line');
  for (const token of new Parser().parse(text)) {
    if (token.type === 'directive') directives.push(token.source);
    const foreign = foreignSyntax(text, token);
    if (foreign !== undefined) throw new YamlError(`readers do not take ${foreign}`);
    admitEscapedApostrophes(token);
    documents.push(...composer.next(token));
  }
  const foreign = foreignDirectives(directives);
  if (foreign !== undefined) throw new YamlError(foreign);
  documents.push(...composer.end());
  for (const document of documents) checkErrors(document);
  return documents;
}

function checkErrors({ errors, warnings }: Document.Parsed): void {
  const error = [...errors, ...warnings].find(({ code, message }) => !isAboutTypes(code, message));
  if (error !== undefined) throw new YamlError(error.message.split('\n', 1)[0] ?? 'not YAML', { cause: error });
}

/** Of the type of a value, not of its syntax: readers say this only of what they look at. */
function isAboutTypes(code: string, message: string): boolean {
  return code === 'TAG_RESOLVE_FAILED' && message.startsWith('Unresolved tag');
}

function decode(bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new YamlError(`not ${encoding.toUpperCase()}`, { cause });
  }
  const forbidden = FORBIDDEN.exec(text);
  if (forbidden !== null) throw new YamlError(`control character at ${forbidden.index}`);
  // To readers these are ends of lines as well.
  return text.replace(/\r\n?|[\x85\u2028\u2029]/g, '\n');
}

class NodeReader {
  readonly #anchors = new Map<string, YamlNode>();
  readonly #end: number;
  readonly #endsInLine: boolean;

  constructor(text: string) {
    this.#end = text.length;
    this.#endsInLine = !text.endsWith('\n');
  }

  read(node: unknown): YamlNode {
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined) throw new YamlError(`unknown anchor ${JSON.stringify(node.source)}`);
      return { kind: 'alias', name: node.source, target };
    }
    // Where readers keep a reference they make nothing of it, and fail; elsewhere they pass over the tag.
    if ((isMap(node) || isSeq(node)) && node.tag !== undefined && shortTag(node.tag) === '!!null') {
      throw new YamlError('readers do not take !!null in front of a map or list');
    }
    if (isMap(node)) {
      const entries: (readonly [YamlNode, YamlNode])[] = [];
      const map = this.#anchored(node, { kind: 'map', entries });
      for (const pair of node.items) entries.push([this.read(pair.key), this.read(pair.value)]);
      return map;
    }
    if (isSeq(node)) {
      const items: YamlNode[] = [];
      const seq = this.#anchored(node, { kind: 'seq', items });
      for (const item of node.items) items.push(isPair(item) ? this.#onePair(item) : this.read(item));
      return seq;
    }
    if (!isScalar(node)) return { kind: 'scalar', text: '', tag: '', isText: false };
    const isText = node.type !== undefined && node.type !== 'PLAIN';
    return this.#anchored(node as Node, { kind: 'scalar', text: this.#textOf(node), tag: shortTag(node.tag), isText });
  }

  /** A block at the end of a file that ends without a line feed has none either. */
  #textOf({ source = '', type, range }: Scalar): string {
    const isLast = type?.startsWith('BLOCK_') === true && range?.[1] === this.#end;
    return isLast && this.#endsInLine ? source.replace(/\n$/, '') : source;
  }

  #onePair({ key, value }: { readonly key: unknown; readonly value: unknown }): YamlNode {
    return { kind: 'map', entries: [[this.read(key), this.read(value)]] };
  }

  #anchored(node: Node, read: YamlNode): YamlNode {
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, read);
    return read;
  }
}

function shortTag(tag: string | undefined): string {
  if (tag === undefined) return '';
  return tag.startsWith(LONG_TAG) ? `!!${tag.slice(LONG_TAG.length)}` : tag;
}
