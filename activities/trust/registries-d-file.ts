/** One file of registries.d, decoded with the types of the reference implementation (Go's yaml.v3 into its structs). */
import { quote } from '../../workflows/domain/digest.ts';
import { YamlError, parseYaml } from './yaml-node.ts';
import type { YamlNode } from './yaml-node.ts';
import { booleanOf, fitsType, isNullText } from './yaml-types.ts';

/** Where one scope keeps its signatures. */
export interface RegistriesDSection {
  readonly lookaside?: string;
  readonly 'lookaside-staging'?: string;
  readonly sigstore?: string;
  readonly 'sigstore-staging'?: string;
  /** Whether readers look for sigstore signatures in the registry, too. */
  readonly 'use-sigstore-attachments'?: boolean;
}

/** What one file says. */
export interface RegistriesDFile {
  readonly defaultDocker?: RegistriesDSection;
  readonly docker: ReadonlyMap<string, RegistriesDSection>;
}

type WritableSection = { -readonly [Key in keyof RegistriesDSection]: RegistriesDSection[Key] };

const URL_KEYS = ['lookaside', 'lookaside-staging', 'sigstore', 'sigstore-staging'] as const;
const FLAG = 'use-sigstore-attachments';
const SECTION_FIELDS: readonly string[] = [...URL_KEYS, FLAG];
const FILE_FIELDS: readonly string[] = ['default-docker', 'docker'];
const YES = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON']);
const NO = new Set(['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF']);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** More than any real file has; the other side of an alias may have thousands behind few words. */
const MAX_VISITS = 100_000;

/**
 * Decodes a file. Unknown keys are ignored, unlike in policy.json.
 * @throws YamlError for what readers refuse.
 */
export function decodeRegistriesD(bytes: Uint8Array): RegistriesDFile {
  const node = parseYaml(bytes);
  if (node === undefined) return { docker: new Map() };
  return new Decoder().file(node);
}

class Decoder {
  readonly #open = new Set<YamlNode>();
  #visits = 0;

  file(node: YamlNode): RegistriesDFile {
    const docker = new Map<string, RegistriesDSection>();
    let defaultDocker: RegistriesDSection | undefined;
    if (this.#isNull(node)) return { docker };
    for (const [key, value] of this.#members(node, { where: 'file', fields: FILE_FIELDS })) {
      if (key === 'default-docker' && !this.#isNull(value)) defaultDocker = this.#section(value, key);
      if (key === 'docker' && !this.#isNull(value)) {
        for (const [scope, section] of this.#members(value, { where: 'docker' })) {
          docker.set(scope, this.#isNull(section) ? {} : this.#section(section, `docker.${scope}`));
        }
      }
    }
    return { docker, ...(defaultDocker !== undefined && { defaultDocker }) };
  }

  #section(node: YamlNode, where: string): RegistriesDSection {
    const section: WritableSection = {};
    for (const [key, value] of this.#members(node, { where, fields: SECTION_FIELDS })) {
      const name = URL_KEYS.find((known) => known === key);
      const place = `${where}.${key}`;
      if (name !== undefined && !this.#isNull(value)) section[name] = this.#text(value, place);
      if (key === FLAG && !this.#isNull(value)) section[FLAG] = this.#flag(value, place);
    }
    return section;
  }

  /** The members, those of merged maps behind the map's own. */
  #members(node: YamlNode, place: Place): Map<string, YamlNode> {
    const members = new Map<string, YamlNode>();
    this.#collect(node, { ...place, members });
    return members;
  }

  #collect(node: YamlNode, into: Collecting): void {
    this.#through(node, (found) => {
      if (found.kind !== 'map') throw new YamlError(`${into.where}: expected a map`);
      refuseRepeated(found.entries, into.where);
      let merged: YamlNode | undefined;
      for (const [key, value] of found.entries) {
        if (isMerge(key)) merged = value;
        else this.#take(key, value, into);
      }
      if (merged !== undefined) this.#merge(merged, into);
    });
  }

