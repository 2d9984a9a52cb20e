import { parseRetryAfter } from '../retry-after/index.ts';
import { RegistryError } from './error.ts';
import type { RegistryErrorCode } from './error.ts';
import type { HttpAnswer } from './http-answer.ts';

const ERROR_BODY_LIMIT = 8 * 1024;
const MAX_CODES = 10;

class TooLargeError extends Error {}

/**
 * Reads a whole body of at most `limit` bytes; undefined, and the connection ended, where it has more.
 * Errors of the stream are thrown as they are.
 */
export async function readBounded(answer: HttpAnswer, limit: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    await answer.read((piece) => {
      size += piece.length;
      if (size > limit) throw new TooLargeError();
      pieces.push(Buffer.from(piece));
      return undefined;
    });
  } catch (error) {
    if (error instanceof TooLargeError) return undefined;
    throw error;
  }
  return Buffer.concat(pieces);
}

/**
 * None was asked for, and an encoding is a way to make much out of little (CVE-2026-22036).
 * @throws RegistryError `registry-refused`.
 */
export async function refuseEncoding(answer: HttpAnswer, subject: string): Promise<void> {
  const encoding = answer.header('content-encoding');
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  await answer.discard();
  throw new RegistryError('registry-refused', `${subject}: received an encoded answer; expected plain bytes`, {
    status: answer.status,
  });
}

/** How an answer that was not hoped for is told. */
export interface Refusal {
  readonly subject: string;
  /** For example `status 200`. */
  readonly expected: string;
  /** What a 404 means here; default: the registry refused. */
  readonly notFound?: RegistryErrorCode;
  /** Host whose credentials are in question. */
  readonly domain: string;
}

/** Turns an answer into the error it stands for; its body is read as far as it may tell the registry's codes. */
export async function refusalOf(answer: HttpAnswer, refusal: Refusal): Promise<RegistryError> {
  const { status } = answer;
  const registryCodes = await readCodes(answer);
  const code = codeFor(status, refusal.notFound);
  const retryAfterMs = parseRetryAfter(answer.header('retry-after'), Date.now());
  const received = [`status ${status}`, ...registryCodes].join(' ');
  const advice = code === 'access-denied' ? `; check the credentials for ${refusal.domain}` : '';
  return new RegistryError(
    code,
    `${refusal.subject}: expected ${refusal.expected}, received ${received} from ${refusal.domain}${advice}`,
    { status, registryCodes, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  );
}

function codeFor(status: number, notFound: RegistryErrorCode | undefined): RegistryErrorCode {
  if (status === 401 || status === 403) return 'access-denied';
  if (status === 404) return notFound ?? 'registry-refused';
  if (status === 429) return 'rate-limited';
  if (status === 408 || status >= 500) return 'registry-unavailable';
  return 'registry-refused';
}

/** The codes only: a registry's message may repeat what it was sent. */
async function readCodes(answer: HttpAnswer): Promise<readonly string[]> {
  try {
    const bytes = await readBounded(answer, ERROR_BODY_LIMIT);
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? 'null');
    const { errors } = (value ?? {}) as { errors?: unknown };
    const codes = (Array.isArray(errors) ? errors : []).map((one: unknown) => (one as { code?: unknown } | null)?.code);
    return codes.filter(isCode).slice(0, MAX_CODES);
  } catch {
    // Whatever is wrong with the body of an error, the status stands.
    return [];
  }
}

function isCode(code: unknown): code is string {
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code);
}
