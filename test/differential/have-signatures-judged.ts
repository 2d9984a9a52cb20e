import os from 'node:os';
import { Acceptance } from '../activities/signing/acceptance.ts';

const REPORT_EVERY = 1000;

/** Makes signatures with keys of every kind; true when gpg and skopeo accept each of them. */
export async function haveSignaturesJudged(count: number): Promise<boolean> {
  const acceptance = await Acceptance.create();
  const refusals: string[] = [];
  let done = 0;
  try {
    const numbers = Array.from({ length: count }, (_, index) => index).values();
    const work = async (): Promise<void> => {
      for (const index of numbers) {
        refusals.push(...(await acceptance.refusals(index)));
        if (++done % REPORT_EVERY === 0) console.log(`${done} signatures, ${refusals.length} refusals`);
      }
    };
    await Promise.all(Array.from({ length: os.cpus().length }, work));
  } finally {
    await acceptance.stop();
  }
  for (const refusal of refusals.slice(0, 20)) console.log(refusal);
  const kinds = acceptance.kinds.map(({ kind }) => kind).join(', ');
  console.log(`${count} signatures by ${kinds}: ${refusals.length} refused by gpg or skopeo`);
  return refusals.length === 0;
}
