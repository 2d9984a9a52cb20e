import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, Pair, YAMLError } from 'yaml';

import { isNestedDeeperThan } from './depth.ts';
import { formatPath } from './quoting.ts';
import type { ConfigurationPath, ConfigurationProblem } from './problem.ts';
import { describeSyntaxError, isOnlySemantic } from './syntax.ts';

/** A configuration is read whole; larger ones are a mistake (or an attack on the reader's memory). */
export const MAX_FILE_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
/** Of the syntax, where a section counts more than once; far from what exhausts the stack. */
const MAX_SYNTAX_DEPTH = 100;
/** Counts a node once for every alias that leads to it, which is what bounds "a billion laughs". */
const MAX_NODES = 10_000;

const TOO_BIG = `the file is nested too deeply or has too many values; expected at most ${MAX_DEPTH} levels and ${MAX_NODES} values, aliases counted; write less with aliases`;

/** Where something stands in the file. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A YAML file as plain values, with the place of each of them. */
export interface SourceDocument {
  readonly file: string;
  /** Plain values, or undefined where the syntax leaves nothing to judge. */
  readonly value: unknown;
  readonly problems: readonly ConfigurationProblem[];
  /** The place of the value at `path`, or of the nearest thing around it that exists. */
  locate(path: ConfigurationPath): Position;
  /** The place of the key at the end of `path`. */
  locateKey(path: ConfigurationPath): Position;
}

/** Parses one YAML 1.2 document; never throws, `problems` tells what is wrong with it. */
export function readDocument(text: string, file: string): SourceDocument {
  if (isNestedDeeperThan(text, MAX_SYNTAX_DEPTH)) return refuseWhole(file, TOO_BIG);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false, // they quote the source, and what was pasted into it by mistake
    stringKeys: true,
    uniqueKeys: true,
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    logLevel: 'warn', // with 'silent' a second document would be dropped without a word
  });
  const locator = new Locator(document, lines);
  const faults = [...document.errors, ...document.warnings];
  const problems = onePerLine(faults.map((fault) => syntaxProblem(fault, { file, text, locator })));
  const judge = faults.every((fault) => isOnlySemantic(fault.code));
  const reader = new PlainReader(document);
  const value = judge ? reader.read() : undefined;
  for (const fault of reader.faults) {
    problems.push({ file, ...locator.locate(fault.path), path: formatPath(fault.path), message: fault.message });
  }
  return {
    file,
    value: reader.faults.length > 0 ? undefined : value,
    problems,
    locate: (path) => locator.locate(path),
    locateKey: (path) => locator.locateKey(path),
  };
}

function refuseWhole(file: string, message: string): SourceDocument {
  const start = { line: 1, column: 1 };
  const problems = [{ file, ...start, path: '', message }];
  return { file, value: undefined, problems, locate: () => start, locateKey: () => start };
}

/** One slip makes the parser stumble many times over the same line; the first time tells why. */
function onePerLine(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return problems.filter((problem, index) => index === problems.findIndex((other) => other.line === problem.line));
}

function syntaxProblem(
  fault: YAMLError,
  source: { readonly file: string; readonly text: string; readonly locator: Locator },
): ConfigurationProblem {
  const at = source.locator.at(fault.pos[0]);
  const message = describeSyntaxError(fault, source.text);
  return { file: source.file, ...at, path: '', message };
}

interface Fault {
  readonly path: ConfigurationPath;
  readonly message: string;
}

/** Turns nodes into plain values within bounds; the library's own conversion has none for depth. */
class PlainReader {
  readonly faults: Fault[] = [];
  readonly #document: Document;
  #nodes = 0;

  constructor(document: Document) {
    this.#document = document;
  }

  read(): unknown {
    return this.#convert(this.#document.contents, []);
  }

  #convert(node: unknown, path: ConfigurationPath): unknown {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES || path.length > MAX_DEPTH) {
      this.#refuseSize(path);
      return;
    }
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) {
        const message = `the alias *${node.source} has no anchor; expected &${node.source} earlier in the file; write the value out`;
        this.#refuse(path, message);
        return;
      }
      return this.#convert(target, path);
    }
    if (isSeq(node)) return node.items.map((item, index) => this.#convert(item, [...path, index]));
    if (isMap(node)) return this.#convertMap(node.items, path);
    return isScalar(node) ? node.value : null;
  }

  #convertMap(pairs: readonly Pair[], path: ConfigurationPath): unknown {
    const result: Record<string, unknown> = {};
    for (const pair of pairs) {
      const key = keyOf(pair);
      if (key === '__proto__') {
        this.#refuse([...path, key], 'this key is not allowed; expected a documented key; remove it');
        continue;
      }
      result[key] = this.#convert(pair.value, [...path, key]);
    }
    return result;
  }

  #refuseSize(path: ConfigurationPath): undefined {
    if (this.faults.length > 0) return undefined;
    this.#refuse(path, TOO_BIG);
  }

  #refuse(path: ConfigurationPath, message: string): void {
    this.faults.push({ path, message });
  }
}

/** Finds the place of a path in the source. */
class Locator {
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(document: Document, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  locate(path: ConfigurationPath): Position {
    return this.at(this.#offsets(path).value);
  }

  locateKey(path: ConfigurationPath): Position {
    return this.at(this.#offsets(path).key);
  }

  #offsets(path: ConfigurationPath): { readonly key: number; readonly value: number } {
    let node: unknown = this.#document.contents;
    let found = { key: startOf(node) ?? 0, value: startOf(node) ?? 0 };
    for (const step of path) {
      const container = isAlias(node) ? node.resolve(this.#document) : node;
      const key = isMap(container) ? container.items.find((pair) => keyOf(pair) === String(step)) : undefined;
      const next: unknown = isSeq(container) ? container.items[Number(step)] : key?.value;
      const keyOffset = key === undefined ? startOf(next) : startOf(key.key);
      // What is missing is reported at the key it is missing from.
      if (keyOffset === undefined) return { key: found.key, value: found.key };
      found = { key: keyOffset, value: isContainer(next) ? keyOffset : (startOf(next) ?? keyOffset) };
      node = next;
    }
    return found;
  }
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** A section is best shown by its key: its value begins on another line. */
function isContainer(node: unknown): boolean {
  return isMap(node) || isSeq(node);
}
