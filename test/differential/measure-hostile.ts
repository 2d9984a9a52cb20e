// `npm run test:differential -- --hostile`: what hostile messages cost. The messages are made by another process, whose
// memory would hide what is measured here.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { importKeyRing, verifySignature } from '../../activities/signing/index.ts';
import { harmlessMessage, hostileMessages } from '../activities/signing/hostile/index.ts';

const MAX_MS = 50;
const MAX_EXTRA_MIB = 16;
const WARM_UP = 100;
const ROUNDS = 3;

interface Entry {
  readonly name: string;
  readonly blob: string;
  readonly keyFile: string;
}

interface Cost {
  readonly name: string;
  readonly refused: boolean;
  /** Of the processor, the best of some rounds: what the machine does besides does not count. */
  readonly ms: number;
}

/** Prints the dearest; true when every message was refused within the limits. */
export function measureHostile(): boolean {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'hostile-'));
  try {
    const messages = [harmlessMessage(), ...hostileMessages()];
    const entries = messages.map(({ name, blob, keyFile }, index): Entry => {
      const entry = { name, blob: path.join(folder, `${index}`), keyFile: path.join(folder, `${index}.key`) };
      writeFileSync(entry.blob, blob);
      writeFileSync(entry.keyFile, keyFile);
      return entry;
    });
    writeFileSync(path.join(folder, 'entries.json'), JSON.stringify(entries));
    const args = [...process.execArgv, '--expose-gc', fileURLToPath(import.meta.url), folder];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`measuring ended with ${status}: ${stderr}`);
    return report(JSON.parse(stdout) as { costs: Cost[]; extraMiB: number });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report({ costs, extraMiB }: { readonly costs: readonly Cost[]; readonly extraMiB: number }): boolean {
  for (const { name, ms } of costs.toSorted((a, b) => b.ms - a.ms).slice(0, 10)) {
    console.log(`  ${ms.toFixed(1).padStart(6)} ms  ${name}`);
  }
  const bad = costs.filter(({ ms, refused }) => !refused || ms >= MAX_MS).map(({ name }) => name);
  console.log(`${costs.length} hostile messages, ${costs.filter(({ refused }) => refused).length} refused;`);
  console.log(`all together raised the peak of the memory by ${extraMiB.toFixed(1)} MiB`);
  const met = bad.length === 0 && extraMiB < MAX_EXTRA_MIB;
  console.log(
    `goal: each refused in < ${MAX_MS} ms and < ${MAX_EXTRA_MIB} MiB: ${met ? 'met' : `MISSED ${bad.join(', ')}`}`,
  );
  return met;
}

async function measure(folder: string): Promise<void> {
  const entries = JSON.parse(readFileSync(path.join(folder, 'entries.json'), 'utf8')) as Entry[];
  const now = new Date();
  const refuses = async ({ blob, keyFile }: { blob: Uint8Array; keyFile: Uint8Array }): Promise<boolean> =>
    await verifySignature(blob, importKeyRing([keyFile], { now }), { now }).then(
      () => false,
      () => true,
    );
  const read = ({ blob, keyFile }: Entry) => ({ blob: readFileSync(blob), keyFile: readFileSync(keyFile) });
  const [harmless, ...hostile] = entries;
  if (harmless === undefined || (await refuses(read(harmless)))) throw new Error('the harmless message is refused');
  for (let i = 0; i < WARM_UP; i++) await refuses(read(harmless));
  // The largest blob and its collection are part of what is there before.
  const largest = Buffer.alloc(4 * 1024 * 1024, 1);
  globalThis.gc?.();
  const before = process.resourceUsage().maxRSS;
  const costs: Cost[] = [];
  for (const entry of hostile) {
    const message = read(entry);
    let ms = Infinity;
    let refused = true;
    for (let round = 0; round < ROUNDS; round++) {
      globalThis.gc?.();
      const start = process.cpuUsage();
      refused = (await refuses(message)) && refused;
      const { user, system } = process.cpuUsage(start);
      ms = Math.min(ms, (user + system) / 1000);
    }
    costs.push({ name: entry.name, ms, refused });
  }
  const extraMiB = (process.resourceUsage().maxRSS - before) / 1024;
  process.stdout.write(JSON.stringify({ costs, extraMiB, largest: largest.length }));
}

const [, started, folder] = process.argv;
if (started === fileURLToPath(import.meta.url) && folder !== undefined) await measure(folder);
