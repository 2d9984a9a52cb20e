import { readFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { TLSConfig } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { Configuration } from './configuration/index.ts';

/** Where Temporal is, as the configuration says it. */
export type TemporalAddress = Configuration['temporal'];

/** A client for starting, looking and deciding. */
export interface ConnectedClient {
  readonly client: Client;
  readonly connection: Connection;
  readonly close: () => Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Connects to Temporal as a client.
 * @throws TemporalUnreachableError naming the address and what to do.
 */
export async function connectClient({ temporal }: Pick<Configuration, 'temporal'>): Promise<ConnectedClient> {
  const tls = await readTls(temporal);
  try {
    const connection = await Connection.connect({
      address: temporal.address,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(tls !== undefined && { tls }),
    });
    const client = new Client({ connection, namespace: temporal.namespace });
    return { client, connection, close: () => connection.close() };
  } catch (error) {
    throw new TemporalUnreachableError(temporal.address, error);
  }
}

/**
 * Connects to Temporal as a worker. The caller closes the connection after its workers have ended.
 * @throws TemporalUnreachableError naming the address and what to do.
 */
export async function connectWorker({ temporal }: Pick<Configuration, 'temporal'>): Promise<NativeConnection> {
  // The native connection tries for ever, in silence and deaf to signals, where nobody answers.
  const { close } = await connectClient({ temporal });
  await close();
  const tls = await readTls(temporal);
  // Loaded here alone: a client that starts or decides does not need the native worker.
  const worker = await import('@temporalio/worker');
  try {
    return await worker.NativeConnection.connect({ address: temporal.address, ...(tls !== undefined && { tls }) });
  } catch (error) {
    throw new TemporalUnreachableError(temporal.address, error);
  }
}

/** Temporal did not answer. */
export class TemporalUnreachableError extends Error {
  constructor(address: string, cause: unknown) {
    const said = cause instanceof Error ? cause.message : String(cause);
    super(
      `no Temporal server answers at ${address} (${said}); start one with "countersign up", or set temporal.address in the configuration`,
      { cause },
    );
    this.name = 'TemporalUnreachableError';
  }
}

async function readTls({ tls }: TemporalAddress): Promise<TLSConfig | undefined> {
  if (tls === undefined) return undefined;
  const [ca, certificate, key] = await Promise.all([
    tls.ca === undefined ? undefined : readFile(tls.ca),
    tls.certificate === undefined ? undefined : readFile(tls.certificate),
    tls.key === undefined ? undefined : readFile(tls.key),
  ]);
  return {
    ...(ca !== undefined && { serverRootCACertificate: ca }),
    ...(certificate !== undefined && key !== undefined && { clientCertPair: { crt: certificate, key } }),
  };
}
