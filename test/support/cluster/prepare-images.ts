/** Makes the images that the tests' own pods run, before the suites begin; see test/cluster/run.mjs. */
import { countersignLayout } from './countersign-image.ts';

await countersignLayout((line) => console.log(`images: ${line}`));
