// `npm run test:resilience [-- NAME …]`: what takes too long, or too many bytes, for `npm test`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { CopyProgress, CopyResult } from '../../activities/oci/index.ts';
import { copyImage, createRegistryClient } from '../../activities/oci/index.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import { TOLD, record } from './record.ts';
import type { Check } from './record.ts';
import type { Seen, StartOrder, Started } from './servers.ts';

const [MIB, GIB] = [1024 ** 2, 1024 ** 3];
const CHUNK = 64 * MIB;

const CASES: Readonly<Record<string, () => Promise<readonly Check[]>>> = {
  resets: () => breakConnections({ gib: 20, resets: 1000 }),
  'resets-small': () => breakConnections({ gib: 1, resets: 50 }),
  kill: () => killInTheMiddle({ takesChunks: true }),
  'kill-without-chunks': () => killInTheMiddle({ takesChunks: false }),
  limit: limitRequests,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in CASES));
if (unknown.length > 0) {
  console.error(`usage: npm run test:resilience [-- ${Object.keys(CASES).join(' | ')} …]`);
  process.exit(2);
}
let failed = 0;
for (const [name, run] of Object.entries(CASES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const begun = performance.now();
  const checks = await run();
  const seconds = (performance.now() - begun) / 1000;
  await record(name, seconds, checks);
  console.log(`\n${name} (${seconds.toFixed(0)} s)`);
  for (const { what, limit, seen, passed } of checks) {
    console.log(`  ${passed ? 'ok  ' : 'FAIL'} ${what}: ${seen} (${limit})`);
    if (!passed) failed += 1;
  }
}
console.log(failed === 0 ? '\nall passed' : `\n${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Twenty layers; half of the resets hit downloads, half uploads, at random places. */
async function breakConnections({ gib, resets }: { readonly gib: number; readonly resets: number }): Promise<Check[]> {
  const total = gib * GIB;
  const layers = Array.from({ length: 20 }, (_, number) => Math.floor(total / 20) + number * 4096);
  const random = seeded(gib);
  const places = (): number[] =>
    Array.from({ length: resets / 2 }, () => random() * total).toSorted((one, other) => one - other);
  return await withServers(
    { order: 'start', source: { images: [layers] }, target: {}, resets: { source: places(), target: places() } },
    async ({ source, target, digests }, look) => {
      const result = await copyIn(`${source}/a/b@${digests[0]}`, `${target}/c/d`).done;
      const seen = await look();
      const size = layers.reduce((sum, layer) => sum + layer, 0);
      const extra = (bytes: number): number => (100 * (bytes - size)) / size;
      const [down, up] = [extra(seen.source.toClient ?? 0), extra(seen.target.toServer ?? 0)];
      const broken = (seen.source.resets ?? 0) + (seen.target.resets ?? 0);
      return [
        check('connections reset', `${resets}`, broken, broken >= resets * 0.99),
        check('images that arrived, digests checked by the target', '1', seen.arrived, seen.arrived === 1),
        check('downloaded more than the image, %', '≤ 5', down, down <= 5),
        check('uploaded more than the image, %', '≤ 5', up, up <= 5),
        check('peak memory, MiB', TOLD, result.peakMiB, true),
      ];
    },
  );
}

/** A worker is killed in the middle of a layer of 5 GiB; another one goes on with what its heartbeat said. */
async function killInTheMiddle({ takesChunks }: { readonly takesChunks: boolean }): Promise<Check[]> {
  const size = 5 * GIB;
  return await withServers(
    { order: 'start', source: { images: [[size]] }, target: { takesChunks } },
    async ({ source, target, digests }, look) => {
      const [from, to] = [`${source}/a/b@${digests[0]}`, `${target}/c/d`];
      const first = copyIn(from, to, { killAt: size / 2 });
      const last = await first.done.catch(() => first.last());
      const uploads = 'bytesDone' in last ? last.uploads : [];
      const before = (await look()).target.bytesReceived;
      const second = await copyIn(from, to, { uploads: JSON.stringify(uploads) }).done;
      const { target: seen, arrived } = await look();
      const again = (seen.bytesReceived - size) / MIB;
      const limit = takesChunks ? CHUNK / MIB : before / MIB + 1;
      return [
        check('sent before the kill, MiB', 'about half of 5120', before / MIB, before > 0 && before < size),
        check('images that arrived', '1', arrived, arrived === 1),
        check('sent again, MiB', `≤ ${limit.toFixed(0)}`, again, again <= limit),
        check('read again for the digest and not sent, MiB', TOLD, second.result.bytesRepeated / MIB, true),
      ];
    },
  );
}

/** A thousand small images, twenty promotions at once, through a registry that takes 50 requests per second. */
async function limitRequests(): Promise<Check[]> {
  const [count, perSecond] = [1000, 50];
  const images = Array.from({ length: count }, (_, number) => [2000 + number]);
  return await withServers(
    { order: 'start', source: { images }, target: { requestsPerSecond: perSecond } },
    async ({ source, target, digests }, look) => {
      const client = createRegistryClient();
      const waiting = [...digests];
      let failures = 0;
      const begun = performance.now();
      const promote = async (): Promise<void> => {
        for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
          const { domain, path: repository } = parseReference(`${target}/c/d`);
          await copyImage({
            source: { client, reference: parseReference(`${source}/a/b@${digest}`) },
            target: { client, repository: { domain, path: repository } },
          }).catch((error: unknown) => {
            failures += 1;
            console.log(String(error));
          });
        }
      };
      await Promise.all(Array.from({ length: 20 }, promote));
      const seconds = (performance.now() - begun) / 1000;
      await client.close();
      const { target: seen, arrived } = await look();
      const used = (100 * (seen.requests - seen.refused)) / (perSecond * (seconds + 1));
      const refused = (100 * seen.refused) / seen.requests;
      return [
        check('copies that failed', '0', failures, failures === 0),
        check('images that arrived', `${count}`, arrived, arrived === count),
        check('of the allowed rate used, %', '≥ 95', used, used >= 95),
        check('requests answered 429, %', '< 1', refused, refused < 1),
      ];
    },
  );
}

interface Copied {
  readonly result: CopyResult;
  readonly peakMiB: number;
}

function copyIn(
  from: string,
  to: string,
  { uploads = '[]', killAt = Infinity }: { readonly uploads?: string; readonly killAt?: number } = {},
): { readonly done: Promise<Copied>; readonly last: () => CopyProgress } {
  const child = fork(path.join(import.meta.dirname, 'copier.ts'), [from, to, uploads]);
  let last: CopyProgress | undefined;
  const done = new Promise<Copied>((resolve, reject) => {
    child.on('message', (message: { readonly progress: CopyProgress } | Copied) => {
      if ('result' in message) resolve(message);
      else {
        last = message.progress;
        if (last.bytesDone >= killAt) child.kill('SIGKILL');
      }
    });
    child.on('exit', (code, signal) => reject(new Error(`the copy ended with ${String(code ?? signal)}`)));
  });
  return {
    done,
    last: () => {
      if (last === undefined) throw new Error('the copy reported no progress');
      return last;
    },
  };
}

async function withServers(
  order: StartOrder,
  work: (started: Started, look: () => Promise<Seen>) => Promise<Check[]>,
): Promise<Check[]> {
  const child = fork(path.join(import.meta.dirname, 'servers.ts'));
  const ask = async (message: object): Promise<unknown> => {
    child.send(message);
    return ((await once(child, 'message')) as [unknown])[0];
  };
  try {
    return await work((await ask(order)) as Started, async () => (await ask({ order: 'look' })) as Seen);
  } finally {
    child.kill();
  }
}

function check(what: string, limit: string, seen: number, passed: boolean): Check {
  return { what, limit, seen: Number.isInteger(seen) ? String(seen) : seen.toFixed(2), passed };
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
