// The rules about who may import what, and how large things may grow, as functions of the sources' text alone.
import { findCodeViolations } from './code-rules.ts';
import { findCycles } from './cycles.ts';
import { findImportViolations } from './rooms.ts';
import { findShapeViolations } from './shape.ts';
import { parseSource } from './source-file.ts';
import type { SourceFile, Violation } from './source-file.ts';

export type { Violation } from './source-file.ts';

/**
 * Every broken rule in these sources.
 * @param sources text by path, relative to the project, with `/`
 * @param dependencies names of the packages that the product itself may import
 */
export function findViolations(
  sources: ReadonlyMap<string, string>,
  dependencies: ReadonlySet<string>,
): readonly Violation[] {
  const files = [...sources].map(([path, text]) => parseSource(path, text));
  const single = files.flatMap((file) =>
    findingsOf(file, dependencies).map((finding) => ({ ...finding, path: file.path })),
  );
  return [...single, ...findCycles(files)];
}

/** For people: `path:line rule: message`. */
export function formatViolation({ rule, path, line, message }: Violation): string {
  return `${path}${line === undefined ? '' : `:${line}`} ${rule}: ${message}`;
}

function findingsOf(file: SourceFile, dependencies: ReadonlySet<string>): readonly Omit<Violation, 'path'>[] {
  return [
    ...findImportViolations(file, dependencies),
    ...findExtensionViolations(file),
    ...findCodeViolations(file),
    ...findShapeViolations(file),
  ];
}

function findExtensionViolations({ path, imports }: SourceFile): readonly Omit<Violation, 'path'>[] {
  if (!path.endsWith('.ts')) return [];
  return imports
    .filter(({ specifier }) => specifier.startsWith('.') && !/\.(ts|mts|mjs|js|json)$/.test(specifier))
    .map(({ specifier, line }) => ({ rule: 'extensions', line, message: `${specifier} needs its file's ending` }));
}
