import ts from 'typescript';

/** A statement or expression that names another module. */
export interface ModuleImport {
  /** As written. */
  readonly specifier: string;
  /** Erased when types are stripped. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A source file, parsed; paths are relative to the project, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly ModuleImport[];
}

/** One broken rule at one place. */
export interface Violation {
  readonly rule: string;
  readonly path: string;
  /** Absent where the rule is about the whole file. */
  readonly line?: number;
  readonly message: string;
}

/** Parses `text`; nothing is resolved or type-checked. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  return { path, text, tree, imports: findImports(tree) };
}

/** Calls `visit` for every node below `node`, and for itself. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => {
    walk(child, visit);
  });
}

/** The line on which `node` begins, counted from 1. */
export function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

function findImports(tree: ts.SourceFile): readonly ModuleImport[] {
  const found: ModuleImport[] = [];
  walk(tree, (node) => {
    const named = namedModule(node);
    if (named !== undefined) found.push({ ...named, line: lineOf(tree, node) });
  });
  return found;
}

function namedModule(node: ts.Node): Omit<ModuleImport, 'line'> | undefined {
  if (ts.isImportDeclaration(node)) return from(node.moduleSpecifier, isTypeImport(node.importClause));
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) return from(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return from(node.argument.literal, true);
  if (ts.isCallExpression(node) && isLoad(node.expression) && node.arguments[0]) return from(node.arguments[0], false);
  return undefined;
}

// `import { type X }` leaves an empty import behind, so only `import type` counts.
function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function isLoad(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

function from(specifier: ts.Node, typeOnly: boolean): Omit<ModuleImport, 'line'> | undefined {
  return ts.isStringLiteralLike(specifier) ? { specifier: specifier.text, typeOnly } : undefined;
}
