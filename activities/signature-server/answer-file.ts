import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { MAX_SIGNATURE_BYTES } from './fetch-served.ts';
import { requestedPath } from './requested-path.ts';
import type { ServerParts } from './server-parts.ts';
import type { PublishedFile, Snapshot } from './snapshot.ts';

/** The last component of a signature's path. */
const SIGNATURE = /(?:^|\/)signature-[1-9]\d*$/;

/** Answers GET and HEAD of a path from the snapshot of this moment; header, listing and content are of one commit. */
export async function answerFile(
  c: Context<{ Bindings: HttpBindings }>,
  { branch, metrics, settings }: Pick<ServerParts, 'branch' | 'metrics' | 'settings'>,
): Promise<Response> {
  const snapshot = branch.snapshot();
  if (snapshot === undefined) {
    return c.text('no snapshot of the repository yet\n', 503, { 'retry-after': '5', 'cache-control': 'no-store' });
  }
  const about = { 'x-countersign-commit': snapshot.commit, 'cache-control': 'no-cache' };
  // The raw target: hono's own path is decoded and normalized.
  const path = requestedPath(c.env.incoming.url ?? '');
  const file = path === undefined ? undefined : snapshot.files.get(path);
  if (path === undefined || file === undefined) return c.text('not found\n', 404, about);
  if (file.size > MAX_SIGNATURE_BYTES) {
    settings.log('warn', 'a file is too large to be served', { id: file.id, size: file.size });
    // Not 404: readers would take it for the end of the list.
    return c.text(`larger than the ${MAX_SIGNATURE_BYTES} bytes that readers accept\n`, 500, about);
  }
  const headers = { ...about, etag: `"${file.id}"` };
  if (isKnown(c.req.header('if-none-match'), file.id)) return c.body(null, 304, headers);
  const entity = { ...headers, ...ENTITY, 'content-length': String(file.size) };
  if (c.req.method === 'HEAD') return c.body(null, 200, entity);
  const body = await read(snapshot, file);
  if (SIGNATURE.test(path)) metrics.countSignature();
  return c.body(body, 200, entity);
}

/** Whoever opens it in a browser must not run what somebody pushed. */
const ENTITY = { 'content-type': 'application/octet-stream', 'x-content-type-options': 'nosniff' };

async function read(snapshot: Snapshot, file: PublishedFile): Promise<Uint8Array<ArrayBuffer>> {
  const blob = await snapshot.read(file);
  return blob as Uint8Array<ArrayBuffer>;
}

function isKnown(ifNoneMatch: string | undefined, id: string): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes('*') || tags.includes(`"${id}"`);
}
