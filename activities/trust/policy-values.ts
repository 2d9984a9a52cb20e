/** Typed access to the JSON of a policy; every refusal is a JsonError that names the place. */
import { quote } from '../../workflows/domain/digest.ts';
import { JsonError, describeJson } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';

/** The members of one object, and where it stands. */
export interface Members {
  readonly where: string;
  readonly values: ReadonlyMap<string, JsonValue>;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A string member; absent or null is an error. */
export function readString({ where, values }: Members, name: string): string {
  return stringValue(values.get(name), `${where}.${name}`);
}

/** A string member that must not be empty. */
export function readText(members: Members, name: string): string {
  const text = readString(members, name);
  if (text === '') throw new JsonError(`${members.where}.${name}: expected text, received an empty string`);
  return text;
}

/** An array of strings. */
export function readStrings({ where, values }: Members, name: string): string[] {
  return arrayItems(values.get(name), `${where}.${name}`).map((item, index) =>
    stringValue(item, `${where}.${name}[${index}]`),
  );
}

/** Standard base64 with padding; line ends inside are skipped, everything else is refused. */
export function readBase64(members: Members, name: string): Uint8Array {
  return decodeBase64(readString(members, name), `${members.where}.${name}`);
}

/** An array of base64 strings. */
export function readBase64List(members: Members, name: string): Uint8Array[] {
  return readStrings(members, name).map((text, index) => decodeBase64(text, `${members.where}.${name}[${index}]`));
}

/** The one of `names` that is present. */
export function exactlyOneOf<Name extends string>({ where, values }: Members, names: readonly Name[]): Name {
  const [found, another] = names.filter((name) => values.has(name));
  if (found === undefined || another !== undefined) {
    throw new JsonError(`${where}: expected exactly one of ${names.join(', ')}`);
  }
  return found;
}

/** The one of `names` that is present, if any. */
export function atMostOneOf<Name extends string>(members: Members, names: readonly Name[]): Name | undefined {
  return names.some((name) => members.values.has(name)) ? exactlyOneOf(members, names) : undefined;
}

/** The items of an array. */
export function arrayItems(value: JsonValue | undefined, where: string): readonly JsonValue[] {
  if (value?.kind !== 'array') throw new JsonError(`${where}: expected an array, received ${describeJson(value)}`);
  return value.items;
}

function stringValue(value: JsonValue | undefined, where: string): string {
  if (value?.kind !== 'string') throw new JsonError(`${where}: expected a string, received ${describeJson(value)}`);
  return value.value;
}

function decodeBase64(text: string, where: string): Uint8Array {
  const content = text.replace(/[\r\n]/g, '');
  if (!BASE64.test(content))
    throw new JsonError(`${where}: expected standard base64, received ${quote(text.slice(0, 20))}`);
  return Buffer.from(content, 'base64');
}
