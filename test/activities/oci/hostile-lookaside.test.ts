import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLookaside } from '../../../activities/trust/index.ts';
import { lookasideUrl } from '../../../activities/trust/lookaside-url.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { makeCertificates } from '../../support/hostile-registry/index.ts';
import { hostilePaths } from '../../support/hostile-registry/malformed-paths.ts';
import { startRawServer } from '../../support/hostile-registry/raw-server.ts';
import type { RawServer } from '../../support/hostile-registry/raw-server.ts';

const DIGEST = parseDigest(`sha256:${'ab'.repeat(32)}`);
const PATHS = hostilePaths(10_000);

let server: RawServer;

beforeAll(async () => {
  server = await startRawServer({
    secureContext: tls.createSecureContext(makeCertificates(['127.0.0.1'])),
    placeOf: () => ({ host: '127.0.0.1', port: 80 }),
    answer: ({ reply }) => reply(404),
  });
});

afterAll(async () => {
  await server.stop();
});

function urlOf(path: string): string | undefined {
  try {
    return lookasideUrl('https://sigs.example.com/root', path, DIGEST, 1);
  } catch {
    return undefined;
  }
}

describe('paths of 10,000 repositories that nobody should have', () => {
  it('are some of them good, most of them not', () => {
    const good = PATHS.filter((path) => urlOf(path) !== undefined);
    expect(good.length).toBeGreaterThan(100);
    expect(good.length).toBeLessThan(PATHS.length / 2);
  });

  it('are either refused or kept below the root, byte for byte as readers ask', () => {
    for (const path of PATHS) {
      const url = urlOf(path);
      if (url === undefined) continue;
      expect(url).toBe(`https://sigs.example.com/root/${path}@sha256=${'ab'.repeat(32)}/signature-1`);
      // What is left when somebody resolves dots and escapes, once or twice.
      for (const resolved of [new URL(url), new URL(decodeURIComponent(url))]) {
        expect(resolved.href.startsWith('https://sigs.example.com/root/')).toBe(true);
        expect(resolved.pathname.split('/')).toHaveLength(path.split('/').length + 3);
      }
    }
  });

  it('are as good in references as in lookasides, apart from the name that a hub puts before', () => {
    const disagreeing = PATHS.filter((path) => {
      let isReference = true;
      try {
        parseReference(`registry.example.com/${path}@${DIGEST}`);
      } catch {
        isReference = false;
      }
      return isReference !== (urlOf(path) !== undefined);
    });
    expect(disagreeing).toEqual([]);
  });

  it('come over the wire as they were made', async () => {
    const good = PATHS.filter((path) => urlOf(path) !== undefined).slice(0, 50);
    for (const path of good) await readLookaside(`http://127.0.0.1:${server.port}/root`, path, DIGEST);
    expect(server.requests.map(({ target }) => target)).toEqual(
      good.map((path) => `/root/${path}@sha256=${'ab'.repeat(32)}/signature-1`),
    );
  });
});
