/** `copy` as the build packs it: one file, and beside it what V8 compiled of it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { runCopyAlone } from './copy-alone.ts';

type Run = typeof runCopyAlone;
type Evaluate = (exports: { runCopyAlone?: Run }, require: NodeJS.Require) => void;

const PACKED = '../copy-alone.cjs';
const COMPILED = '../copy-alone.v8';

/**
 * Loads it, which takes a third of the time that its modules take one by one.
 * @returns undefined where it was not packed, as in sources that run uncompiled.
 */
export function loadCopyAlone(): Run | undefined {
  const source = read(PACKED)?.toString('latin1');
  if (source === undefined) return undefined;
  const filename = fileURLToPath(new URL(PACKED, import.meta.url));
  const cachedData = read(COMPILED);
  // Another Node than the one that built it refuses what V8 compiled, and compiles anew.
  const script = new vm.Script(source, { filename, ...(cachedData && { cachedData }) });
  // HTTP is parsed in WebAssembly: to optimize that costs more time than most copies take, and 25 MiB.
  v8.setFlagsFromString('--liftoff-only');
  const evaluate = script.runInThisContext() as Evaluate;
  const loaded: { runCopyAlone?: Run } = {};
  evaluate(loaded, createRequire(filename));
  return loaded.runCopyAlone;
}

function read(name: string): Buffer | undefined {
  try {
    return readFileSync(new URL(name, import.meta.url));
  } catch {
    return undefined;
  }
}
