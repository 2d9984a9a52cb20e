import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findViolations, formatViolation } from './support/architecture/index.ts';
import type { Violation } from './support/architecture/index.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const FOLDERS = ['workflows', 'activities', 'worker', 'cli', 'test', 'bench'];
const SOURCE = /\.(ts|mts|mjs|js)$/;

/** Where a rule makes the code worse. An entry that is no longer needed fails the test. */
const EXCEPTIONS: readonly { readonly rule: string; readonly path: string; readonly reason: string }[] = [];

const violations = findViolations(readSources(), readDependencies());

describe('the sources', () => {
  it('keep to the rules about imports, purity, names and sizes', () => {
    const offenders = violations.filter((violation) => !EXCEPTIONS.some((one) => covers(one, violation)));
    expect(offenders.map(formatViolation)).toEqual([]);
  });

  it('need every exception that is listed', () => {
    expect(EXCEPTIONS.filter((one) => !violations.some((violation) => covers(one, violation)))).toEqual([]);
  });

  it('are found', () => {
    const rooms = new Set([...readSources().keys()].map((file) => file.split('/')[0]));
    expect([...rooms]).toEqual(expect.arrayContaining(['workflows', 'activities', 'worker', 'cli', 'test']));
  });
});

function covers(exception: { readonly rule: string; readonly path: string }, violation: Violation): boolean {
  return exception.rule === violation.rule && exception.path === violation.path;
}

function readSources(): ReadonlyMap<string, string> {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name)),
  ).filter((file) => SOURCE.test(file));
  return new Map(
    files.map((file) => [file.split(path.sep).join('/'), readFileSync(path.join(ROOT, file), 'utf8')] as const),
  );
}

function readDependencies(): ReadonlySet<string> {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return new Set(Object.keys(manifest.dependencies));
}
