import { execFile } from 'node:child_process';
import { hostname, userInfo } from 'node:os';
import { promisify } from 'node:util';
import type { Terminal } from './terminal.ts';

const run = promisify(execFile);
const GIT_WITHIN_MS = 2_000;

/** Who calls: `$COUNTERSIGN_USER`, else the mail address that git signs commits with, else user@host. */
export async function findCaller({ env, cwd }: Pick<Terminal, 'env' | 'cwd'>): Promise<string> {
  const named = env['COUNTERSIGN_USER']?.trim();
  if (named !== undefined && named !== '') return named;
  return (await gitMail({ env, cwd })) ?? `${userName(env)}@${hostname()}`;
}

async function gitMail({ env, cwd }: Pick<Terminal, 'env' | 'cwd'>): Promise<string | undefined> {
  try {
    const { stdout } = await run('git', ['config', '--get', 'user.email'], { cwd, env, timeout: GIT_WITHIN_MS });
    const mail = stdout.trim();
    return mail === '' ? undefined : mail;
  } catch {
    return undefined;
  }
}

/** Containers run under user ids without a name. */
function userName(env: Terminal['env']): string {
  try {
    return userInfo().username;
  } catch {
    return env['USER'] ?? 'unknown';
  }
}
