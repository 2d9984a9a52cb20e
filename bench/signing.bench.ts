/**
 * Signatures per second, one and many in flight, beside `skopeo standalone-sign` and `gpg`; verifications per second
 * beside `skopeo standalone-verify` and `gpg`. Every side signs the same claim with the same key; they take turns, so
 * that what else the machine does hits all of them. The key has no passphrase: with one, GnuPG derives a key from it for
 * every signature (about one a second), we once. Ours verifies each signature before it counts.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { generateKey, loadSigningKey, readKeyRing, signDigest, verifySignature } from '../activities/signing/index.ts';
import type { KeyOptions } from '../activities/signing/index.ts';
import { ensureParts } from '../test/support/parts/index.mjs';
import { parseDigest } from '../workflows/domain/digest.ts';
import { parseReference } from '../workflows/domain/reference.ts';
import { spreadOf } from './statistics.ts';

const SECONDS = Number(process.env['SECONDS_EACH'] ?? 4);
const RUNS = Number(process.env['RUNS'] ?? 3);
const MANY = 16;
const MANY_PROCESSES = 4;
const REFERENCE = 'registry.example.com/acme/web:1';
const KEYS: readonly { readonly name: string; readonly type: KeyOptions['type']; readonly goal: number }[] = [
  { name: 'Ed25519', type: 'ed25519', goal: 100 },
  { name: 'RSA-4096', type: 'rsa4096', goal: 15 },
];

interface Contender {
  readonly name: string;
  readonly task: () => Promise<unknown>;
  readonly inFlight: number;
}

const run = promisify(execFile);
const { skopeo, gpg } = await ensureParts(['skopeo', 'gpg']);
const folder = await mkdtemp(path.join(tmpdir(), 'sign-'));
const env = { ...process.env, GNUPGHOME: folder };
const GPG = ['--homedir', folder, '--batch', '--yes'];
const file = (name: string): string => path.join(folder, name);
try {
  await writeFile(file('manifest.json'), '{"schemaVersion":2}');
  const rows: string[] = [];
  const goals: string[] = [];
  for (const key of KEYS) {
    const { signing, verifying } = await contenders(key.type);
    const signed = await race(signing);
    const verified = await race(verifying);
    rows.push(...signed.map(([name, rate]) => row(key.name, `sign: ${name}`, rate)));
    rows.push(...verified.map(([name, rate]) => row(key.name, `verify: ${name}`, rate)));
    goals.push(...goalsOf(key, signed));
  }
  await report(rows, goals);
} finally {
  await run('gpgconf', ['--homedir', folder, '--kill', 'gpg-agent']).catch(() => undefined);
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

interface Contenders {
  readonly signing: readonly Contender[];
  readonly verifying: readonly Contender[];
}

async function contenders(type: KeyOptions['type']): Promise<Contenders> {
  const userId = { name: 'Bench', email: 'bench@example.com' };
  const made = await generateKey({ userId, type, date: new Date(Date.now() - 60_000) });
  await writeFile(file('key.asc'), made.privateKey);
  await run(gpg, [...GPG, '--import', file('key.asc')]);
  const key = await loadSigningKey({ armoredKey: made.privateKey, name: 'bench' });
  const manifest = await readFile(file('manifest.json'));
  const digest = parseDigest(`sha256:${createHash('sha256').update(manifest).digest('hex')}`);
  const reference = parseReference(REFERENCE);
  const sign = (): Promise<Uint8Array> => signDigest(key, { digest, reference, time: new Date() });
  const blob = await sign();
  await writeFile(file('signature'), blob);
  const ring = await readKeyRing([{ name: 'bench', bytes: Buffer.from(made.publicKey) }]);
  const verify = (): Promise<unknown> => verifySignature(blob, ring, { now: new Date() });
  const theirs = programs(made.fingerprint);
  return {
    signing: [...both('countersign', sign, MANY), ...theirs.signing],
    verifying: [...both('countersign', verify, MANY), ...theirs.verifying],
  };
}

/** One process per signature, as scripts and the signing services of registries run them. */
function programs(fingerprint: string): Contenders {
  let next = 0;
  const output = (): string => file(`out-${next++ % 64}`);
  const claim = [file('manifest.json'), REFERENCE, fingerprint];
  const bySkopeo = (args: () => readonly string[]) => (): Promise<unknown> => run(skopeo, args(), { env });
  const byGpg = (args: () => readonly string[]) => (): Promise<unknown> =>
    run(gpg, [...GPG, '--output', output(), ...args()]);
  const skopeoSigns = bySkopeo(() => ['standalone-sign', ...claim, '-o', output()]);
  const gpgSigns = byGpg(() => ['--local-user', fingerprint, '--sign', file('manifest.json')]);
  const skopeoVerifies = bySkopeo(() => ['standalone-verify', ...claim, file('signature')]);
  const gpgVerifies = byGpg(() => ['--decrypt', file('signature')]);
  return {
    signing: [...both('skopeo', skopeoSigns, MANY_PROCESSES), ...both('gpg', gpgSigns, MANY_PROCESSES)],
    verifying: [...both('skopeo', skopeoVerifies, MANY_PROCESSES), ...both('gpg', gpgVerifies, MANY_PROCESSES)],
  };
}

