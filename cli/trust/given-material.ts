import { readFile } from 'node:fs/promises';
import { digestOfManifest } from '../../activities/trust/index.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { usageError } from '../failure.ts';

/** One JSON object of standard input, or the same put together from options. */
export type Material = Readonly<Record<string, unknown>>;

/** Reads the members of one JSON object: each names a file, or holds the content itself. */
export interface MaterialReader {
  /** An absolute path of a file named by a member. */
  readonly resolvePath: (file: string) => string;
}

/** Bytes of a member: `"FILE"`, `{"base64": …}`, `{"text": …}` or `{"json": …}`; undefined where it is absent. */
export async function readBytes(
  given: unknown,
  member: string,
  { resolvePath }: MaterialReader,
): Promise<{ readonly name: string; readonly bytes: Uint8Array } | undefined> {
  if (given === undefined) return undefined;
  if (typeof given === 'string') {
    const name = resolvePath(given);
    try {
      return { name, bytes: await readFile(name) };
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw usageError(`${member} ${name}: cannot be read (${code})`);
    }
  }
  return { name: member, bytes: inlineBytes(given, member) };
}

/** Like `readBytes`, for a member that is one of these or a list of them. */
export async function readBytesList(
  given: unknown,
  member: string,
  reader: MaterialReader,
): Promise<readonly { readonly name: string; readonly bytes: Uint8Array }[]> {
  const items: readonly unknown[] = Array.isArray(given) ? given : [given];
  const read = await Promise.all(items.map((item, index) => readBytes(item, `${member}[${index}]`, reader)));
  return read.filter((one) => one !== undefined);
}

/** The digest of `digest`, or that of the `manifest`; exactly one of them is given. */
export async function readDigest({ digest, manifest }: Material, reader: MaterialReader): Promise<Digest> {
  if ((digest === undefined) === (manifest === undefined)) throw usageError('expected either digest or manifest');
  if (digest !== undefined) return parseDigest(textOf(digest, 'digest'));
  const read = await readBytes(manifest, 'manifest', reader);
  return digestOfManifest(read?.bytes ?? Buffer.alloc(0));
}

/** The text of a member that has to be there. */
export function textOf(given: unknown, member: string): string {
  if (typeof given === 'string') return given;
  throw usageError(`${member}: expected a string`);
}

/** The moment in `time`, in ISO 8601, else `now`. */
export function readTime({ time }: Material, now: number): Date {
  if (time === undefined) return new Date(now);
  const date = new Date(textOf(time, 'time'));
  if (Number.isNaN(date.getTime())) throw usageError('time: expected a date as 2026-11-21T08:00:00Z');
  return date;
}

/** @throws CliError for a member that nobody reads; `id` is for whoever wrote the line. */
export function refuseUnknown(material: Material, known: readonly string[]): void {
  const unknown = Object.keys(material).find((name) => name !== 'id' && !known.includes(name));
  if (unknown === undefined) return;
  throw usageError(`unknown member ${JSON.stringify(unknown.slice(0, 64))}; expected ${known.join(', ')}`);
}

function inlineBytes(given: unknown, member: string): Uint8Array {
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : [];
  const [first, ...more] = entries;
  if (first !== undefined && more.length === 0) {
    const [kind, content] = first as [string, unknown];
    if (kind === 'json') return Buffer.from(JSON.stringify(content));
    if (kind === 'text' && typeof content === 'string') return Buffer.from(content);
    if (kind === 'base64' && typeof content === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(content)) {
      return Buffer.from(content, 'base64');
    }
  }
  throw usageError(`${member}: expected a file name, {"base64": …}, {"text": …} or {"json": …}`);
}
