// @ts-check
// Debian packages, in one call of apt-get, without letting any service start.
import { spawnSync } from 'node:child_process';
import { findProgram } from './find-program.mjs';
import { withLock } from './lock.mjs';
import { runQuietly } from './run-quietly.mjs';

/**
 * Waits for another apt-get instead of failing, and refuses services while it runs: the refusal names this shell, so it
 * ends with it even when the file is left behind by a kill. A `policy-rc.d` that is there already is left alone.
 */
const SCRIPT = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\\nkill -0 %s 2>/dev/null && exit 101\\nexit 0\\n' $$ > $policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi
install() { apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"; }
install "$@" && exit 0
apt-get -o DPkg::Lock::Timeout=300 update
install "$@"
`;

/**
 * How packages can be installed here: as root, or with sudo; undefined where they cannot.
 * @returns {readonly string[] | undefined} the words that go before the command
 */
export function findElevation() {
  if (process.platform !== 'linux' || findProgram(['apt-get']) === undefined) return undefined;
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram(['sudo']);
  if (sudo === undefined) return undefined;
  if (spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0) return [sudo, '-n'];
  if (!process.stdin.isTTY) return undefined;
  // Asks for the password now, while nothing else writes to the terminal.
  return spawnSync(sudo, ['-v'], { stdio: 'inherit' }).status === 0 ? [sudo, '-n'] : undefined;
}

/**
 * Installs the packages that `stillMissing` names once the lock is held (another process may just have installed them).
 * @param {() => readonly string[]} stillMissing
 * @param {readonly string[]} elevation
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export function installPackages(stillMissing, elevation) {
  return withLock('packages', async () => {
    const packages = stillMissing();
    if (packages.length === 0) return { ok: true, output: '' };
    const shell = ['env', 'DEBIAN_FRONTEND=noninteractive', 'sh', '-c', SCRIPT, 'sh', ...packages];
    const [command = 'env', ...args] = [...elevation, ...shell];
    return runQuietly(command, args);
  });
}
