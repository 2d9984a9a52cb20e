// `npm run tekton [-- --check | --image REFERENCE]`: see generate.ts.
import { spawnSync } from 'node:child_process';
import { ensureDependencies, root } from '../bootstrap.mjs';

await ensureDependencies({ build: false });
const loader = new URL('../typescript-loader.mjs', import.meta.url).href;
const file = new URL('generate.ts', import.meta.url).pathname;
const { status } = spawnSync(process.execPath, ['--import', loader, file, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
