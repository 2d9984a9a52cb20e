/**
 * Our client as a program of its own, so that its memory can be told from the server's: reads cases from standard
 * input, meets one after the other, and prints what came of them.
 */
import { text } from 'node:stream/consumers';
import type { Behaviour, Probe } from './behaviour.ts';
import { openProbingClient, probe } from './probes.ts';
import type { Stage } from './stage.ts';

/** What it reads. */
export interface OwnCase {
  readonly behaviour: Pick<Behaviour, 'name' | 'credential'>;
  readonly probe: Probe;
  readonly stage: Stage;
  readonly ca: string;
  readonly timeoutMs: number;
}

/** What it prints. */
export interface OwnReport {
  readonly outcome: string;
  readonly message: string;
  readonly ms: number;
  /** How much more memory it had at its peak than before, in bytes. */
  readonly growth: number;
}

const reports: OwnReport[] = [];
for (const given of JSON.parse(await text(process.stdin)) as readonly OwnCase[]) reports.push(await run(given));
console.log(JSON.stringify(reports));

async function run({ behaviour, stage, ca, timeoutMs, probe: which }: OwnCase): Promise<OwnReport> {
  const hosts = { [stage.registry.host]: { ca }, '*': { ca } };
  const client = openProbingClient(behaviour, stage, { timeoutMs, patienceMs: timeoutMs, hosts });
  const before = process.memoryUsage.rss();
  let peak = before;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const watch = setInterval(look, 5);
  const begun = performance.now();
  const result = await probe(which, { client, stage, ca, timeoutMs });
  const ms = performance.now() - begun;
  look();
  clearInterval(watch);
  await client.close();
  return { ...result, ms, growth: peak - before };
}
