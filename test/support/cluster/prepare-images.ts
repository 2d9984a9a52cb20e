/** Makes the images that the tests' own pods run, before the suites begin; see test/cluster/run.mjs. */
import { countersignLayout } from './countersign-image.ts';
import { debianLayout } from './debian-root.ts';

const log = (line: string): void => console.log(`images: ${line}`);
await countersignLayout(log);
await debianLayout(log, 'builder');
