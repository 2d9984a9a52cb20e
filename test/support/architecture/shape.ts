import ts from 'typescript';
import { lineOf, walk } from './source-file.ts';
import type { SourceFile, Violation } from './source-file.ts';

type Finding = Omit<Violation, 'path'>;

const FILE_LINES = 250;
/** A table of cases, or a suite, is not read from top to bottom. */
const TEST_FILE_LINES = 500;
const FUNCTION_LINES = 40;
const FORBIDDEN_WORDS = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'managers']);
const KEBAB_FOLDER = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const KEBAB_FILE = /^[a-z0-9]+(-[a-z0-9]+)*(\.parts)?(\.(test|bench|config|d))?\.(ts|mts|mjs|js)$/;

/** Names and sizes of a file and its functions. */
export function findShapeViolations(file: SourceFile): readonly Finding[] {
  return [...findNameViolations(file.path), ...findSizeViolations(file)];
}

/** Tells whether the file holds tests; there the callbacks of suites may be as long as they like. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.endsWith('-suite.ts');
}

function findNameViolations(path: string): readonly Finding[] {
  const segments = path.split('/');
  const name = segments.pop() ?? '';
  const kebab = KEBAB_FILE.test(name) && segments.every((folder) => KEBAB_FOLDER.test(folder));
  const words = path.split(/[/.-]/).filter((word) => FORBIDDEN_WORDS.has(word));
  return [
    ...(kebab ? [] : [{ rule: 'names', message: 'folders and files are kebab-case' }]),
    ...words.map((word) => ({ rule: 'names', message: `"${word}" says nothing: name it after what it does` })),
  ];
}

function findSizeViolations({ path, text, tree }: SourceFile): readonly Finding[] {
  const findings: Finding[] = [];
  const lines = text.replace(/\n$/, '').split('\n').length;
  const limit = isTest(path) ? TEST_FILE_LINES : FILE_LINES;
  if (lines > limit) findings.push({ rule: 'file-size', message: `${lines} lines, at most ${limit}` });
  walk(tree, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    const size = countLines(tree, node);
    if (size <= FUNCTION_LINES || (isTest(path) && isCallback(node))) return;
    const message = `${nameOf(node)}: ${size} lines, at most ${FUNCTION_LINES}`;
    findings.push({ rule: 'function-size', line: lineOf(tree, node), message });
  });
  return findings;
}

function countLines(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.end).line + 2 - lineOf(tree, node);
}

function isCallback(node: ts.SignatureDeclaration): boolean {
  return ts.isCallExpression(node.parent);
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText();
  return ts.isConstructorDeclaration(node) ? 'constructor' : 'a function without a name';
}
