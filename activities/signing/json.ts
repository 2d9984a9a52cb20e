import { decodeUtf8 } from './decode-utf8.ts';

/**
 * JSON as signatures and policies need it: `JSON.parse` keeps the last of two equal names and hides the first, which
 * is how a signature that says two things gets past a checker. Here an object is the list of its members,
 * and a number is also the text that it is written as.
 */
export type JsonValue =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: JsonValue])[] }
  | { readonly kind: 'array'; readonly items: readonly JsonValue[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' };

/** As deep as the reference goes (Go's encoding/json). */
const MAX_DEPTH = 10_000;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** Everything but quote, backslash and control characters. */
const PLAIN = /[ !#-[\]-\uffff]*/y;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Thrown for text that is not JSON, or not of the expected shape. */
export class JsonError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JsonError';
  }
}

/** Bounds on a document that nobody vouches for. */
export interface JsonLimits {
  /** How many values it may hold, all levels together; unlimited unless given. */
  readonly maxValues?: number;
}

/**
 * Parses standard JSON: no byte order mark, no comments, nothing behind the document. Bytes that are no UTF-8 count as
 * U+FFFD, each, as the reference reads them; a number that a double cannot hold is `Infinity`.
 * @throws JsonError naming the position.
 */
export function parseJson(bytes: Uint8Array, { maxValues = Infinity }: JsonLimits = {}): JsonValue {
  return new JsonReader(decodeUtf8(bytes), maxValues).document();
}

/** True for a value in which some number is out of a double's range, which no reader of the reference decodes. */
export function hasUnreadableNumber(value: JsonValue): boolean {
  const rest = [value];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (next.kind === 'number' && !Number.isFinite(next.value)) return true;
    if (next.kind === 'array') for (const item of next.items) rest.push(item);
    if (next.kind === 'object') for (const [, member] of next.members) rest.push(member);
  }
  return false;
}

/**
 * The members of an object, by name.
 * @throws JsonError when `value` is no object or a name, compared after unescaping, occurs twice.
 */
export function objectMembers(value: JsonValue | undefined, where: string): ReadonlyMap<string, JsonValue> {
  if (value?.kind !== 'object') throw new JsonError(`${where}: expected an object, received ${describeJson(value)}`);
  const members = new Map<string, JsonValue>();
  for (const [name, member] of value.members) {
    if (members.has(name)) throw new JsonError(`${where}: the member ${JSON.stringify(name)} occurs twice`);
    members.set(name, member);
  }
  return members;
}

/**
 * The members of an object that must have all of `required`, may have `optional`, and nothing else.
 * @throws JsonError naming the first member that is missing or unknown.
 */
export function exactMembers(
  value: JsonValue | undefined,
  where: string,
  names: { readonly required: readonly string[]; readonly optional?: readonly string[] },
): ReadonlyMap<string, JsonValue> {
  const members = objectMembers(value, where);
  const known = new Set([...names.required, ...(names.optional ?? [])]);
  for (const name of members.keys()) {
    if (!known.has(name)) throw new JsonError(`${where}: unknown member ${JSON.stringify(name)}`);
  }
  for (const name of names.required) {
    if (!members.has(name)) throw new JsonError(`${where}: the member "${name}" is missing`);
  }
  return members;
}

/** Whether readers take it for a byte: neither 1.0 nor 1e1 nor -0. */
export function isByte(value: JsonValue): value is JsonValue & { kind: 'number' } {
  return value.kind === 'number' && value.value < 256 && /^[0-9]+$/.test(value.text);
}

/** What a value is, for messages. */
export function describeJson(value: JsonValue | undefined): string {
  return value?.kind ?? 'nothing';
}

/** An object or array whose end is still to come. */
type Open =
  | { readonly kind: 'object'; readonly members: [string, JsonValue][]; name: string }
  | { readonly kind: 'array'; readonly items: JsonValue[] };

/** Keeps its own stack: a document may be nested deeper than functions may call each other. */
class JsonReader {
  readonly #text: string;
  readonly #maxValues: number;
  readonly #open: Open[] = [];
  #position = 0;
  #values = 0;

