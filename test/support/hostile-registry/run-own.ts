import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { OwnCase, OwnReport } from './own-program.ts';

const LIMIT_MS = 150_000;

/** Runs our client as a program of its own; throws where it ends otherwise than with its reports. */
export async function runOwn(cases: readonly OwnCase[]): Promise<readonly OwnReport[]> {
  const loader = new URL('../typescript-loader.mjs', import.meta.url).href;
  const file = fileURLToPath(new URL('./own-program.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', loader, file], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  const ended = once(child, 'exit');
  child.stdin.end(JSON.stringify(cases));
  const [printed, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`our client ended with ${String(code)}: ${complained.slice(0, 2000)}`);
  return JSON.parse(printed) as readonly OwnReport[];
}
