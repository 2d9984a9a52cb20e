import { afterEach } from 'vitest';
import { serveSignatures } from '../../../activities/signature-server/index.ts';
import type { ServeSignaturesOptions, SignatureServer } from '../../../activities/signature-server/index.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { TestRepository } from './repository-fixture.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Repositories and signature servers of a test, ended with it. */
export function useServers() {
  const folder = useTempFolder();
  const servers: SignatureServer[] = [];
  const log: LogLine[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    log.length = 0;
  });
  return {
    folder,
    log,
    repository: (name = 'signatures.git', options: readonly string[] = []) =>
      TestRepository.create(folder.join(name), options),
    /** Serves `main` without polling; with `first: false` it does not wait for a snapshot. */
    serve: async (
      repository: string,
      { first = true, ...options }: Partial<ServeSignaturesOptions> & { first?: boolean } = {},
    ): Promise<SignatureServer> => {
      const server = await serveSignatures({
        repository,
        branch: 'main',
        cacheDirectory: folder.join('cache'),
        listen: { host: '127.0.0.1', port: 0 },
        pollIntervalMs: 0,
        log: (level, message, fields) => log.push({ level, message, fields }),
        ...options,
      });
      servers.push(server);
      if (first) await server.refresh();
      return server;
    },
  };
}

/** A directory in lookaside layout. */
export const WEB = `images/acme/web@sha256=${'a'.repeat(64)}`;
