import { describe, expect, it } from 'vitest';
import { matchIdentity } from '../../../activities/trust/index.ts';
import type { SignedIdentity } from '../../../activities/trust/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const exact: SignedIdentity = { type: 'matchExact' };
const repoDigest: SignedIdentity = { type: 'matchRepoDigestOrExact' };
const repository: SignedIdentity = { type: 'matchRepository' };
const exactReference: SignedIdentity = { type: 'exactReference', dockerReference: parseReference('v.example.com/s:1') };
const exactRepository: SignedIdentity = {
  type: 'exactRepository',
  dockerRepository: parseReference('v.example.com/s'),
};
const remap = (prefix: string, signedPrefix: string): SignedIdentity => ({
  type: 'remapIdentity',
  prefix,
  signedPrefix,
});

describe('matchIdentity', () => {
  it.each<[SignedIdentity, image: string, signed: string, matches: boolean]>([
    [exact, 'r.example.com/a:1', 'r.example.com/a:1', true],
    [exact, 'busybox:1', 'docker.io/library/busybox:1', true],
    [exact, 'docker.io/library/busybox:1', 'busybox:1', true],
    [exact, 'r.example.com/a:1', 'r.example.com/a:2', false],
    [exact, 'r.example.com/a:1', 'r.example.com/a', false],
    [exact, 'r.example.com/a:1', 'r.example.com:443/a:1', false],
    [exact, `r.example.com/a@${A}`, `r.example.com/a@${A}`, true],
    [exact, `r.example.com/a@${A}`, 'r.example.com/a:1', false],
    [exact, 'r.example.com/a:1', `r.example.com/a:1@${A}`, false],
    [exact, 'r.example.com/a', 'r.example.com/a', false],
    [repoDigest, 'r.example.com/a:1', 'r.example.com/a:1', true],
    [repoDigest, 'r.example.com/a:1', 'r.example.com/a:2', false],
    [repoDigest, 'r.example.com/a:1', `r.example.com/a@${A}`, false],
    [repoDigest, `r.example.com/a@${A}`, 'r.example.com/a:1', true],
    [repoDigest, `r.example.com/a@${A}`, `r.example.com/a@${B}`, true],
    [repoDigest, `r.example.com/a@${A}`, 'r.example.com/a', false],
    [repoDigest, `r.example.com/a@${A}`, 'r.example.com/b:1', false],
    [repoDigest, `r.example.com/a:1@${A}`, 'r.example.com/a:1', false],
    [repoDigest, `r.example.com/a:1@${A}`, `r.example.com/a:1@${A}`, true],
    [repoDigest, 'r.example.com/a', 'r.example.com/a:1', false],
    [repository, 'r.example.com/a:1', 'r.example.com/a:2', true],
    [repository, 'r.example.com/a:1', 'r.example.com/a', true],
    [repository, 'r.example.com/a:1', 'r.example.com/a/b:1', false],
    [repository, 'R.example.com/a:1', 'r.example.com/a:1', false],
    [exactReference, 'r.example.com/a:7', 'v.example.com/s:1', true],
    [exactReference, 'r.example.com/a:7', 'v.example.com/s:2', false],
    [exactReference, 'r.example.com/a:7', 'r.example.com/a:7', false],
    [exactRepository, 'r.example.com/a:7', 'v.example.com/s:9', true],
    [exactRepository, 'r.example.com/a:7', 'v.example.com/s', true],
    [exactRepository, 'r.example.com/a:7', 'v.example.com/s/t:1', false],
    [remap('m.example.com', 'v.example.com'), 'm.example.com/a/b:1', 'v.example.com/a/b:1', true],
    [remap('m.example.com/x', 'v.example.com'), 'm.example.com/x/b:1', 'v.example.com/b:1', true],
    [remap('m.example.com/x/b', 'v.example.com/c'), 'm.example.com/x/b:1', 'v.example.com/c:1', true],
    [remap('m.example.com/x', 'v.example.com/y'), 'm.example.com/xb:1', 'v.example.com/yb:1', false],
    [remap('m.example.com/x', 'v.example.com/y'), 'm.example.com/xb:1', 'm.example.com/xb:1', true],
    [remap('m.example.com', 'v.example.com'), 'm.example.com:5000/a:1', 'm.example.com:5000/a:1', true],
    [remap('m.example.com', 'v.example.com'), 'm.example.com/a:1', 'm.example.com/a:1', false],
    [remap('m.example.com', 'busybox'), 'm.example.com/a:1', 'busybox/a:1', false],
    [remap('m.example.com', 'v.example.com'), `m.example.com/a@${A}`, 'v.example.com/a:5', true],
    [repository, 'r.example.com/a:1', 'no reference at all', false],
    [repository, 'r.example.com/a:1', '', false],
    [repository, 'r.example.com/a:1', 'r.example.com/a:1\n', false],
  ])('%j, %s, %s: %s', (kind, image, signed, matches) => {
    expect(matchIdentity(kind, parseReference(image), signed)).toBe(matches);
  });
});