  constructor(text: string, maxValues: number) {
    this.#text = text;
    this.#maxValues = maxValues;
  }

  document(): JsonValue {
    let value = this.#begin();
    for (let parent = this.#open.at(-1); parent !== undefined; parent = this.#open.at(-1)) {
      value = value === undefined ? this.#begin() : this.#add(parent, value);
    }
    if (value === undefined) throw this.#unexpected('a value');
    this.#skipSpace();
    if (this.#position < this.#text.length) throw this.#unexpected('the end');
    return value;
  }

  /** A value that is whole, or undefined after the beginning of an object or array that has members. */
  #begin(): JsonValue | undefined {
    if (++this.#values > this.#maxValues) throw new JsonError(`more than ${this.#maxValues} values`);
    this.#skipSpace();
    const next = this.#text[this.#position];
    if (next === '"') return { kind: 'string', value: this.#string() };
    if (next !== '{' && next !== '[') return this.#word() ?? this.#number();
    this.#position++;
    if (this.#open.length === MAX_DEPTH) throw new JsonError(`nested deeper than ${MAX_DEPTH} levels`);
    if (next === '[') {
      if (this.#take(']')) return { kind: 'array', items: [] };
      this.#open.push({ kind: 'array', items: [] });
    } else {
      if (this.#take('}')) return { kind: 'object', members: [] };
      this.#open.push({ kind: 'object', members: [], name: this.#name() });
    }
    return undefined;
  }

  /** Adds a whole value to its parent; the parent where that is whole with it. */
  #add(parent: Open, value: JsonValue): JsonValue | undefined {
    if (parent.kind === 'array') parent.items.push(value);
    else parent.members.push([parent.name, value]);
    if (this.#take(',')) {
      if (parent.kind === 'object') parent.name = this.#name();
      return undefined;
    }
    if (!this.#take(parent.kind === 'array' ? ']' : '}')) throw this.#unexpected('"," or the end of the list');
    this.#open.pop();
    return parent.kind === 'array' ? parent : { kind: 'object', members: parent.members };
  }

  #name(): string {
    this.#skipSpace();
    if (this.#text[this.#position] !== '"') throw this.#unexpected('a member name');
    const name = this.#string();
    if (!this.#take(':')) throw this.#unexpected('":"');
    return name;
  }

  #string(): string {
    let value = '';
    this.#position++;
    for (;;) {
      value += this.#match(PLAIN) ?? '';
      const next = this.#text[this.#position];
      if (next === '\\') value += this.#escape();
      else if (next === '"') break;
      else throw this.#unexpected('the end of a string');
    }
    this.#position++;
    // Readers put U+FFFD for half a pair, so that two different halves are the same name to them.
    return value.replace(LONE_SURROGATE, '\ufffd');
  }

  #escape(): string {
    const letter = this.#text[this.#position + 1] ?? '';
    const hex = this.#text.slice(this.#position + 2, this.#position + 6);
    if (letter === 'u' && /^[0-9a-fA-F]{4}$/.test(hex)) {
      this.#position += 6;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const escaped = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (escaped === undefined) throw this.#unexpected('an escape');
    this.#position += 2;
    return escaped;
  }

  #word(): JsonValue | undefined {
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#position)) continue;
      this.#position += word.length;
      return value;
    }
    return undefined;
  }

  #number(): JsonValue {
    const digits = this.#match(NUMBER);
    if (digits === undefined) throw this.#unexpected('a value');
    return { kind: 'number', value: Number(digits), text: digits };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    this.#position += found?.length ?? 0;
    return found;
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#position] !== character) return false;
    this.#position++;
    return true;
  }

  #skipSpace(): void {
    while (' \t\r\n'.includes(this.#text[this.#position] ?? 'x')) this.#position++;
  }

  #unexpected(expected: string): JsonError {
    return new JsonError(`not JSON: expected ${expected} at character ${this.#position}`);
  }
}

const WORDS: readonly (readonly [string, JsonValue])[] = [
  ['true', { kind: 'boolean', value: true }],
  ['false', { kind: 'boolean', value: false }],
  ['null', { kind: 'null' }],
];
