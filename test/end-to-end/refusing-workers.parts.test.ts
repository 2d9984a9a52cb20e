/** Workers that must not start: each says everything that is wrong at once, and what to do. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { freePort } from '../support/parts/index.mjs';
import { startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import * as disturb from './disturb.ts';

const USAGE = 2;
const folder = useTempFolder({ per: 'suite' });
let site: Site;
let configuration = '';

beforeAll(async () => {
  site = await startSite({ folder: folder.path, keyType: 'ed25519', route: ['dev'] });
  configuration = await readFile(site.configurationFile, 'utf8');
});

afterAll(async () => await site.stop());

describe('the worker of an environment', () => {
  it('names every secret file that is missing, over-readable or no file, all together and never their content', async () => {
    const { secrets } = site.environment('dev');
    const file = (name: string): string => path.join(secrets, name);
    const [key, passphrase] = await Promise.all(
      ['signing-key.asc', 'signing-key.passphrase'].map((name) => readFile(file(name))),
    );
    await rm(file('signing-key.asc'));
    await chmod(file('git-credentials'), 0o644);
    await rm(file('signing-key.passphrase'));
    await mkdir(file('signing-key.passphrase'));
    await writeFile(file('token'), '', { mode: 0o600 });
    const { code, stderr } = await disturb.refusedWorker(site, '--environment', 'dev');
    expect(code).toBe(USAGE);
    expect(stderr).toMatch(/signing-key\.asc: is missing/);
    expect(stderr).toMatch(/git-credentials: .*mode 0644.*chmod o-rwx/);
    expect(stderr).toMatch(/signing-key\.passphrase: is not a regular file/);
    expect(stderr).toMatch(/token: is empty/);
    expect(stderr).not.toContain('push');
    await rm(file('signing-key.passphrase'), { recursive: true });
    await rm(file('token'));
    await writeFile(file('signing-key.asc'), key!, { mode: 0o600 });
    await writeFile(file('signing-key.passphrase'), passphrase!, { mode: 0o600 });
    await chmod(file('git-credentials'), 0o600);
    await site.startWorkers('dev');
  });

  it('refuses a key that its passphrase does not unlock', async () => {
    const file = path.join(site.environment('dev').secrets, 'signing-key.passphrase');
    const right = await readFile(file);
    await writeFile(file, 'another\n');
    const { stderr } = await disturb.refusedWorker(site, '--environment', 'dev');
    expect(stderr).toMatch(/signing-key\.asc.*the passphrase does not unlock it/);
    expect(stderr).not.toContain('another');
    await writeFile(file, right);
  });

  it('without a Temporal server says how to get one', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await disturb.changeConfiguration(site.configurationFile, (whole) => (whole['temporal'] = { address }));
    for (const role of [['--environment', 'dev'], ['--orchestrate']]) {
      const { stderr } = await disturb.refusedWorker(site, ...role);
      expect(stderr).toContain(address);
      expect(stderr).toContain('countersign up');
    }
    await writeFile(site.configurationFile, configuration);
  });
});

describe('the orchestrator', () => {
  it('refuses a namespace without our search attributes and says what registers them', async () => {
    const { address, program } = site.temporal;
    const create = ['operator', 'namespace', 'create', '--address', address, '--namespace', 'bare'];
    expect(await runCommand(program, create)).toMatchObject({ code: 0 });
    const temporal = { address, namespace: 'bare' };
    await disturb.changeConfiguration(site.configurationFile, (whole) => (whole['temporal'] = temporal));
    await expect
      .poll(async () => (await site.run('worker', '--orchestrate')).stderr, { timeout: 30_000 })
      .toMatch(/bare lacks the search attributes .*CountersignState.*countersign setup/);
    expect(await site.run('setup')).toMatchObject({ code: 0 });
    await site.startWorkers('orchestrator');
    await writeFile(site.configurationFile, configuration);
  });
});
