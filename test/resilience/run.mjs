// `npm run test:resilience`: what takes too long, or too many bytes, for `npm test`; see run.ts.
import { spawnSync } from 'node:child_process';
import { ensureDependencies, root } from '../support/bootstrap.mjs';

await ensureDependencies();
const loader = new URL('../support/typescript-loader.mjs', import.meta.url).href;
const file = new URL('run.ts', import.meta.url).pathname;
const args = ['--import', loader, file, ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
