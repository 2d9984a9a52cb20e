// A process that copies whenever it is told to, and tells what it used for it: what a worker is, without the rest of a
// worker. Started with `fork`; plain JavaScript, so that no compiler counts as its memory.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';

const [compiled = ''] = process.argv.slice(2);
const { copyImage, createRegistryClient } = await import(pathToFileURL(`${compiled}/activities/oci/index.js`).href);
const { parseReference } = await import(pathToFileURL(`${compiled}/workflows/domain/reference.js`).href);
const client = createRegistryClient({});

process.on('message', (order) => {
  void copy(order).then(
    (usage) => process.send?.({ usage }),
    (error) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());

/** @param {{ source: string, target: string, concurrency?: number }} order */
async function copy({ source, target, concurrency }) {
  const start = performance.now();
  const before = process.cpuUsage();
  const from = parseReference(source);
  const to = parseReference(target);
  const digest = await client.resolve(from);
  await copyImage({
    source: { client, reference: { domain: from.domain, path: from.path, digest } },
    target: { client, repository: { domain: to.domain, path: to.path } },
    tag: to.tag,
    ...(concurrency !== undefined && { concurrency }),
  });
  const { user, system } = process.cpuUsage(before);
  const wallSeconds = (performance.now() - start) / 1000;
  return { wallSeconds, cpuSeconds: (user + system) / 1e6, peakMiB: peakMiB() };
}

/** Since the start of the process. The kernel's other figure, of getrusage, counts the memory of whoever forked it. */
function peakMiB() {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}
