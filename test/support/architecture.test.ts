import { describe, expect, it } from 'vitest';
import { findViolations, formatViolation } from './architecture/index.ts';

const DEPENDENCIES = new Set([
  'undici',
  ...['activity', 'client', 'common', 'worker', 'workflow'].map((name) => `@temporalio/${name}`),
]);

function judge(sources: Readonly<Record<string, string>>): readonly string[] {
  return findViolations(new Map(Object.entries(sources)), DEPENDENCIES).map(formatViolation);
}

describe('the import rules', () => {
  it.each([
    ['workflows/domain/gate.ts', 'node:crypto'],
    ['workflows/domain/gate.ts', 'undici'],
    ['workflows/domain/gate.ts', '@temporalio/common'],
    ['workflows/domain/gate.ts', '../promotion.ts'],
    ['workflows/promotion.ts', 'node:fs'],
    ['workflows/promotion.ts', '@temporalio/client'],
    ['workflows/promotion.ts', '../worker/secrets.ts'],
    ['activities/copy.ts', '@temporalio/worker'],
    ['activities/copy.ts', '../workflows/index.ts'],
    ['activities/copy.ts', '../worker/secrets.ts'],
    ['activities/oci/client.ts', '@temporalio/activity'],
    ['activities/oci/client.ts', '@temporalio/common'],
    ['activities/oci/client.ts', '../copy.ts'],
    ['activities/oci/client.ts', 'left-pad'],
    ['worker/main.ts', '@temporalio/activity'],
    ['worker/main.ts', '../cli/main.ts'],
    ['worker/main.ts', '../test/support/temp-folder.ts'],
    ['cli/main.ts', '@temporalio/worker'],
    ['cli/main.ts', '../workflows/index.ts'],
    ['cli/main.ts', '../bench/chain.ts'],
  ])('refuse %s importing %s', (path, specifier) => {
    const [found, ...more] = judge({ [path]: `import { x } from '${specifier}';\nexport const y = x;\n` });
    expect(found).toMatch(new RegExp(`^${path}:1 imports: `));
    expect(more).toEqual([]);
  });

  it.each([
    ['workflows/promotion.ts', './domain/gate.ts'],
    ['workflows/promotion.ts', '@temporalio/workflow'],
    ['activities/copy.ts', './oci/index.ts'],
    ['activities/copy.ts', '@temporalio/activity'],
    ['activities/trust/verify.ts', '../signing/index.ts'],
    ['activities/trust/verify.ts', '../../workflows/domain/digest.ts'],
    ['activities/oci/client.ts', 'undici'],
    ['worker/main.ts', '../workflows/index.ts'],
    ['worker/main.ts', 'node:fs'],
    ['cli/main.ts', '../worker/index.ts'],
    ['cli/main.ts', '../activities/oci/index.ts'],
    ['cli/main.ts', '../workflows/contract.ts'],
    ['test/cli/main.test.ts', '../../cli/main.ts'],
    ['bench/chain.ts', '../test/support/temp-folder.ts'],
  ])('let %s import %s', (path, specifier) => {
    expect(judge({ [path]: `import { x } from '${specifier}';\nexport const y = x;\n` })).toEqual([]);
  });

  it('let a workflow have the types of the activities, and nothing but the types', () => {
    const path = 'workflows/promotion.ts';
    expect(judge({ [path]: `import type { Copy } from '../activities/copy.ts';\n` })).toEqual([]);
    expect(judge({ [path]: `import { type Copy } from '../activities/copy.ts';\n` })).toEqual([
      'workflows/promotion.ts:1 imports: workflows may import activities/copy.ts by `import type` only',
    ]);
  });

  it.each([
    `export { x } from '../worker/main.ts';`,
    `export const x = await import('../worker/main.ts');`,
    `export type X = import('../worker/main.ts').X;`,
    `const x = require('../worker/main.ts');`,
  ])('see through the form %s', (text) => {
    expect(judge({ 'activities/copy.ts': text })).toEqual([
      'activities/copy.ts:1 imports: activities may not import worker/main.ts',
    ]);
  });

  it('refuse a relative import without its ending', () => {
    expect(judge({ 'cli/main.ts': `import { x } from './watch';` })).toEqual([
      `cli/main.ts:1 extensions: ./watch needs its file's ending`,
    ]);
  });

  it('refuse a circle, also one of types', () => {
    const sources = {
      'cli/a.ts': `import { b } from './b.ts';`,
      'cli/b.ts': `import { c } from './c.ts';`,
      'cli/c.ts': `import type { A } from './a.ts';`,
    };
    expect(judge(sources)).toEqual(['cli/a.ts cycles: cli/a.ts → cli/b.ts → cli/c.ts → cli/a.ts']);
  });
});

