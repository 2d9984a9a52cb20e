/** Secrets stay at home: each worker holds its own and no other's, and none of them is found anywhere else. */
import { cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { startProcess, waitUntil } from '../support/parts/index.mjs';
import type { SampleImage } from '../support/sample-image.ts';
import { COUNTERSIGN, startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { tagOf } from '../support/registry-push.ts';
import * as disturb from './disturb.ts';
import { SMALL, approve, start, untilAsked } from './promote.ts';

const ENVIRONMENTS = ['dev', 'qa', 'prod'] as const;
const folder = useTempFolder({ per: 'suite' });
/** Everything that the commands and the workers said. */
const said: string[] = [];
/** Command lines and environments of all processes that ran meanwhile, each once. */
const processes = new Set<string>();
const sampling = new AbortController();
let site: Site;
let sampled: Promise<void>;
let promoted: { readonly id: string; readonly sample: SampleImage };

function registryPassword(name: string): string {
  return `canary-registry-${name}-52f1`;
}

beforeAll(async () => {
  const registries = ENVIRONMENTS.map((user) => [user, { basic: { user, password: registryPassword(user) } }] as const);
  site = watched(
    await startSite({
      folder: folder.path,
      keyType: 'ed25519',
      gates: { qa: 'none' },
      registries: Object.fromEntries(registries),
      overrides: { qa: { attempts: 2 }, prod: { attempts: 2 } },
    }),
  );
  for (const [index, name] of ENVIRONMENTS.entries()) await plantCanaries(name, ENVIRONMENTS.slice(0, index + 1));
  sampled = sampleProcesses();
  await startIsolatedWorkers();
  promoted = await promoteWithTrouble();
  sampling.abort();
  await sampled;
});

afterAll(async () => await site.stop());

/** The same site, with every command's output kept. */
function watched(plain: Site): Site {
  const run: Site['run'] = async (...args) => {
    const outcome = await plain.run(...args);
    said.push(outcome.stdout, outcome.stderr);
    return outcome;
  };
  return { ...plain, run };
}

/** Credentials for the own registry and to read the origins'; the rest is there from the start. */
async function plantCanaries(name: string, readable: readonly string[]): Promise<void> {
  const auths = readable.map((other) => {
    const auth = Buffer.from(`${other}:${registryPassword(other)}`).toString('base64');
    return [site.environment(other).registry.host, { auth }] as const;
  });
  const file = path.join(site.environment(name).secrets, 'registry.json');
  await writeFile(file, JSON.stringify({ auths: Object.fromEntries(auths) }));
}

/** Each worker gets a tree of its own, in which no other environment's secrets are. */
async function startIsolatedWorkers(): Promise<void> {
  for (const name of ['orchestrator', ...ENVIRONMENTS]) {
    const tree = path.join(site.folder, 'trees', name);
    await mkdir(tree, { recursive: true });
    const own = name === 'orchestrator' ? [] : [`secrets/${name}`];
    for (const part of ['countersign.yaml', 'keys', ...own]) {
      await cp(path.join(site.folder, part), path.join(tree, part), { recursive: true });
    }
    const role = name === 'orchestrator' ? ['--orchestrate'] : ['--environment', name];
    const args = [COUNTERSIGN, '--config', path.join(tree, 'countersign.yaml'), 'worker', ...role];
    const onLine = (line: string): void => void said.push(line);
    const worker = await startProcess(process.execPath, args, { name, onLine });
    site.workers.set(name, worker);
    await waitUntil(() => /polls/.test(worker.output()), { what: `the worker of ${name}` });
  }
}

/** A promotion that meets a repository it may not write, wrong secrets and a failing host before it is released. */
async function promoteWithTrouble(): Promise<{ readonly id: string; readonly sample: SampleImage }> {
  const { repository } = site.environment('qa');
  const passphrase = path.join(site.folder, 'trees/prod/secrets/prod/signing-key.passphrase');
  const credentials = path.join(site.folder, 'trees/prod/secrets/prod/git-credentials');
  const right = await readFile(passphrase, 'utf8');
  repository.setReadOnly(true);
  await writeFile(passphrase, 'canary-wrong-passphrase-52f1\n');
  await site.gitHost.writeCredentials(credentials, 'canary-wrong-git-52f1');
  const sample = await site.push('watched', '1', SMALL);
  const { id } = await start(site, 'watched:1', 'prod');
  expect((await disturb.untilStalled(site, id)).environment).toBe('qa');
  repository.setReadOnly(false);
  for (const repair of [() => site.gitHost.writeCredentials(credentials), () => writeFile(passphrase, right)]) {
    await site.run('retry', id);
    expect(await disturb.untilStalled(site, id)).toMatchObject({ environment: 'prod' });
    await repair();
  }
  site.gitHost.setFault(({ method, service }) =>
    method === 'POST' && service === 'git-receive-pack' ? 'cut' : undefined,
  );
  await site.run('retry', id);
  await disturb.untilStalled(site, id);
  site.gitHost.setFault(() => undefined);
  await site.run('retry', id);
  await untilAsked(site, id);
  expect(await approve(site, id)).toMatchObject({ code: 0 });
  const { condition } = await disturb.untilEnded(site, id);
  expect(condition).toBe('released');
  await site.run('list', '--all');
  return { id, sample };
}

/** Reads what /proc tells of every process, again and again. */
async function sampleProcesses(): Promise<void> {
  while (!sampling.signal.aborted) {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      for (const file of ['cmdline', 'environ']) {
        const text = await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
        if (text !== '') processes.add(text);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every secret in the forms in which it could appear. */
async function secretForms(): Promise<readonly string[]> {
  const plain = ['canary-wrong-passphrase-52f1', 'canary-wrong-git-52f1', site.gitHost.password];
  for (const name of ENVIRONMENTS) {
    const key = await readFile(path.join(site.environment(name).secrets, 'signing-key.asc'), 'latin1');
    const body = key.split(/\r?\n\r?\n/)[1]!.split('\n')[1]!;
    plain.push(`passphrase of ${name}`, `hook-${name}-0123456789`, registryPassword(name), body);
  }
  const users = [...ENVIRONMENTS.map((name) => `${name}:${registryPassword(name)}`)];
  users.push(`${site.gitHost.user}:${site.gitHost.password}`);
  const encoded = [...plain, ...users].map((text) =>
    Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1),
  );
  return [...plain, ...plain.map(encodeURIComponent), ...encoded];
}

async function expectNone(where: string, texts: Iterable<string>): Promise<void> {
  const forms = await secretForms();
  let seen = 0;
  for (const text of texts) {
    seen += text.length;
    for (const form of forms) expect(text.includes(form), `${form} in ${where}: ${text.slice(0, 200)}`).toBe(false);
  }
  expect(seen, where).toBeGreaterThan(0);
}

describe('the secrets of the environments', () => {
  it('suffice, one folder for each worker: the promotion is released', async () => {
    const { registry } = site.environment('prod');
    expect(await tagOf(registry, 'acme/watched', '1')).toBe(promoted.sample.digest);
  });

  it("are in no workflow's history, and not in Temporal's database", async () => {
    const { address, program } = site.temporal;
    const show = ['workflow', 'show', '--address', address, '--workflow-id', promoted.id, '--output', 'json'];
    const { stdout } = await runCommand(program, show);
    expect(stdout).toContain('signing-key.asc');
    const decoded = [...stdout.matchAll(/"(?:data|details)": ?"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
      Buffer.from(data, 'base64').toString('latin1'),
    );
    await expectNone('the history', [stdout, ...decoded]);
    const files = (await readdir(site.folder)).filter((name) => name.startsWith('temporal.db'));
    await expectNone(
      'the database',
      await Promise.all(files.map((name) => readFile(path.join(site.folder, name), 'latin1'))),
    );
  });

  it('are in no output of a command, a worker or a signature server', async () => {
    const servers = site.environments.map(async ({ signatureServer: { url, process: server } }) => {
      const pages = ['/metrics', '/healthz', '/readyz'].map(async (page) => (await fetch(`${url}${page}`)).text());
      return [server.output(), ...(await Promise.all(pages))].join('\n');
    });
    await expectNone('the output', [...said, ...(await Promise.all(servers))]);
  });

  it('are in no command line and no environment of a process', async () => {
    expect([...processes].some((text) => text.includes('receive-pack') || text.includes('credential'))).toBe(true);
    await expectNone('/proc', processes);
  });

  it('are in no git repository', async () => {
    for (const { repository } of site.environments) {
      const objects = await repository.git('cat-file', '--batch-all-objects', '--batch');
      await expectNone(repository.url, [objects, await repository.git('for-each-ref')]);
    }
  });
});
