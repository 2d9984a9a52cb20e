/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** By lower-case names. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const SEPARATORS = /[\s,]*/y;
const SPACE = /[ \t]*/y;
/** Longer than any challenge; what is longer is no challenge. */
const LIMIT = 8 * 1024;

/**
 * Parses challenges (RFC 9110, 11.6.1): several in a line or on lines of their own, names in any case, values as token
 * or quoted string. A line is read as far as it can be understood.
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const lines = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return lines.filter((line) => line.length <= LIMIT).flatMap((line) => [...new ChallengeReader(line).challenges()]);
}

class ChallengeReader {
  readonly #line: string;
  #position = 0;

  constructor(line: string) {
    this.#line = line;
  }

  *challenges(): Generator<Challenge> {
    this.#match(SEPARATORS);
    let scheme = this.#match(TOKEN)?.[0];
    while (scheme !== undefined) {
      const parameters = new Map<string, string>();
      const next = this.#readParameters(parameters);
      yield { scheme: scheme.toLowerCase(), parameters };
      scheme = next;
    }
  }

  /** Fills `parameters`; returns the scheme of the next challenge, at which the parameters end. */
  #readParameters(parameters: Map<string, string>): string | undefined {
    this.#match(SPACE);
    if (this.#match(TOKEN68) !== undefined) this.#match(SEPARATORS);
    for (;;) {
      this.#match(SEPARATORS);
      const name = this.#match(TOKEN)?.[0];
      if (name === undefined) return undefined;
      this.#match(SPACE);
      if (this.#line[this.#position] !== '=') return name;
      this.#position++;
      this.#match(SPACE);
      const value = this.#value();
      if (value === undefined) return undefined;
      if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
    }
  }

  #value(): string | undefined {
    const quoted = this.#match(QUOTED)?.[1];
    return quoted === undefined ? this.#match(TOKEN)?.[0] : quoted.replace(/\\(.)/gs, '$1');
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#line);
    if (found === null) return undefined;
    this.#position += found[0].length;
    return found;
  }
}
