import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { findCaller } from '../../cli/caller.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const folder = useTempFolder();
const PATH = process.env['PATH'] ?? '';

describe('findCaller', () => {
  const find = async (env: Record<string, string>) =>
    await findCaller({ env: { PATH, HOME: folder.path, GIT_CONFIG_NOSYSTEM: '1', ...env }, cwd: folder.path });

  it('takes $COUNTERSIGN_USER first, then the mail address of git, then user@host', async () => {
    expect(await find({})).toMatch(/^[^@\s]+@[^@\s]+$/);
    await writeFile(folder.join('.gitconfig'), '[user]\n\temail = ann@example.com\n');
    expect(await find({})).toBe('ann@example.com');
    expect(await find({ COUNTERSIGN_USER: 'Ann Lee <ann@work.example>' })).toBe('Ann Lee <ann@work.example>');
    expect(await find({ COUNTERSIGN_USER: ' ' })).toBe('ann@example.com');
  });

  it('does without git', async () => {
    await writeFile(folder.join('.gitconfig'), '[user]\n\temail = ann@example.com\n');
    expect(await find({ PATH: folder.path })).not.toBe('ann@example.com');
  });
});
