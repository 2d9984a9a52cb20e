// `npm run cluster -- up | down | status | build | exec`: a real Kubernetes node with CRI-O; see cluster.ts.
import { spawnSync } from 'node:child_process';
import { ensureDependencies, root } from '../bootstrap.mjs';

await ensureDependencies({ build: false });
const loader = new URL('../typescript-loader.mjs', import.meta.url).href;
const file = new URL('cluster.ts', import.meta.url).pathname;
const { status } = spawnSync(process.execPath, ['--import', loader, file, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
