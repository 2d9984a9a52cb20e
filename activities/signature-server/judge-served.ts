import { createHash } from 'node:crypto';
import type { ServedFailure } from './error.ts';
import { MAX_SIGNATURE_BYTES } from './fetch-served.ts';
import type { ServedAnswer } from './fetch-served.ts';
import type { ExchangeAnswer } from './http-exchange.ts';
import type { ServedExpectation } from './served-expectation.ts';

/** What was expected, what came instead, and whether something wrong or nothing was served. */
export type ServedVerdict = Pick<ServedFailure, 'code' | 'expected' | 'received'>;

/** First bytes by which readers know a signature; any other makes them refuse the whole set (containers/image). */
const FIRST_BYTES = new Set([
  0x00, 0x3d, 0x88, 0x89, 0x8a, 0x8b, 0x90, 0x91, 0x92, 0xa0, 0xa1, 0xa2, 0xa3, 0xc2, 0xc4, 0xc8,
]);

/** Compares an answer with what is expected; undefined when it is that. */
export function judgeServed(file: ServedExpectation, answer: ServedAnswer): ServedVerdict | undefined {
  const expected = describeExpectation(file);
  if ('redirect' in answer) {
    return { code: 'served-wrong', expected, received: `a redirect to ${answer.redirect}, which is not followed` };
  }
  const { status } = answer;
  if (status === 404) {
    return file.is === 'absent' ? undefined : { code: 'not-served', expected, received: 'status 404' };
  }
  if (status !== 200) return { code: 'served-wrong', expected, received: `status ${status}` };
  if (isExpected(file, answer)) return undefined;
  return { code: 'served-wrong', expected, received: describeBody(answer) };
}

function isExpected(file: ServedExpectation, { body, oversized }: ExchangeAnswer): boolean {
  switch (file.is) {
    case 'bytes':
      return !oversized && body.equals(file.blob);
    case 'signature':
      return !oversized && FIRST_BYTES.has(body[0] ?? -1);
    case 'absent':
      return false;
  }
}

function describeExpectation(file: ServedExpectation): string {
  switch (file.is) {
    case 'bytes':
      return `the signature ${describeBytes(file.blob)}`;
    case 'signature':
      return 'a signature, as there is one with a higher number';
    case 'absent':
      return 'status 404, as there is no signature of this number';
  }
}

function describeBody({ body, oversized, header }: ExchangeAnswer): string {
  if (oversized) return `status 200 with more than ${MAX_SIGNATURE_BYTES} bytes, which readers refuse`;
  const isHtml = header('content-type')?.toLowerCase().startsWith('text/html') === true || body[0] === 0x3c;
  if (isHtml) return `status 200 with an HTML page of ${body.length} bytes`;
  return body.length === 0 ? 'status 200 without a body' : `status 200 with ${describeBytes(body)}`;
}

function describeBytes(bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}… of ${bytes.length} bytes`;
}
