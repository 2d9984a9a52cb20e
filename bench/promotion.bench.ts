/**
 * A whole promotion dev → qa → prod, nobody asked, beside a shell script of skopeo, gpg and git that does the same work:
 * copy, sign every manifest, push, tell the signature server, wait until it serves, pull under the node's policy.
 * Same registries, same git host, same signature servers; the two take turns, medians count.
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { generatePolicy } from '../activities/trust/index.ts';
import { runCommand } from '../test/support/command.ts';
import { ensureParts } from '../test/support/parts/index.mjs';
import { COUNTERSIGN, startSite } from '../test/support/site.ts';
import type { Site, SiteEnvironment } from '../test/support/site.ts';
import { measureRoots, watch } from './process-usage.ts';
import type { Usage } from './process-usage.ts';
import { median } from './statistics.ts';

const RUNS = Number(process.env['RUNS'] ?? 5);
const SIZES = [
  { title: '2 platforms × 2 layers × 64 KiB', layerBytes: 64 * 1024 },
  { title: '2 platforms × 2 layers × 32 MiB', layerBytes: 32 * 1024 * 1024 },
];

interface Measured {
  readonly ours: Usage;
  readonly server: Usage;
  readonly byHand: Usage;
}

await ensureParts(['temporal', 'docker-registry', 'skopeo', 'gpg', 'openssl', 'git']);
const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bench-'));
const none = { dev: 'none', qa: 'none', prod: 'none' };
const site = await startSite({ folder, gates: none, keyType: 'rsa3072', log: (line) => console.error(line) });
try {
  await site.startWorkers();
  const places = await prepareByHand(site);
  const rows: string[] = [];
  for (const { title, layerBytes } of SIZES) {
    const measured: Measured[] = [];
    for (let run = 0; run <= RUNS; run++) {
      const one = await measureOnce(places, {
        name: `bench/size-${layerBytes}-${run}`,
        layerBytes,
        oursFirst: run % 2 === 0,
      });
      if (run > 0) measured.push(one);
      console.error(`${title}, run ${run}: countersign ${show(one.ours)}, by hand ${show(one.byHand)}`);
    }
    rows.push(...tableRows(title, measured));
  }
  await report(rows);
} finally {
  await site.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measureOnce(
  places: NodeJS.ProcessEnv,
  { name, layerBytes, oursFirst }: { name: string; layerBytes: number; oursFirst: boolean },
): Promise<Measured> {
  await site.push(`${name}-ours`, '1', { layerBytes });
  const image = await site.push(`${name}-hand`, '1', { layerBytes });
  const steps = {
    ours: () => promote(`${name}-ours:1`),
    byHand: () =>
      runTimed(['bash', path.join(import.meta.dirname, 'by-hand.sh')], {
        ...places,
        NAME: `${name}-hand`,
        TAG: '1',
        DIGEST: image.digest,
        RUN: String(Date.now()),
      }),
  };
  if (oursFirst) {
    const ours = await steps.ours();
    return { ...ours, byHand: await steps.byHand() };
  }
  const byHand = await steps.byHand();
  return { ...(await steps.ours()), byHand };
}

/** The command that waits, the orchestrator and three workers; the Temporal server is counted apart. */
async function promote(image: string): Promise<Pick<Measured, 'ours' | 'server'>> {
  const pids = [...site.workers.values()].map(({ pid }) => pid);
  let command: Usage | undefined;
  let workers: Usage | undefined;
  const server = await measureRoots([site.temporal.pid], async () => {
    workers = await measureRoots(pids, async () => {
      command = await runTimed(
        [process.execPath, COUNTERSIGN, '--config', site.configurationFile, 'start', image, '--to', 'prod', '--wait'],
        process.env,
      );
    });
  });
  const cpuSeconds = (workers?.cpuSeconds ?? 0) + (command?.cpuSeconds ?? 0);
  const peakMiB = (workers?.peakMiB ?? 0) + (command?.peakMiB ?? 0);
  return { ours: { wallSeconds: command?.wallSeconds ?? 0, cpuSeconds, peakMiB }, server };
}

