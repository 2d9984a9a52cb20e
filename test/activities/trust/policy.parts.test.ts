import { execFile } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ensureParts } from '../../support/parts/index.mjs';
import { useTempFolder } from '../../support/temp-folder.ts';
import { writeFile } from 'node:fs/promises';
import { ACCEPTED, REFUSED } from './policy-table.ts';

/** What the version of the system does not know yet: sigstore keys in the plural, Fulcio, PKI (5.23 and later). */
const NEWER = /keyPaths":\["\/k"\],"rekor|keyDatas|fulcio|"pki"/;
const folder = useTempFolder({ per: 'suite' });

/** Whether skopeo could read the policy; the copy itself fails in any case. */
async function readsPolicy(text: string): Promise<{ reads: boolean; log: string }> {
  const { skopeo } = await ensureParts(['skopeo']);
  const file = folder.join('policy.json');
  await writeFile(file, text);
  return await new Promise((resolve) => {
    execFile(skopeo, ['--policy', file, 'copy', 'dir:/nonexistent', 'dir:/nonexistent'], (_, __, log) => {
      resolve({ reads: !log.includes('Error loading trust policy'), log });
    });
  });
}

describe('skopeo', () => {
  it.each(ACCEPTED.filter(([, text]) => !NEWER.test(text)))('reads a policy with %s', async (_, text) => {
    const { reads, log } = await readsPolicy(text);
    expect(reads, log).toBe(true);
  });

  // Built without the transport `atomic`, skopeo keeps its scopes unchecked.
  it.each(REFUSED.filter(([, text]) => !text.includes('atomic')))('refuses a policy with %s', async (_, text) => {
    const { reads, log } = await readsPolicy(text);
    expect(reads, log).toBe(false);
  });
});
