/** What the kustomizations list, and what they leave out. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { filesIn, readLibrary } from './library.ts';

/** Files that no kustomization lists, and listed ones that are not there; relative to the library. */
export function unlistedFiles(tekton: string): readonly string[] {
  const listed = new Set(listedIn(tekton).map((name) => path.join(tekton, name)));
  const library = readLibrary(tekton).map(({ file }) => file);
  const top = library.filter((file) => !listed.has(file));
  const missing = [...listed].filter((file) => !existsSync(file));
  const others = kustomizationFolders(path.join(tekton, 'trigger')).flatMap((folder) => {
    const names = listedIn(folder).map((name) => path.join(folder, name));
    const beside = filesIn(folder, '.yaml').filter((file) => path.basename(file) !== 'kustomization.yaml');
    return [...beside.filter((file) => !names.includes(file)), ...names.filter((file) => !existsSync(file))];
  });
  return [...top, ...missing, ...others].map((file) => path.relative(tekton, file));
}

/** Every folder at or below this one that kustomize can build or include. */
export function kustomizationFolders(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const own = existsSync(path.join(folder, 'kustomization.yaml')) ? [folder] : [];
  return [...own, ...below.flatMap(({ name }) => kustomizationFolders(path.join(folder, name)))];
}

function listedIn(folder: string): readonly string[] {
  const text = readFileSync(path.join(folder, 'kustomization.yaml'), 'utf8');
  const { resources = [], components = [] } = parse(text) as { resources?: string[]; components?: string[] };
  return [...resources, ...components];
}
