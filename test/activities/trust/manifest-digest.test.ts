import { describe, expect, it } from 'vitest';
import { digestOfManifest } from '../../../activities/trust/index.ts';
import { signedManifests } from './signed-manifests.ts';

describe('digestOfManifest', () => {
  it.each(signedManifests().filter(({ digest }) => digest !== undefined))('of one $name is that of readers', (one) => {
    expect(digestOfManifest(one.bytes)).toBe(one.digest);
  });

  it.each(signedManifests().filter(({ digest }) => digest === undefined))('refuses one $name', ({ bytes }) => {
    expect(() => digestOfManifest(bytes)).toThrow(expect.objectContaining({ code: 'manifest-unsupported' }));
  });
});
