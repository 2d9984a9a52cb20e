import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Take } from './bulk-exchange.ts';

/** Hands the bytes of a body to `write`, one piece after the other, each when the one before has been taken. */
export type Feed = (write: Take) => Promise<void>;

/** Bytes of known number that exist only once. */
export interface StreamBody {
  readonly size: number;
  readonly feed: Feed;
}

export type RequestBody = Uint8Array | StreamBody;

/** Tells whether a body can be sent only once. */
export function isStream(body: RequestBody | undefined): body is StreamBody {
  return body !== undefined && !(body instanceof Uint8Array);
}

/** A body and its headers as undici takes them. */
export function forUndici(
  body: RequestBody | undefined,
  headers: Readonly<Record<string, string>>,
): Partial<Dispatcher.RequestOptions> & { headers: Record<string, string> } {
  if (!isStream(body)) return { headers: { ...headers }, body: body ?? null };
  return {
    headers: { ...headers, 'content-length': String(body.size) },
    // undici takes any async iterable (its documentation of `request`); its types know streams only.
    body: piecesOf(body) as unknown as Readable,
  };
}

/** A socket that was given fewer bytes than this at once may keep them, and not a copy of them, for later. */
const FLUSHED_BYTES = 64 * 1024;

/** Turns what is pushed into something to pull from. */
async function* piecesOf({ feed }: StreamBody): AsyncGenerator<Uint8Array, void, undefined> {
  let offered: { readonly piece: Uint8Array; readonly taken: () => void } | undefined;
  let wake: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  let end: { readonly error?: unknown } | undefined;
  const fed = feed(
    (piece) =>
      new Promise<void>((resolve, refuse) => {
        offered = { piece: piece.length < FLUSHED_BYTES ? Buffer.from(piece) : piece, taken: resolve };
        reject = refuse;
        wake();
      }),
  ).then(
    () => ({}),
    (error: unknown) => ({ error }),
  );
  void fed.then((outcome) => {
    end = outcome;
    wake();
  });
  try {
    for (;;) {
      while (offered === undefined && end === undefined) await new Promise<void>((resolve) => (wake = resolve));
      if (offered === undefined) break;
      const { piece, taken } = offered;
      offered = undefined;
      yield piece;
      taken();
    }
    if (end !== undefined && 'error' in end) throw end.error;
  } finally {
    reject(new Error('the request ended before its body was sent'));
  }
}
