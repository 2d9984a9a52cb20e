// @ts-check
// `npm run test:cluster [-- NAME …]`: a real Kubernetes node with CRI-O judges what we promote. Builds and starts the
// cluster, runs the suites inside its network, and takes it down again. Outside `npm test`: it needs root, and the
// first build takes a quarter of an hour.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ensureDependencies, root } from '../support/bootstrap.mjs';
import { cacheFolder, ensureParts, environmentWithCache } from '../support/parts/index.mjs';

const NAME = 'test';
const begin = Date.now();
await ensureDependencies();
// Before the namespace is entered: there is no way out of it.
await ensureParts([
  'temporal',
  'skopeo',
  'docker-registry',
  'git',
  'git-http-backend',
  'gpg',
  'openssl',
  'apache2',
  'htpasswd',
]);
const loader = new URL('../support/typescript-loader.mjs', import.meta.url).href;
const load = ['--import', loader];
cluster('down');
if (run([process.execPath, ...load, path.join(root, 'test/cluster/lifecycle.ts')]) !== 0) process.exit(1);
if (cluster('up') !== 0) process.exit(1);
let status = 1;
try {
  if (run([process.execPath, ...load, path.join(root, 'test/support/cluster/prepare-images.ts')]) === 0) {
    const pid = readFileSync(path.join(cacheFolder('cluster', 'run'), NAME, 'node.pid'), 'utf8').trim();
    const suites = [process.execPath, path.join(root, 'test/cluster/run-suites.mjs'), ...process.argv.slice(2)];
    status = run(['nsenter', '--target', pid, '--net', '--', ...suites]);
  }
} finally {
  cluster('down');
}
console.log(`test:cluster: ${((Date.now() - begin) / 60_000).toFixed(1)} minutes in all`);
process.exit(status);

/** @param {string} verb */
function cluster(verb) {
  const file = path.join(root, 'test/support/cluster/cluster.ts');
  return run([process.execPath, ...load, file, '--name', NAME, verb]);
}

/** @param {readonly string[]} words */
function run([command = '', ...args]) {
  const env = { ...environmentWithCache(), COUNTERSIGN_TEST_CLUSTER: NAME };
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env }).status ?? 1;
}
