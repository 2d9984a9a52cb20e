import { resolveImport } from './rooms.ts';
import type { SourceFile, Violation } from './source-file.ts';

/** Files that import each other in a circle, types included; one violation for each circle that is met. */
export function findCycles(files: readonly SourceFile[]): readonly Violation[] {
  const targets = new Map(files.map((file) => [file.path, targetsOf(file)]));
  const done = new Set<string>();
  const trail: string[] = [];
  const violations: Violation[] = [];
  const visit = (path: string): void => {
    const begin = trail.indexOf(path);
    if (begin >= 0) violations.push(describeCycle([...trail.slice(begin), path]));
    if (begin >= 0 || done.has(path)) return;
    trail.push(path);
    for (const target of targets.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const { path } of files) visit(path);
  return violations;
}

function targetsOf({ path, imports }: SourceFile): readonly string[] {
  const relative = imports.filter(({ specifier }) => specifier.startsWith('.'));
  return [...new Set(relative.map(({ specifier }) => resolveImport(path, specifier)))];
}

function describeCycle(circle: readonly string[]): Violation {
  return { rule: 'cycles', path: circle[0] ?? '', message: circle.join(' → ') };
}
