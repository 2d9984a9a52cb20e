/**
 * Access to the JSON of a policy with the types of the reference implementation (Go's encoding/json): null stands for
 * the empty value of a type, and bytes may be a list of numbers. What is wrong is noted, and reading goes on.
 */
import { quote } from '../../workflows/domain/digest.ts';
import { describeJson, isByte } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';

/** Where something stands: names of members, and positions in arrays. */
export type PolicyPath = readonly (string | number)[];

/** Something for which readers refuse the whole file. */
export interface NotedProblem {
  readonly path: PolicyPath;
  readonly message: string;
  /** For a name that occurs twice: the second one is meant. */
  readonly isRepeated?: boolean;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The file that a place is in. */
export interface PolicySource {
  readonly problems: NotedProblem[];
}

/** One value of a policy, and where it stands. */
export class Place {
  readonly value: JsonValue;
  readonly path: PolicyPath;
  readonly #source: PolicySource;
  #members: Map<string, Place> | undefined;

  constructor(value: JsonValue, path: PolicyPath, source: PolicySource) {
    this.value = value;
    this.path = path;
    this.#source = source;
  }

  get isNull(): boolean {
    return this.value.kind === 'null';
  }

  /** Notes that the file is refused for this, and is the value that there is none of. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- lets callers return it as what they return
  refuse<Value>(message: string): Value | undefined {
    this.#source.problems.push({ path: this.path, message });
    return undefined;
  }

  /** The members by name; a name that occurs twice, compared after unescaping, is noted. */
  members(): Map<string, Place> | undefined {
    if (this.value.kind !== 'object') return this.#expected('an object');
    if (this.#members !== undefined) return this.#members;
    this.#members = new Map<string, Place>();
    for (const [name, value] of this.value.members) {
      const path = [...this.path, name];
      if (!this.#members.has(name)) this.#members.set(name, new Place(value, path, this.#source));
      else this.#source.problems.push({ path, message: 'it occurs twice', isRepeated: true });
    }
    return this.#members;
  }

  /** The members, of which there must be all the required ones and no unknown ones. */
  exactly(names: { readonly required: readonly string[]; readonly optional?: readonly string[] }): Members | undefined {
    const members = this.members();
    if (members === undefined) return undefined;
    const known = [...names.required, ...(names.optional ?? [])];
    for (const [name, place] of members) {
      if (!known.includes(name)) place.refuse(`unknown member; expected ${known.join(', ')}`);
    }
    for (const name of names.required) {
      if (!members.has(name)) this.refuse(`the member "${name}" is missing`);
    }
    return members;
  }

  /** The items of an array; null has none. */
  items(): Place[] | undefined {
    if (this.isNull) return [];
    if (this.value.kind !== 'array') return this.#expected('an array');
    return this.value.items.map((item, index) => new Place(item, [...this.path, index], this.#source));
  }

  /** Text; null is the empty one. */
  text(): string | undefined {
    if (this.isNull) return '';
    return this.value.kind === 'string' ? this.value.value : this.#expected('a string');
  }

  /** An array of texts. */
  texts(): string[] | undefined {
    return all(this.items()?.map((item) => item.text()));
  }

  /** Standard base64 with padding, in which line ends are skipped; or a list of numbers. Undefined for null, too. */
  bytes(): Uint8Array | undefined {
    if (this.isNull) return undefined;
    if (this.value.kind === 'array') return this.#numbers();
    if (this.value.kind !== 'string') return this.#expected('base64');
    const content = this.value.value.replace(/[\r\n]/g, '');
    if (BASE64.test(content)) return Buffer.from(content, 'base64');
    return this.refuse(`expected standard base64, received ${quote(content.slice(0, 20))}`);
  }

  #numbers(): Uint8Array | undefined {
    const numbers = this.items()?.map((item) => {
      if (item.isNull) return 0;
      return isByte(item.value) ? item.value.value : item.refuse('expected a byte');
    });
    const bytes = all(numbers);
    return bytes === undefined ? undefined : Uint8Array.from(bytes);
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as with `refuse`
  #expected<Value>(what: string): Value | undefined {
    return this.refuse(`expected ${what}, received ${describeJson(this.value)}`);
  }
}

/** The members of one object. */
export type Members = ReadonlyMap<string, Place>;

/** The values, where none is missing. */
export function all<Value>(values: readonly (Value | undefined)[] | undefined): Value[] | undefined {
  const present = values?.filter((value) => value !== undefined);
  return present?.length === values?.length ? present : undefined;
}

/** As in `transports.docker["r.example.com"][0].keyPath`. */
export function formatPath(path: PolicyPath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[A-Za-z][\w-]*$/.test(step)) return `[${quote(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}
