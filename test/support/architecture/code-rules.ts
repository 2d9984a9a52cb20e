import ts from 'typescript';
import { roomOf } from './rooms.ts';
import type { Room } from './rooms.ts';
import { lineOf, walk } from './source-file.ts';
import type { SourceFile, Violation } from './source-file.ts';

type Finding = Omit<Violation, 'path'>;

/** Globals that bring in the world, a clock or chance. */
const IMPURE = new Set([
  ...['process', 'crypto', 'performance', 'fetch', 'console', 'globalThis', 'require', 'queueMicrotask'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'Buffer', 'WeakRef', 'FinalizationRegistry'],
]);
const JUDGES = /^activities\/(?:signing|trust|doctor)\//;
const READS_ENVIRONMENT: readonly (Room | undefined)[] = ['worker', 'cli'];

/** What the text of a file may not say, whatever it imports. */
export function findCodeViolations(file: SourceFile): readonly Finding[] {
  const room = roomOf(file.path);
  const findings: Finding[] = [];
  const report = (rule: string, node: ts.Node, message: string): void => {
    findings.push({ rule, line: lineOf(file.tree, node), message });
  };
  walk(file.tree, (node) => {
    if (isDefaultExport(node) && !isToolConfiguration(file.path)) report('default-export', node, 'export it by name');
    if (room === undefined) return;
    if (isUnnamedExport(node)) report('named-exports', node, 'name what is re-exported');
    if (isEnvironment(node) && !READS_ENVIRONMENT.includes(room)) {
      report('environment', node, 'only worker/ and cli/ read process.env');
    }
    // CVE-2025-68973, CVE-2018-12020, CVE-2022-34903: no program of theirs sees what strangers wrote, or decides.
    if (JUDGES.test(file.path) && isStart(node)) report('no-programs', node, 'what judges signatures runs no program');
    if (room === 'domain') reportImpure(node, report);
    if (room === 'domain' || room === 'workflows') reportUnsafeState(node, report);
  });
  return findings;
}

type Report = (rule: string, node: ts.Node, message: string) => void;

function isToolConfiguration(path: string): boolean {
  return /^[^/]+\.config\.(ts|js|mjs)$/.test(path);
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  return ts.canHaveModifiers(node) && hasModifier(node, ts.SyntaxKind.DefaultKeyword);
}

function isUnnamedExport(node: ts.Node): boolean {
  return ts.isExportDeclaration(node) && node.exportClause === undefined;
}

function isEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return node.name.text === 'env' && isNamed(node.expression, 'process');
  if (ts.isElementAccessExpression(node)) return isNamed(node.expression, 'process');
  if (ts.isVariableDeclaration(node)) return node.initializer !== undefined && isNamed(node.initializer, 'process');
  const fromProcess =
    ts.isImportDeclaration(node) &&
    ts.isStringLiteral(node.moduleSpecifier) &&
    /^(node:)?process$/.test(node.moduleSpecifier.text);
  return fromProcess && /\benv\b/.test(node.getText());
}

function isStart(node: ts.Node): boolean {
  return ts.isStringLiteral(node) && /^(?:node:)?child_process$/.test(node.text);
}

function isNamed(node: ts.Expression, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name;
}

function reportImpure(node: ts.Node, report: Report): void {
  if (ts.isNewExpression(node) && isNamed(node.expression, 'Date') && (node.arguments?.length ?? 0) === 0) {
    report('pure-domain', node, 'a time comes in as an argument');
  }
  if (ts.isCallExpression(node) && isNamed(node.expression, 'Date')) {
    report('pure-domain', node, 'a time comes in as an argument');
  }
  if (ts.isPropertyAccessExpression(node) && /^(Date\.now|Math\.random)$/.test(node.getText())) {
    report('pure-domain', node, `${node.getText()} is neither pure nor repeatable`);
  }
  if (ts.isIdentifier(node) && IMPURE.has(node.text) && isUse(node)) {
    report('pure-domain', node, `${node.text} is not for the domain`);
  }
}

/** Whether the identifier stands for a value, not for a property, a declaration or a type's member. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return ts.isCallExpression(parent) || ts.isNewExpression(parent) || ts.isElementAccessExpression(parent);
}

function reportUnsafeState(node: ts.Node, report: Report): void {
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) {
    report('workflow-state', node, 'import.meta does not exist in the sandbox');
  }
  const list = ts.isVariableStatement(node) && ts.isSourceFile(node.parent) ? node.declarationList : undefined;
  if (list !== undefined && (list.flags & ts.NodeFlags.Const) === 0 && !isAmbient(node)) {
    report('workflow-state', node, 'state of the module is shared by all workflows of a worker');
  }
}

function isAmbient(node: ts.Node): boolean {
  return ts.canHaveModifiers(node) && hasModifier(node, ts.SyntaxKind.DeclareKeyword);
}

function hasModifier(node: ts.HasModifiers, kind: ts.SyntaxKind): boolean {
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false;
}
