import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TrustError, builtInLookaside, findLookaside, readRegistriesD } from '../../activities/trust/index.ts';
import type { RegistriesD } from '../../activities/trust/index.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import type { Subject, Verdict } from './subject.ts';
import { FILE_EDGES, STORE_REFERENCES, randomFiles } from './registries-d-texts.ts';
import { comparableUrl } from './store-urls.ts';

interface Case {
  readonly files: Readonly<Record<string, Buffer>>;
}

/** Whether registries.d can be read, and which store it gives to which reference, for reading and for writing. */
export const registriesD: Subject<Case, string> = {
  name: 'registries-d',
  weight: 8,
  exceptions: {
    'yaml-indent':
      'brackets, quotes and values under their keys must be indented in every version of YAML; libyaml does not look',
    'yaml-comment': 'a comment needs a blank in front in every version of YAML; libyaml does not look everywhere',
    'yaml-odd':
      'a tag or a line break in a key, an empty key, quotes in plain text between brackets, a tab in an empty line',
    'yaml-behind-the-end': 'what stands behind the end of the document is not read, but it has to be YAML here',
  },
  excuse: ({ files }, { message }) => {
    const found = EXCUSES.find(([, said]) => said.test(message));
    if (found !== undefined) return found[0];
    return Object.values(files).some((bytes) => /\n(?:---|\.\.\.)|^\s*!!null /.test(bytes.toString()))
      ? 'yaml-behind-the-end'
      : undefined;
  },
  prepare: () => mkdtemp(join(tmpdir(), 'registries-d-')),
  cleanUp: (folder) => rm(folder, { recursive: true }),
  generate: (random, index) => ({ files: FILE_EDGES[index] ?? randomFiles(random) }),
  ours: judge,
  question: ({ files }) => ({
    kind: 'registries-d',
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, bytes.toString('base64')])),
    references: STORE_REFERENCES,
  }),
  compare(ours, judges) {
    const [one, other] = [ours as Store[], (judges as JudgedStore[]).map(asStore)];
    const at = one.findIndex((store, index) => JSON.stringify(store) !== JSON.stringify(other[index]));
    if (at < 0 || JSON.stringify(other[at]).includes('opaque')) return undefined;
    return `${STORE_REFERENCES[at]}: ours ${JSON.stringify(one[at])}, the judge's ${JSON.stringify(other[at])}`;
  },
  describe: ({ files }) =>
    Object.entries(files)
      .map(([name, bytes]) => `${name}: ${JSON.stringify(bytes.toString())}`)
      .join(' '),
};

/** Of what begins with a tag or an anchor on nothing, readers take the nothing: the end is there. */
const EXCUSES: readonly (readonly [name: string, said: RegExp])[] = [
  ['yaml-indent', /sufficiently indented|Missing closing|several lines|on a single line|token in YAML stream/],
  ['yaml-comment', /Comments must be separated/],
  ['yaml-odd', /readers do not take|at node end|must be separated|a tab at|Block collections|not resolve tag/],
  ['yaml-behind-the-end', /at most one|any properties|Unexpected flow|cannot start with/],
];

/** Base with the repository's path behind it, in a comparable form; or `unusable`. */
interface Store {
  readonly read: string;
  readonly write: string;
}
interface JudgedStore {
  readonly read: string;
  readonly readError: string;
  readonly write: string;
  readonly writeError: string;
}

async function judge({ files }: Case, folder: string): Promise<Verdict> {
  const directory = await mkdtemp(join(folder, 'case-'));
  try {
    for (const [name, bytes] of Object.entries(files)) {
      const file = join(directory, name);
      await mkdir(name.endsWith('/') ? file : dirname(file), { recursive: true });
      if (!name.endsWith('/')) await writeFile(file, bytes);
    }
    const config = await readRegistriesD(directory);
    const storeOf = (text: string): Store => ({ read: find(config, text, 'read'), write: find(config, text, 'write') });
    return { accepted: true, result: STORE_REFERENCES.map(storeOf) };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { accepted: false, reason: error.code, message: error.message };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function find(config: RegistriesD, text: string, access: 'read' | 'write'): string {
  const reference = parseReference(text);
  return comparableUrl(findLookaside(config, reference, access).url ?? builtInLookaside(), reference.path);
}

function asStore({ read, readError, write, writeError }: JudgedStore): Store {
  return { read: readError === '' ? judged(read) : 'unusable', write: writeError === '' ? judged(write) : 'unusable' };
}

/**
 * The judge builds a URL of any scheme, and fails when it uses one: of an unknown scheme, of a host that no name server
 * knows, with a blank in its query, which no server takes. Of a file's URL it uses the path alone.
 */
function judged(url: string): string {
  const [, scheme = '', authority = '', path = '', query = ''] =
    /^([a-z]+):(?:\/\/([^/?#]*))?([^?#]*)([^#]*)/i.exec(url) ?? [];
  // Behind `file:x` it sees no path, and shows the whole as it is written.
  if (scheme === 'file') return /^file:[^/]/.test(url) || !path.startsWith('/') ? 'opaque' : `file://${path}`;
  const isUsable =
    /^https?$/.test(scheme) &&
    /^(?:[^@]*@)?(?:[\w.~-]+|\[[0-9a-fA-F:.]+\])(?::\d*)?$/.test(authority) &&
    /^[!-~]*$/.test(query);
  return isUsable ? `${scheme}://${authority}${path}${query}` : 'unusable';
}
