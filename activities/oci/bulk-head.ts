/** The head of a plain HTTP/1.1 answer, for the raw data path. */

/** The answer is none that the raw data path understands; the message tells which rule it breaks. */
export class NotPlainError extends Error {
  constructor(received: string) {
    super(`expected a plain HTTP/1.1 answer, received ${received}`);
    this.name = 'NotPlainError';
  }
}

/** A parsed head. */
export interface PlainHead {
  readonly status: number;
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Bytes of the body; undefined where it ends in another way, or is announced in two. */
  readonly length: number | undefined;
  /** Where the body begins. */
  readonly end: number;
}

const HEAD_LIMIT = 32 * 1024;
const HEADER_LIMIT = 200;

/**
 * Parses the head of an answer; undefined where more bytes are needed.
 * Stricter than RFC 9112 on purpose: every leniency there is a way to disagree about where an answer ends.
 * @throws NotPlainError
 */
export function parseHead(bytes: Uint8Array): PlainHead | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_LIMIT)).toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) {
    if (!'HTTP/1.1 '.startsWith(text.slice(0, 9))) throw new NotPlainError('no HTTP/1.1 status line');
    if (bytes.length >= HEAD_LIMIT) throw new NotPlainError(`a head of more than ${HEAD_LIMIT} bytes`);
    return undefined;
  }
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 ([2-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new NotPlainError('another status line');
  if (lines.length > HEADER_LIMIT) throw new NotPlainError(`more than ${HEADER_LIMIT} headers`);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new NotPlainError('a malformed header');
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value.trimEnd()]);
  }
  return { status, headers, length: lengthOf(status, headers), end: end + 4 };
}

function lengthOf(status: number, headers: ReadonlyMap<string, readonly string[]>): number | undefined {
  if (headers.has('upgrade')) throw new NotPlainError('an upgrade');
  const isEmpty = status === 204 || status === 304;
  const lengths = headers.get('content-length') ?? (isEmpty ? ['0'] : []);
  const [length = ''] = lengths;
  if (isEmpty && length !== '0') throw new NotPlainError(`a body with status ${status}`);
  if (headers.has('transfer-encoding') || lengths.length !== 1 || !/^\d{1,15}$/.test(length)) return undefined;
  return Number(length);
}