/** Runs a command under bash, whose `times` tells the CPU time of everything that was waited for. */
async function runTimed(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Usage> {
  const child = spawn('bash', ['-c', '"$@" >&2; code=$?; times; exit $code', 'timed', ...command], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const { wallSeconds, peakMiB } = await watch(
    () => [child.pid ?? 0],
    async () => {
      await ended;
    },
  );
  const [times, errors] = await said;
  if ((await ended) !== 0) throw new Error(`${command.join(' ')} failed:\n${errors}`);
  const children = times.trim().split('\n').at(-1) ?? '';
  return { wallSeconds, cpuSeconds: secondsOf(children), peakMiB };
}

function secondsOf(times: string): number {
  const parts = [...times.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  return parts.reduce((sum, part) => sum + part, 0);
}

/** Key rings for gpg, policies for skopeo, and the list of places, one line per environment. */
async function prepareByHand({ environments }: Site): Promise<NodeJS.ProcessEnv> {
  const work = path.join(folder, 'by-hand');
  const lines = await Promise.all(environments.map((one) => prepareEnvironment(one, work)));
  const places = path.join(work, 'places');
  await writeFile(places, `${lines.join('\n')}\n`);
  return { ...process.env, WORK: work, PLACES: places, GNUPG: path.join(work, 'gnupg') };
}

async function prepareEnvironment(one: SiteEnvironment, work: string): Promise<string> {
  const { name, prefix, repository, signatureServer, secrets, publicKeyFile } = one;
  const home = path.join(work, 'gnupg', name);
  await mkdir(home, { recursive: true, mode: 0o700 });
  const loopback = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', `passphrase of ${name}`];
  const imported = await runCommand('gpg', [
    '--homedir',
    home,
    ...loopback,
    '--import',
    path.join(secrets, 'signing-key.asc'),
  ]);
  if (imported.code !== 0) throw new Error(imported.stderr);
  const trust = path.join(work, 'trust', name);
  await mkdir(path.join(trust, 'registries.d'), { recursive: true });
  const { policyJson, registriesD } = generatePolicy([
    { registry: prefix, keys: [{ fileName: publicKeyFile }], servedAt: signatureServer.servedAt },
  ]);
  await writeFile(path.join(trust, 'policy.json'), policyJson);
  await writeFile(path.join(trust, 'registries.d', 'countersign.yaml'), registriesD);
  const credentials = (await readFile(path.join(secrets, 'git-credentials'), 'utf8')).trim();
  const url = repository.url.replace(/^http:\/\/[^/]*/, credentials);
  return [name, prefix, url, signatureServer.servedAt, `${signatureServer.url}/webhook`, trust].join('\t');
}

function tableRows(title: string, measured: readonly Measured[]): readonly string[] {
  const row = (label: string, of: (usage: Usage) => number, unit: string): string => {
    const ours = median(measured.map(({ ours: usage }) => of(usage)));
    const server = median(measured.map(({ server: usage }) => of(usage)));
    const hand = median(measured.map(({ byHand }) => of(byHand)));
    const beside = unit === 's wall' ? '' : `${server.toFixed(2)} ${unit}`;
    return `| ${title} | ${label} | ${ours.toFixed(2)} ${unit} | ${beside} | ${hand.toFixed(2)} ${unit} | ${(ours / hand).toFixed(2)} |`;
  };
  return [
    row('wall', ({ wallSeconds }) => wallSeconds, 's wall'),
    row('CPU', ({ cpuSeconds }) => cpuSeconds, 's CPU'),
    row('peak memory', ({ peakMiB }) => peakMiB, 'MiB'),
  ];
}

async function report(rows: readonly string[]): Promise<void> {
  const skopeo = (await runCommand('skopeo', ['--version'])).stdout.trim();
  const gpg = (await runCommand('gpg', ['--version'])).stdout.split('\n')[0] ?? '';
  const table = [
    '# A whole promotion, beside a shell script',
    '',
    `Medians of ${RUNS} runs, taking turns, on loopback; ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}, ${skopeo}, ${gpg}.`,
    `countersign: the command that waits, the orchestrator and three workers (RSA 3072). The Temporal development server is counted apart.`,
    '',
    '| image | figure | countersign | Temporal server | by hand | ratio |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
  console.log(table);
  const results = path.join(import.meta.dirname, 'results');
  await mkdir(results, { recursive: true });
  await writeFile(path.join(results, 'promotion.md'), table);
}

function show({ wallSeconds, cpuSeconds, peakMiB }: Usage): string {
  return `${wallSeconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} CPU-s, ${peakMiB.toFixed(0)} MiB`;
}
