/** `npm run tekton`: writes what is generated in `tekton/`, or tells what is not current. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { generatedFiles, orphans, outdated } from './generated-files.ts';
import { readLibrary } from './library.ts';
import { withStepImage } from './step-image.ts';

const root = path.resolve(import.meta.dirname, '../../..');
interface Options {
  readonly image?: string;
  readonly library: string;
  readonly check: boolean;
}

const command = new Command('npm run tekton --')
  .description('write READMEs and StepActions of the task library from the YAML of its tasks and pipelines')
  .option('--image <reference>', 'the image of every step, as HOST/NAME:TAG@sha256:DIGEST')
  .option('--library <folder>', 'another library, laid out in the same way', 'tekton')
  .option('--check', 'write nothing; exit code 1 where a file is not current', false)
  .action(async ({ image, library, check }: Options) => {
    const tekton = path.resolve(root, library);
    const stale = image === undefined ? [] : setImage(tekton, { image, check });
    const files = outdated(await generatedFiles(tekton));
    const left = orphans(tekton);
    if (!check) write(files, left);
    const names = [...stale, ...files.map(({ file }) => file), ...left];
    for (const file of names) console.log(`${check ? 'not current' : 'written'}: ${path.relative(root, file)}`);
    if (check && names.length > 0) {
      console.log('npm run tekton writes them');
      process.exitCode = 1;
    }
  });

function setImage(
  tekton: string,
  { image, check }: { readonly image: string; readonly check: boolean },
): readonly string[] {
  const tasks = readLibrary(tekton).filter(({ folderName }) => folderName !== 'stepaction');
  const changes = tasks.map(({ file, text }) => ({ file, text, changed: withStepImage(text, image) }));
  const stale = changes.filter(({ text, changed }) => changed !== text);
  if (!check) for (const { file, changed } of stale) writeFileSync(file, changed);
  return stale.map(({ file }) => file);
}

function write(files: readonly { readonly file: string; readonly text: string }[], left: readonly string[]): void {
  for (const { file, text } of files) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const file of left) rmSync(path.dirname(file), { recursive: true });
}

try {
  await command.parseAsync();
} catch (error) {
  console.error(`tekton: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
