import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';

const DEMO = path.join(import.meta.dirname, 'demo.mjs');

describe('the words of the demonstration', () => {
  it('tells with --help what there is, and starts nothing', async () => {
    const { code, stdout, stderr } = await runCommand(process.execPath, [DEMO, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const option of ['--interactive', '--keep', '--help']) expect(stdout).toContain(option);
  });

  it.each([['--keeps'], ['prod']])('refuses %s as bad usage', async (word) => {
    const { code, stdout, stderr } = await runCommand(process.execPath, [DEMO, word]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(word);
    expect(stderr).toContain('usage: npm run demo');
  });
});
