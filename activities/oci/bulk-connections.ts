import type { ConnectionOptions } from 'node:tls';
import { BulkConnection } from './bulk-exchange.ts';
import type { BulkAnswer, BulkRequest } from './bulk-exchange.ts';

/** An idle connection, and since when it is idle. */
interface Kept {
  readonly connection: BulkConnection;
  readonly since: number;
}

/** Shorter than the five seconds after which Node's servers, and the minute after which most others, close it. */
const KEEP_IDLE_MS = 4_000;
/** A body cannot be sent twice, so it goes over a connection that was in use a moment ago, or over a new one. */
const KEEP_FOR_BODIES_MS = 500;

/** The connections of the raw data path: idle ones are used again. */
export class BulkConnections {
  /** By what they were connected with, then by origin. */
  readonly #idle = new Map<ConnectionOptions, Map<string, Kept[]>>();
  readonly #open = new Set<BulkConnection>();

  /**
   * Sends a request and returns when the head of the answer is there.
   * @throws NotPlainError, network errors as they are, the reason of an aborted signal.
   */
  async exchange(request: BulkRequest): Promise<BulkAnswer> {
    for (let kept = this.#takeIdle(request); kept !== undefined; kept = this.#takeIdle(request)) {
      const known = kept;
      try {
        return await known.exchange(request, () => this.#keep(known, request));
      } catch (error) {
        // The other side may have closed it meanwhile, which shows only now.
        if (request.body !== undefined || known.hasHeard || request.signal?.aborted === true) throw error;
      }
    }
    const connection = new BulkConnection(request);
    this.#open.add(connection);
    connection.socket.once('close', () => this.#open.delete(connection));
    return await connection.exchange(request, () => this.#keep(connection, request));
  }

  /** Ends all connections, those in use too. */
  close(): void {
    for (const connection of this.#open) connection.end(new Error('this registry client is closed'));
    this.#idle.clear();
  }

  #takeIdle({ connect, url, body }: BulkRequest): BulkConnection | undefined {
    const idle = this.#idle.get(connect)?.get(url.origin) ?? [];
    const longest = body === undefined ? KEEP_IDLE_MS : KEEP_FOR_BODIES_MS;
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      const { connection, since } = last;
      if (connection.socket.readyState === 'open' && performance.now() - since < longest) return connection;
      connection.end(new Error('idle for too long'));
    }
    return undefined;
  }

  #keep(connection: BulkConnection, { connect, url }: BulkRequest): void {
    const byOrigin = this.#idle.get(connect) ?? new Map<string, Kept[]>();
    this.#idle.set(connect, byOrigin);
    connection.socket.setTimeout(KEEP_IDLE_MS);
    byOrigin.set(url.origin, [...(byOrigin.get(url.origin) ?? []), { connection, since: performance.now() }]);
  }
}
