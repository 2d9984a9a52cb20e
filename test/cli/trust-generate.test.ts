import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import type { Configuration } from '../../worker/configuration/index.ts';
import { makeSigner } from '../activities/trust/signers.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { aConfiguration, runFake } from './fixtures.ts';

const folder = useTempFolder();
const NAMES = ['keys/countersign-prod.gpg', 'policy.json', 'registries.d/countersign-prod.yaml'];

async function configuration(registries: object = {}): Promise<Configuration> {
  await writeFile(folder.join('prod.asc'), (await makeSigner()).publicKey);
  const base = aConfiguration();
  const prod = base.environments['prod']!;
  const signatures = { ...prod.signatures, publicKeys: [folder.join('prod.asc')] };
  return {
    ...base,
    environments: { ...base.environments, prod: { ...prod, signatures, registries: { ...registries } } },
  };
}

async function generate(args: readonly string[], config?: Configuration) {
  const made = config ?? (await configuration());
  const terminal = fakeTerminal({ cwd: folder.path, env: { HOME: folder.path } });
  const services = { readConfiguration: () => Promise.resolve(made) };
  const code = await runFake(['trust', 'generate', ...args], { terminal, services });
  return { code, out: terminal.out(), err: terminal.err() };
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(folder.join(directory), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.join(directory).length + 1)).sort();
}

const PROD = ['--environment', 'prod', '--output-dir', 'node'];

describe('countersign trust generate', () => {
  it('makes the directory with all files, and says where they belong', async () => {
    const { code, out } = await generate([...PROD, '--output', 'json']);
    expect(code).toBe(EXIT.success);
    expect(await filesIn('node')).toEqual(NAMES);
    expect(JSON.parse(out)).toMatchObject({
      environment: 'prod',
      outcome: 'written',
      directory: folder.join('node'),
      files: [
        { nodePath: '/etc/containers/keys/countersign-prod.gpg' },
        {},
        { nodePath: '/etc/containers/policy.json' },
      ],
    });
    const policy = await readFile(folder.join('node/policy.json'), 'utf8');
    expect(policy).toContain('registry.prod.example.com/acme');
    expect(await readdir(folder.path)).toEqual(['node', 'prod.asc']);
  });

  it('leaves equal files alone', async () => {
    const config = await configuration();
    await generate(PROD, config);
    const again = await generate(PROD, config);
    expect(again).toMatchObject({ code: EXIT.success });
    expect(again.out).toContain('unchanged');
  });

  it('refuses a directory that holds other files, and changes nothing in it', async () => {
    await mkdir(folder.join('node'));
    await writeFile(folder.join('node/policy.json'), 'mine');
    const { code, err } = await generate(PROD);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('holds other files (policy.json)');
    expect(await filesIn('node')).toEqual(['policy.json']);
    expect(await readFile(folder.join('node/policy.json'), 'utf8')).toBe('mine');
  });

  it('replaces by force what is generated and leaves the rest', async () => {
    await mkdir(folder.join('node'));
    await writeFile(folder.join('node/policy.json'), 'old');
    await writeFile(folder.join('node/mine'), 'mine');
    const { out } = await generate([...PROD, '--force']);
    expect(out).toContain('replaced');
    expect(await filesIn('node')).toEqual([...NAMES, 'mine'].sort());
    expect(await readFile(folder.join('node/policy.json'), 'utf8')).toContain('signedBy');
  });

  it('prints instead of writing with --dry-run', async () => {
    const { code, out } = await generate(['--environment', 'prod', '--dry-run', '--accept', 'localhost']);
    expect(code).toBe(EXIT.success);
    for (const name of NAMES) expect(out).toContain(`# ${name}`);
    expect(out).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    expect(out).toContain('"localhost"');
    expect(await readdir(folder.path)).toEqual(['prod.asc']);
  });

  it('says what CRI-O needs for a registry without TLS', async () => {
    const config = await configuration({ 'registry.prod.example.com': { plainHttp: true, tokenServers: [] } });
    const { err } = await generate(PROD, config);
    expect(err).toContain('registry.prod.example.com is reached without TLS');
    expect(await filesIn('node')).toContain('registries.conf.d/countersign-prod.conf');
  });

  it.each([
    ['an unknown environment', ['--environment', 'prd', '--output-dir', 'node'], 'did you mean prod'],
    ['neither a directory nor --dry-run', ['--environment', 'prod'], '--dry-run'],
    ['a scope in the registry', [...PROD, '--accept', 'registry.prod.example.com/acme/x'], 'must be signed'],
    ['a relative place on the node', [...PROD, '--node-path', 'etc'], 'absolute path'],
  ])('refuses %s', async (_, args, message) => {
    const { code, err } = await generate(args);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(message);
    expect(await readdir(folder.path)).toEqual(['prod.asc']);
  });

  it('names a public key that cannot be read', async () => {
    const { code, err } = await generate(PROD, aConfiguration());
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('/keys/prod.asc: cannot be read (ENOENT)');
  });
});
