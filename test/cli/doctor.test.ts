import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../activities/doctor/index.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { systemServices } from '../../cli/services.ts';
import { startInstallation } from '../activities/doctor/sick-installation.ts';
import type { Installation } from '../activities/doctor/sick-installation.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder();
let site: Installation;
beforeEach(async () => {
  site = await startInstallation(folder.join('prod.asc'));
  await writeFile(
    folder.join('countersign.yaml'),
    `route: [prod]
environments:
  prod:
    registry: ${site.registry.host}/acme
    signatures:
      publicKeys: [prod.asc]
      repository: { url: 'https://git.example.com/signatures.git' }
      servedAt: ${site.store.url}/images
      replicas: { addresses: ['${site.replica.address}'] }
    gate: none
    rebuild: none
`,
  );
});
afterEach(() => site.close());

async function doctor(args: readonly string[], input?: string) {
  const terminal = fakeTerminal({
    cwd: folder.path,
    env: { HOME: folder.path },
    now: Date.now() + 1_000,
    ...(input !== undefined && { input }),
  });
  const readConfiguration = (file: string) => systemServices.readConfiguration(file);
  const code = await runFake(['doctor', '--environment', 'prod', ...args], {
    terminal,
    services: { readConfiguration },
  });
  return { code, out: terminal.out(), err: terminal.err() };
}

describe('countersign doctor', () => {
  it('ends with 0 and one sentence where nothing is wrong', async () => {
    await site.sign();
    const { code, out } = await doctor([site.reference]);
    expect(code).toBe(EXIT.success);
    expect(out.trimEnd().split('\n').at(-1)).toBe(
      `nothing stands in the way: clusters of prod accept ${site.reference}`,
    );
  });

  it('ends with 1, the cause and what mends it', async () => {
    const { code, out } = await doctor([site.reference]);
    expect(code).toBe(EXIT.failure);
    expect(out.trimEnd().split('\n').slice(-2)).toEqual([
      `clusters of prod cannot pull ${site.reference}: every platform: it has no signature`,
      '  mend it: countersign start web:1 --to prod',
    ]);
  });

  it('examines many images, one JSON line each', async () => {
    await site.sign();
    const { code, out } = await doctor(['-'], `${site.reference}\n${site.reference}0\nBAD\n`);
    expect(code).toBe(EXIT.failure);
    const lines = out.trimEnd().split('\n');
    const answers = lines.map((line) => JSON.parse(line) as Diagnosis & { error?: { code: string } });
    expect(answers.map(({ pullable, error }) => error?.code ?? pullable)).toEqual([true, false, 'reference-invalid']);
    expect(answers[1]?.findings).toContainEqual(expect.objectContaining({ step: 'registry', status: 'fail' }));
  });

  it('looks through the files of a node', async () => {
    await site.sign();
    await writeFile(folder.join('policy.json'), '{"default":[{"type":"reject"}]}');
    const { code, out } = await doctor([site.reference, '--policy', 'policy.json']);
    expect(code).toBe(EXIT.failure);
    expect(out).toContain('✖ policy');
  });

  it('has a configuration that cannot be used as its first finding', async () => {
    await writeFile(folder.join('countersign.yaml'), 'route: [prod]\n');
    const { code, out } = await doctor([site.reference]);
    expect(code).toBe(EXIT.failure);
    expect(out).toContain('✖ configuration');
    expect(out).toContain('mend it: countersign config check');
  });
});
