import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../..');
/** The last version with a known way to smuggle requests, to crash its user or to leak. */
const LAST_WITH_HOLES = [7, 28, 0] as const;

it('every undici in the tree is newer than the last one with known holes', () => {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  const versions = Object.entries(packages)
    .filter(([place]) => place.endsWith('node_modules/undici'))
    .map(([, { version = '' }]) => version);
  expect(versions).not.toEqual([]);
  expect(versions.filter((version) => !isAbove(version.split('.').map(Number), LAST_WITH_HOLES))).toEqual([]);
});

function isAbove(version: readonly number[], floor: readonly number[]): boolean {
  const place = floor.findIndex((number, index) => number !== version[index]);
  return place >= 0 && (version[place] ?? 0) > (floor[place] ?? 0);
}
