// `npm run bench -- NAME`: runs one benchmark, prints its table and keeps it in bench/results.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies, root } from '../test/support/bootstrap.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));
const known = readdirSync(folder)
  .filter((name) => name.endsWith('.bench.ts'))
  .map((name) => name.slice(0, -'.bench.ts'.length));
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !known.includes(name)) {
  console.error(`usage: npm run bench -- ${known.join(' | ')}`);
  process.exit(2);
}
await ensureDependencies();
const loader = new URL('../test/support/typescript-loader.mjs', import.meta.url).href;
const file = path.join(folder, `${name}.bench.ts`);
const { status } = spawnSync(process.execPath, ['--import', loader, file, ...rest], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
