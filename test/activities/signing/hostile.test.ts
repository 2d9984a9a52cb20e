import { describe, expect, it } from 'vitest';
import {
  SigningError,
  importKeyRing,
  readSignatureClaimUntrusted,
  verifySignature,
} from '../../../activities/signing/index.ts';
import { harmlessMessage, hostileMessages } from './hostile/index.ts';

// What they cost is measured by `npm run test:differential -- --hostile`.
const messages = new Map(hostileMessages().map((message) => [message.name, message]));
const now = new Date();

async function refusal(name: string): Promise<unknown> {
  const { blob, keyFile } = messages.get(name)!;
  return await verifySignature(blob, importKeyRing([keyFile], { now }), { now }).catch((error: unknown) => error);
}

describe('a hostile message', () => {
  it('comes in more than 200 forms', () => {
    expect(messages.size).toBeGreaterThanOrEqual(200);
  });

  it('is made as a harmless one is', async () => {
    const { blob, keyFile } = harmlessMessage();
    await expect(verifySignature(blob, importKeyRing([keyFile], { now }), { now })).resolves.toBeDefined();
  });

  it.each([...messages.keys()])('is refused: %s', async (name) => {
    expect(await refusal(name)).toBeInstanceOf(SigningError);
    // Nothing that anybody sends makes the reading of claims throw.
    expect(() => readSignatureClaimUntrusted(messages.get(name)!.blob)).not.toThrow();
  });
});
