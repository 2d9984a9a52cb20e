import { printableLines } from './escape.ts';
import { armorPublicKeys } from '../../activities/signing/index.ts';
import type { NodeFile } from '../../activities/trust/index.ts';
import type { NodeFileDescription } from '../trust/generate-node-files.ts';
import type { WrittenDirectory } from '../trust/write-node-files.ts';

/** The files one after the other; binary keys are shown armoured. */
export function printedFiles(files: readonly NodeFile[]): string {
  const shown = files.map(({ path, bytes }) => {
    const content = path.endsWith('.gpg') ? armorPublicKeys(bytes) : Buffer.from(bytes).toString('utf8');
    return `# ${path}\n${printableLines(content.trimEnd())}\n`;
  });
  return shown.join('\n').trimEnd();
}

/** What was written where, and where it belongs. */
export function writtenFiles(
  files: readonly NodeFileDescription[],
  { directory, outcome }: { readonly directory: string; readonly outcome: WrittenDirectory },
): string {
  const width = Math.max(...files.map(({ path }) => path.length));
  const lines = files.map(({ path, nodePath }) => `  ${path.padEnd(width)}  → ${nodePath}`);
  return [`${directory}: ${outcome}`, ...lines].map(printableLines).join('\n');
}
