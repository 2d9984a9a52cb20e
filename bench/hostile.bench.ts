/**
 * A registry that does everything wrong, met by our client and by others.
 *
 *     npm run bench -- hostile [--only PATTERN]
 *
 * Only a whole run is kept, in `results/hostile.md`.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { runCase, takeGround } from '../test/support/hostile-registry/case.ts';
import { findPeers, writeLayout } from '../test/support/hostile-registry/compare/peers.ts';
import { runPeer } from '../test/support/hostile-registry/compare/run-peer.ts';
import type { PeerGround } from '../test/support/hostile-registry/compare/run-peer.ts';
import { hostileReport } from '../test/support/hostile-registry/compare/table.ts';
import type { HostileRow } from '../test/support/hostile-registry/compare/table.ts';
import { judgePeer } from '../test/support/hostile-registry/compare/verdict.ts';
import type { Verdict } from '../test/support/hostile-registry/compare/verdict.ts';
import { BEHAVIOURS, makeCertificates } from '../test/support/hostile-registry/index.ts';
import type { Behaviour } from '../test/support/hostile-registry/index.ts';

const AT_ONCE = 4;
/** A registry that behaves, for the memory that a program takes anyway. */
const GOOD: Behaviour = {
  name: 'good',
  threat: 'realm',
  does: '',
  sound: '',
  probes: ['manifest'],
  expect: ['success'],
};

const NOT_RUN: Verdict = { is: 'not run', why: '' };

const { values: asked } = parseArgs({ options: { only: { type: 'string' } } });
const pattern = new RegExp(asked.only ?? '');
const cases = BEHAVIOURS.filter(({ name }) => pattern.test(name)).flatMap((behaviour) =>
  behaviour.probes.map((probe) => ({ behaviour, probe })),
);
const own = await meetOurselves();
const peers = await findPeers();
const folder = await mkdtemp(path.join(os.tmpdir(), 'cs-hostile-'));
try {
  const ground = await prepare();
  const theirs = await meetOthers(ground);
  const rows = cases.map(({ behaviour, probe }, at): HostileRow => {
    const verdicts = [own[at], ...theirs.map((column) => column[at])].map((one): Verdict => one ?? NOT_RUN);
    return { behaviour, probe, verdicts };
  });
  const names = ['ours', ...peers.map(({ name, version }) => `${name} ${version}`)];
  const report = hostileReport(names, rows);
  console.log(report);
  if (asked.only === undefined) await writeFile(path.join(import.meta.dirname, 'results', 'hostile.md'), report);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function prepare(): Promise<PeerGround> {
  const { ca, key, cert } = makeCertificates(['*.hostile.test']);
  const caFile = path.join(folder, 'ca.pem');
  const layout = path.join(folder, 'layout');
  await mkdir(layout);
  await Promise.all([writeFile(caFile, ca), writeLayout(layout)]);
  return { secureContext: tls.createSecureContext({ key, cert }), caFile, layout, folder };
}

/** In this process, whose network is given back before others run. */
async function meetOurselves(): Promise<readonly Verdict[]> {
  const ground = takeGround();
  const limit = pLimit(AT_ONCE);
  const verdicts = await limit.map(cases, async ({ behaviour, probe }): Promise<Verdict> => {
    const { leaks, local, elsewhere, outcome, leftOpen } = await runCase(behaviour, probe, ground);
    const { asksElsewhere = 'never', expect } = behaviour;
    const faults = [
      ...leaks.map((leak) => `secret to ${leak}`),
      ...local.map(({ address }) => `connected to ${address}`),
      ...(asksElsewhere === 'never' ? elsewhere.map((origin) => `asked ${origin}`) : []),
      ...(expect.includes(outcome) ? [] : [`ended with ${outcome}`]),
      ...(leftOpen === 0 ? [] : ['left connections open']),
    ];
    return faults.length === 0 ? { is: 'sound', why: outcome } : { is: 'unsound', why: faults.join('; ') };
  });
  ground.network.restore();
  return verdicts;
}

/**
 * For each peer a column; what works with names or with patience is left out, for they cannot be given either. Floods come
 * last and one at a time: all servers are in this process, and nobody shall be found slow because another is flooded.
 */
async function meetOthers(ground: PeerGround): Promise<readonly (readonly Verdict[])[]> {
  const columns = peers.map((): Verdict[] => []);
  const tasks = peers.flatMap((peer, column) => cases.map((one, row) => ({ ...one, peer, column, row })));
  const runnable = tasks.filter(({ behaviour }) => isForOthers(behaviour));
  const usual = await Promise.all(
    peers.map(async (peer) => (await runPeer(peer, GOOD, 'manifest', ground))?.peakBytes ?? 0),
  );
  const meet = async ({ peer, behaviour, probe, column, row }: (typeof tasks)[number]): Promise<void> => {
    const report = await runPeer(peer, behaviour, probe, ground);
    const verdicts = columns[column];
    if (verdicts !== undefined) verdicts[row] = judgePeer(behaviour, report, usual[column] ?? 0);
    process.stderr.write('.');
  };
  await pLimit(AT_ONCE).map(
    runnable.filter(({ behaviour }) => !isFlood(behaviour)),
    meet,
  );
  await pLimit(1).map(
    runnable.filter(({ behaviour }) => isFlood(behaviour)),
    meet,
  );
  return columns;
}

function isFlood({ name, threat }: Behaviour): boolean {
  return threat === 'too-much' || /endless|bomb|huge|chunk-extension/.test(name);
}

function isForOthers({ needsNames = false, threat, tls: spoken }: Behaviour): boolean {
  return !needsNames && threat !== 'too-slow' && threat !== 'retry-after' && spoken === undefined;
}
