import type { PolicyPath } from './policy-place.ts';

const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|[{}[\],:]|[^\s{}[\],:"]+)/gsy;

/**
 * Where the value at a path begins in JSON text that was parsed before; of a name that occurs twice in one object, the
 * `occurrence`th. The end of the text where there is none.
 */
export function locateJson(text: string, path: PolicyPath, occurrence = 1): number {
  return new Locator(text).find(path, occurrence);
}

/** Line and column of an offset, both from 1. */
export function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

class Locator {
  readonly #text: string;
  #end = 0;
  #start = 0;

  constructor(text: string) {
    this.#text = text;
  }

  find(path: PolicyPath, occurrence: number): number {
    for (const [depth, step] of path.entries()) {
      const times = depth === path.length - 1 ? occurrence : 1;
      if (!(typeof step === 'number' ? this.#enterItem(step) : this.#enterMember(step, times)))
        return this.#text.length;
    }
    this.#next();
    return this.#start;
  }

  #enterItem(index: number): boolean {
    if (this.#next() !== '[') return false;
    for (let skipped = 0; skipped < index; skipped++) {
      this.#skipValue();
      if (this.#next() !== ',') return false;
    }
    return true;
  }

  #enterMember(wanted: string, occurrence: number): boolean {
    if (this.#next() !== '{') return false;
    for (let seen = 0; ;) {
      const name = this.#next();
      if (name === '' || name === '}') return false;
      this.#next();
      if (unescaped(name) === wanted && ++seen === occurrence) return true;
      this.#skipValue();
      if (this.#next() !== ',') return false;
    }
  }

  #skipValue(): void {
    let depth = 0;
    do {
      const token = this.#next();
      if (token === '') return;
      if (token === '{' || token === '[') depth++;
      if (token === '}' || token === ']') depth--;
    } while (depth > 0);
  }

  /** The next token; empty at the end. */
  #next(): string {
    TOKEN.lastIndex = this.#end;
    const match = TOKEN.exec(this.#text);
    const token = match?.[0].trimStart() ?? '';
    this.#end = TOKEN.lastIndex;
    this.#start = this.#end - token.length;
    return token;
  }
}

function unescaped(token: string): string | undefined {
  try {
    return (JSON.parse(token) as string).replace(/\p{Surrogate}/gu, '\ufffd');
  } catch {
    return undefined;
  }
}
