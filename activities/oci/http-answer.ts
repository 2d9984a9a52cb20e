/** The answer to a request, however it was carried. */
import type { Dispatcher } from 'undici';
import type { BulkAnswer, Take } from './bulk-exchange.ts';

export interface HttpAnswer {
  readonly status: number;
  /** A header by its lower-case name; the first where there are several. */
  readonly header: (name: string) => string | undefined;
  /** Every line of a header. */
  readonly headerLines: (name: string) => readonly string[];
  /** Hands the body on, once. What `take` throws ends the connection and is thrown as it is. */
  readonly read: (take: Take) => Promise<void>;
  /** Gives the connection back, or ends it where much is left to read. Never throws. */
  readonly discard: () => Promise<void>;
}

/** More than this is not worth reading for the sake of a connection. */
const DISCARD_LIMIT = 64 * 1024;

export function fromUndici({ statusCode, headers, body }: Dispatcher.ResponseData): HttpAnswer {
  // A body that fails while nobody reads it must not end the process.
  body.on('error', () => undefined);
  return {
    status: statusCode,
    ...lookup((name) => [headers[name] ?? []].flat()),
    read: async (take) => {
      // Leaving the loop destroys the stream.
      for await (const piece of body as AsyncIterable<Uint8Array>) {
        const waits = take(piece);
        if (waits !== undefined) await waits;
      }
    },
    discard: () => body.dump({ limit: DISCARD_LIMIT }).catch(() => undefined),
  };
}

export function fromBulk({ status, headers, length, read, close }: BulkAnswer): HttpAnswer {
  return {
    status,
    ...lookup((name) => headers.get(name) ?? []),
    read,
    discard: async () => {
      if (length <= DISCARD_LIMIT) await read(() => undefined).catch(() => undefined);
      else close();
    },
  };
}

function lookup(headerLines: HttpAnswer['headerLines']): Pick<HttpAnswer, 'header' | 'headerLines'> {
  return { headerLines, header: (name) => headerLines(name)[0] };
}
