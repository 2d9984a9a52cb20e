import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistryClient, readManifest } from '../../../activities/oci/index.ts';
import { lookasideUrl } from '../../../activities/trust/lookaside-url.ts';
import { readLookaside } from '../../../activities/trust/index.ts';
import { isDigest, parseDigest } from '../../../workflows/domain/digest.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { takeNetworkOver } from '../../support/hostile-registry/virtual-network.ts';
import type { VirtualNetwork } from '../../support/hostile-registry/virtual-network.ts';
import { malformedDigests } from '../../support/hostile-registry/malformed-digests.ts';

const DIGESTS = malformedDigests(10_000);
const GOOD = `sha256:${'a'.repeat(64)}`;
const REPOSITORY = { domain: 'registry.hostile.test', path: 'dev/web' };

let network: VirtualNetwork;
const opened: string[] = [];
const original = { open: fsPromises.open, readFile: fsPromises.readFile, stat: fsPromises.stat };

beforeAll(() => {
  network = takeNetworkOver();
  for (const name of ['open', 'readFile', 'stat'] as const) {
    const record = (file: unknown): never => {
      opened.push(String(file));
      throw new Error('no file may be opened here');
    };
    Object.assign(fsPromises, { [name]: record });
  }
  syncBuiltinESMExports();
});

afterAll(() => {
  network.restore();
  Object.assign(fsPromises, original);
  syncBuiltinESMExports();
});

function manifestWith(digest: string, where: 'config' | 'layers' | 'manifests'): Buffer {
  const part = (one: string): object => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: one,
    size: 1,
  });
  const body =
    where === 'manifests'
      ? { manifests: [part(GOOD), part(digest)] }
      : { config: part(where === 'config' ? digest : GOOD), layers: [part(where === 'layers' ? digest : GOOD)] };
  return Buffer.from(JSON.stringify({ schemaVersion: 2, ...body }));
}

function codeOf(work: () => unknown): unknown {
  try {
    work();
    return 'accepted';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('10,000 malformed digests', () => {
  it('are malformed indeed, and many', () => {
    expect(new Set(DIGESTS).size).toBeGreaterThan(9000);
    expect(
      DIGESTS.filter((one) => /^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/.test(one)),
    ).toEqual([]);
  });

  it('are none to the workflows', () => {
    expect(DIGESTS.filter(isDigest)).toEqual([]);
    expect(DIGESTS.filter((one) => codeOf(() => parseDigest(one)) !== 'digest-invalid')).toEqual([]);
  });

  it('are refused in references, as the command line and workflows take them', () => {
    const accepted = DIGESTS.filter(
      (one) => codeOf(() => parseReference(`registry.hostile.test/dev/web@${one}`)) === 'accepted',
    );
    expect(accepted).toEqual([]);
  });

  it.each(['config', 'layers', 'manifests'] as const)('are refused in %s of a manifest', (where) => {
    const accepted = DIGESTS.filter(
      (one) => codeOf(() => readManifest(manifestWith(one, where), undefined, 'manifest')) !== 'manifest-unsupported',
    );
    expect(accepted).toEqual([]);
  });

  it('are refused in paths of signatures', () => {
    expect(
      DIGESTS.filter(
        (one) => codeOf(() => lookasideUrl('file:///var/sigs', 'dev/web', one as Digest, 1)) === 'accepted',
      ),
    ).toEqual([]);
  });

  it('lead to no connection and to no file, whoever lets them pass', async () => {
    const client = createRegistryClient({ hosts: { [REPOSITORY.domain]: { plainHttp: true } } });
    const attempts = DIGESTS.slice(0, 2000).flatMap((one) => {
      const digest = one as Digest;
      const blob = { digest, size: 1 };
      return [
        () => client.readBlob(REPOSITORY, blob),
        () => client.blobExists(REPOSITORY, blob),
        () => client.hasManifest(REPOSITORY, digest),
        () => client.fetchManifest({ ...REPOSITORY, digest }),
        () => client.listReferrers(REPOSITORY, digest),
        () => client.listSignatures(REPOSITORY, digest),
        () => client.openUpload({ repository: REPOSITORY, blob, mode: 'look' }),
        () => readLookaside('file:///var/sigs', 'dev/web', digest),
      ];
    });
    const outcomes = await Promise.all(
      attempts.map((attempt) =>
        attempt().then(
          () => 'done',
          () => 'refused',
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome !== 'refused')).toEqual([]);
    expect(network.strays).toEqual([]);
    expect(opened).toEqual([]);
    await client.close();
  });
});
