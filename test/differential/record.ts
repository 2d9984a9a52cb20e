// `node --import ./test/support/typescript-loader.mjs test/differential/record.ts`: makes the recorded cases anew.
import { Judge } from '../support/judge.ts';
import { record } from './recorded.ts';

const judge = await Judge.start();
try {
  await record(judge);
} finally {
  await judge.stop();
}