  #take(key: YamlNode, value: YamlNode, { where, fields, members, isMerged }: Collecting): void {
    if (this.#isNull(key)) return;
    const name = this.#text(key, `${where}: a key`);
    if (!members.has(name)) members.set(name, value);
    else if (isMerged === true) return;
    // Written differently, so that it did not count as repeated: behind an alias, in base64.
    else if (fields?.includes(name) === true) throw new YamlError(`${where}: ${quote(name)} occurs twice`);
    else if (!this.#isNull(value)) members.set(name, value);
  }

  #merge(merged: YamlNode, into: Collecting): void {
    for (const node of merged.kind === 'seq' ? merged.items : [merged]) {
      const found = node.kind === 'alias' ? node.target : node;
      if (found.kind !== 'map') throw new YamlError(`${into.where}: << expects a map or a list of maps`);
      this.#collect(node, { ...into, isMerged: true });
    }
  }

  #text(node: YamlNode, where: string): string {
    return this.#through(node, (found) => {
      if (found.kind !== 'scalar') throw new YamlError(`${where}: expected text`);
      if (!fitsType(found.tag, found.text)) {
        throw new YamlError(`${where}: ${quote(found.text)} is no ${found.tag}`);
      }
      return found.tag === '!!binary' ? decodeBinary(found.text, where) : found.text;
    });
  }

  #flag(node: YamlNode, where: string): boolean {
    const text = this.#text(node, where);
    const isBoolean = this.#through(
      node,
      (found) => found.kind === 'scalar' && (found.tag === '!!bool' || (!found.isText && isUntagged(found.tag))),
    );
    // As text, `yes` is a boolean to readers and `true` is not.
    if (YES.has(text)) return true;
    if (NO.has(text)) return false;
    const flag = isBoolean ? booleanOf(text) : undefined;
    if (flag !== undefined) return flag;
    throw new YamlError(`${where}: expected true or false`);
  }

  #isNull(node: YamlNode): boolean {
    return this.#through(node, (found) => {
      if (found.kind !== 'scalar' || !isNullText(found.text)) return false;
      return found.tag === '!!null' || (!found.isText && isUntagged(found.tag));
    });
  }

  /** Looks behind aliases, at most so often, and never in a circle. */
  #through<Result>(node: YamlNode, use: (node: YamlNode) => Result): Result {
    if (++this.#visits > MAX_VISITS) throw new YamlError('too many aliases');
    if (node.kind !== 'alias') return use(node);
    if (this.#open.has(node)) throw new YamlError(`anchor ${quote(node.name)} contains itself`);
    this.#open.add(node);
    try {
      return this.#through(node.target, use);
    } finally {
      this.#open.delete(node);
    }
  }
}

interface Place {
  readonly where: string;
  /** The members that mean something; absent where each does. */
  readonly fields?: readonly string[];
}

interface Collecting extends Place {
  readonly members: Map<string, YamlNode>;
  readonly isMerged?: boolean;
}

/** Equal as written, quotes aside; all maps and lists that stand as keys count as equal. */
function refuseRepeated(entries: readonly (readonly [YamlNode, YamlNode])[], where: string): void {
  const seen = new Set<string>();
  for (const [key] of entries) {
    const written = key.kind === 'scalar' ? key.text : key.kind === 'alias' ? key.name : '';
    const name = `${key.kind} ${written}`;
    if (seen.has(name)) throw new YamlError(`${where}: ${quote(written)} occurs twice`);
    seen.add(name);
  }
}

function isMerge(key: YamlNode): boolean {
  return key.kind === 'scalar' && key.text === '<<' && !key.isText && (isUntagged(key.tag) || key.tag === '!!merge');
}

function isUntagged(tag: string): boolean {
  return tag === '' || tag === '!';
}

function decodeBinary(text: string, where: string): string {
  const content = text.replace(/[\r\n]/g, '');
  if (!BASE64.test(content)) throw new YamlError(`${where}: no base64 behind !!binary`);
  return Buffer.from(content, 'base64').toString('utf8');
}