function both(name: string, task: () => Promise<unknown>, many: number): Contender[] {
  return [
    { name, task, inFlight: 1 },
    { name, task, inFlight: many },
  ];
}

/** Rates per second; the contenders take turns. */
async function race(all: readonly Contender[]): Promise<readonly (readonly [string, readonly number[]])[]> {
  const rates = all.map((): number[] => []);
  for (let turn = 0; turn <= RUNS; turn++) {
    for (const [index, contender] of all.entries()) {
      const rate = await measure(contender);
      // The first turn warms up: code, caches, the agent of gpg.
      if (turn > 0) rates[index]?.push(rate);
    }
  }
  return all.map(({ name, inFlight }, index) => [`${name}, ${inFlight} in flight`, rates[index] ?? []] as const);
}

async function measure({ task, inFlight }: Contender): Promise<number> {
  const start = performance.now();
  const end = start + SECONDS * 1000;
  let done = 0;
  const work = async (): Promise<void> => {
    while (performance.now() < end) {
      await task();
      done++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return (done * 1000) / (performance.now() - start);
}

function row(key: string, what: string, rates: readonly number[]): string {
  const { median, least, most } = spreadOf(rates);
  return `| ${key} | ${what} | ${show(median)} | ${show(least)}–${show(most)} |`;
}

function goalsOf(
  { name, goal }: { readonly name: string; readonly goal: number },
  signed: readonly (readonly [string, readonly number[]])[],
): string[] {
  const best = (who: string): number =>
    Math.max(...signed.filter(([title]) => title.startsWith(who)).map(([, rates]) => spreadOf(rates).median));
  const factor = best('countersign') / best('skopeo');
  const verdict = factor >= goal ? 'met' : 'MISSED';
  return [`- ${name}: ${factor.toFixed(0)} × skopeo, each at its best; goal ${goal} ×: ${verdict}`];
}

async function report(rows: readonly string[], goals: readonly string[]): Promise<void> {
  const { stdout: version } = await run(skopeo, ['--version']);
  const lines = [
    '# Signing and verifying',
    '',
    `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.versions.node}, ${version.trim()}.`,
    `Per second; median, least and most of ${RUNS} turns of ${SECONDS} s. \`npm run bench -- signing\` makes this page.`,
    '',
    '| key | what | median | range |',
    '| --- | --- | ---: | ---: |',
    ...rows,
    '',
    ...goals,
    '',
  ];
  await writeFile(path.join(import.meta.dirname, 'results', 'signing.md'), lines.join('\n'));
  console.log(lines.join('\n'));
}

function show(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate.toFixed(1);
}
