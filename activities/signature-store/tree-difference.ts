import type { GitObjects } from './git-objects.ts';
import { isDirectory } from './tree.ts';
import type { TreeEntry } from './tree.ts';

/** One path that differs between two trees; directories show as the files in them. */
export interface Change {
  readonly path: string;
  readonly before: TreeEntry | undefined;
  readonly after: TreeEntry | undefined;
}

/** Enough to name what was found; whoever pushed it may have pushed a million files. */
const CHANGE_LIMIT = 300;
const DEPTH_LIMIT = 40;

/** What differs between two trees, at most `limit` changes; only trees that differ are read. */
export async function differenceBetween(
  objects: GitObjects,
  [before, after]: readonly [string | undefined, string | undefined],
  limit = CHANGE_LIMIT,
): Promise<Change[]> {
  const changes: Change[] = [];
  await compare(objects, { before, after, path: [], changes, limit });
  return changes;
}

interface Comparison {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly path: readonly string[];
  readonly changes: Change[];
  readonly limit: number;
}

async function compare(objects: GitObjects, { before, after, path, changes, limit }: Comparison): Promise<void> {
  if (before === after || changes.length >= limit) return;
  const old = new Map((await objects.readTree(before)).map((entry) => [entry.name, entry]));
  const now = new Map((await objects.readTree(after)).map((entry) => [entry.name, entry]));
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(name), now.get(name)];
    if (was?.oid === is?.oid && was?.mode === is?.mode) continue;
    const below = [...path, name];
    if (changes.length >= limit) return;
    const deep = below.length >= DEPTH_LIMIT;
    const [left, right] = [deep ? undefined : directory(was), deep ? undefined : directory(is)];
    if (left !== undefined || right !== undefined) {
      await compare(objects, { before: left, after: right, path: below, changes, limit });
    }
    const [leftFile, rightFile] = [left === undefined ? was : undefined, right === undefined ? is : undefined];
    if (leftFile !== undefined || rightFile !== undefined) {
      changes.push({ path: below.join('/'), before: leftFile, after: rightFile });
    }
  }
}

function directory(entry: TreeEntry | undefined): string | undefined {
  return entry !== undefined && isDirectory(entry) ? entry.oid : undefined;
}