describe('the code rules', () => {
  it.each([
    'Date.now()',
    'new Date()',
    'Date()',
    'Math.random()',
    'performance.now()',
    'crypto.randomUUID()',
    'fetch("x")',
    'globalThis.x',
  ])('refuse %s in the domain', (expression) => {
    expect(judge({ 'workflows/domain/gate.ts': `export const x = () => ${expression};` })).toEqual([
      expect.stringMatching(/^workflows\/domain\/gate.ts:1 pure-domain: /),
    ]);
  });

  it('let the domain work on times that come in, and name things as it likes', () => {
    const text = `export const f = (at: number, x: { fetch: string }) => new Date(at).toISOString() + x.fetch;`;
    expect(judge({ 'workflows/domain/gate.ts': text })).toEqual([]);
  });

  it.each([
    'export const x = process.env.HOME;',
    `export const x = process['env'];`,
    'const { env } = process;',
    `import { env } from 'node:process';`,
  ])('refuse %s outside worker and cli', (text) => {
    expect(judge({ 'activities/oci/client.ts': text })).toEqual([
      'activities/oci/client.ts:1 environment: only worker/ and cli/ read process.env',
    ]);
    expect(judge({ 'worker/main.ts': text, 'cli/main.ts': text })).toEqual([]);
  });

  it.each([`import { spawn } from 'node:child_process';`, `const x = await import('node:child_process');`])(
    'refuse %s where signatures are judged',
    (text) => {
      for (const room of ['signing', 'trust', 'doctor']) {
        expect(judge({ [`activities/${room}/x.ts`]: text })).toEqual([expect.stringContaining(' no-programs: ')]);
      }
      expect(judge({ 'activities/signature-store/x.ts': text, 'cli/keys/gpg.ts': text })).toEqual([]);
    },
  );

  it.each(['let count = 0;', 'export const here = import.meta.url;'])('refuse %s in a workflow', (text) => {
    expect(judge({ 'workflows/promotion.ts': text })).toEqual([expect.stringContaining(':1 workflow-state: ')]);
    expect(judge({ 'worker/main.ts': text })).toEqual([]);
  });

  it.each(['export default 1;', 'export default function x() {}', 'const x = 1;\nexport { x as default };'])(
    'refuse %s',
    (text) => {
      expect(judge({ 'test/support/x.ts': text })).toEqual([expect.stringContaining(' default-export: ')]);
      expect(judge({ 'vitest.config.ts': text })).toEqual([]);
    },
  );

  it('refuse to re-export without names', () => {
    expect(judge({ 'worker/index.ts': `export * from './main.ts';` })).toEqual([
      'worker/index.ts:1 named-exports: name what is re-exported',
    ]);
  });
});

describe('the shape rules', () => {
  const lines = (count: number): string => '  f();\n'.repeat(count);

  it('refuse a function of 41 lines and let one of 40 be', () => {
    const text = (count: number): string => `export function walk() {\n${lines(count - 2)}}\n`;
    expect(judge({ 'cli/walk.ts': text(41) })).toEqual(['cli/walk.ts:1 function-size: walk: 41 lines, at most 40']);
    expect(judge({ 'cli/walk.ts': text(40) })).toEqual([]);
  });

  it('do not count the comment above a function', () => {
    const text = `/**\n * A long\n * story.\n */\nexport const walk = () => {\n${lines(38)}};\n`;
    expect(judge({ 'cli/walk.ts': text })).toEqual([]);
  });

  it('let a suite be long, but not a function beside it', () => {
    const suite = `describe('x', () => {\n${lines(60)}});\n`;
    const beside = `function prepare() {\n${lines(60)}}\n`;
    expect(judge({ 'test/cli/x.test.ts': suite })).toEqual([]);
    expect(judge({ 'test/cli/x.test.ts': suite + beside })).toEqual([
      'test/cli/x.test.ts:63 function-size: prepare: 62 lines, at most 40',
    ]);
  });

  it('refuse a file of 251 lines and let one of 250 be', () => {
    expect(judge({ 'cli/walk.ts': 'f();\n'.repeat(251) })).toEqual(['cli/walk.ts file-size: 251 lines, at most 250']);
    expect(judge({ 'cli/walk.ts': 'f();\n'.repeat(250) })).toEqual([]);
  });

  it.each(['cli/utils.ts', 'activities/oci/blob-helpers.ts', 'worker/common/x.ts', 'cli/key-manager.ts'])(
    'refuse the empty name in %s',
    (path) => {
      expect(judge({ [path]: '' })).toEqual([expect.stringContaining(' names: "')]);
    },
  );

  it.each(['cli/watchPromotion.ts', 'cli/Watch.ts', 'activities/signature_store/git.ts'])('refuse %s', (path) => {
    expect(judge({ [path]: '' })).toEqual([`${path} names: folders and files are kebab-case`]);
  });
});
