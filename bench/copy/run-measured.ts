/** What a command used, as the kernel counts it: from its start to its end, with every descendant; memory of the largest. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureParts } from '../../test/support/parts/index.mjs';
import type { Usage } from '../process-usage.ts';

const TIME_LIMIT_MS = 15 * 60_000;

/**
 * Runs a command to its end. `folder` takes the file with the figures.
 * @throws Error with what the command said, when it fails.
 */
export async function runMeasured(
  command: readonly string[],
  { env, folder }: { readonly env: NodeJS.ProcessEnv; readonly folder: string },
): Promise<Usage> {
  const { measure } = await ensureParts(['measure']);
  const file = path.join(folder, 'figures.json');
  const child = spawn(measure, [file, ...command], {
    env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIME_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [launched, ...said] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (launched !== 0) throw new Error(`${command.join(' ')}: could not be run, or not to its end\n${said.join('')}`);
  const { code, ...usage } = JSON.parse(await readFile(file, 'utf8')) as Usage & { readonly code: number };
  if (code !== 0) throw new Error(`${command.join(' ')}: ended with ${code}\n${said.join('')}`);
  return usage;
}
