/** What the lists of answers that are no HTTP are made of. */
import { MANIFEST_TYPE } from './content.ts';
import type { RawExchange } from './raw-server.ts';

export const OK = 'HTTP/1.1 200 OK\r\n';
export const CHUNKED = 'transfer-encoding: chunked\r\n';
export const BROKEN = ['registry-unavailable', 'registry-refused', 'manifest-unsupported', 'content-mismatch'] as const;
/** The answer may be taken as long as the bytes are those of the digest. */
export const EITHER = ['success', ...BROKEN] as const;
/** What a desynchronised client would take for the answer to its next request. */
export const SMUGGLED = `${OK}content-type: ${MANIFEST_TYPE}\r\ncontent-length: 4\r\nset-cookie: a=b\r\n\r\nevil`;

export type Send = (exchange: RawExchange) => void;

/** Sends text and closes the connection. */
export const closing =
  (text: string): Send =>
  ({ raw, end }) => {
    raw(text);
    end();
  };
