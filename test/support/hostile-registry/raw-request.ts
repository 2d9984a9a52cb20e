/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** By lower-case name; several of one name are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** The request at the beginning of `heard`, and where it ends; undefined where more must come. */
export function parseRequest(heard: Buffer): { readonly request: RawRequest; readonly end: number } | undefined {
  const bodyAt = heard.indexOf('\r\n\r\n') + 4;
  if (bodyAt < 4) return undefined;
  const [first = '', ...lines] = heard.toString('latin1', 0, bodyAt - 4).split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    headers.set(name, headers.has(name) ? `${headers.get(name)},${value}` : value);
  }
  const found = /chunked/i.test(headers.get('transfer-encoding') ?? '')
    ? readChunks(heard, bodyAt)
    : readLength(heard, bodyAt, Number(headers.get('content-length') ?? 0));
  return found === undefined ? undefined : { request: { method, target, headers, body: found.body }, end: found.end };
}

interface Body {
  readonly body: Buffer;
  readonly end: number;
}

function readLength(heard: Buffer, from: number, length: number): Body | undefined {
  const end = from + length;
  return heard.length < end ? undefined : { body: heard.subarray(from, end), end };
}

function readChunks(heard: Buffer, from: number): Body | undefined {
  const chunks: Buffer[] = [];
  for (let position = from; ;) {
    const lineEnd = heard.indexOf('\r\n', position);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(heard.toString('latin1', position, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (heard.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), end: next };
    chunks.push(heard.subarray(lineEnd + 2, lineEnd + 2 + size));
    position = next;
  }
}
