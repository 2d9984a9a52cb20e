/**
 * What plain text is a value of to the reference implementation (go-yaml 3). It matters where a type is written, as in
 * `!!int 08`: text that is not of it is refused, also where text is wanted.
 */
const NULL = /^(?:|~|null|Null|NULL)$/;
const TRUE = /^(?:true|True|TRUE)$/;
const FALSE = /^(?:false|False|FALSE)$/;
const NO_NUMBER = /^(?:\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF))$/;
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const TIME = '(\\d\\d?):(\\d\\d?):(\\d\\d?)(?:[.,]\\d+)?';
const TIMESTAMP = new RegExp(
  `^(\\d{4})-(\\d\\d?)-(\\d\\d?)(?:[Tt]${TIME}(?:Z|[-+](?:[01]\\d|2[0-4]):(?:[0-5]\\d|60))| +${TIME})?$`,
);
const INT64 = 2n ** 63n;
const UINT64 = 2n ** 64n;

/** Null where no quotes or text type say otherwise. */
export function isNullText(text: string): boolean {
  return NULL.test(text);
}

/** The boolean that the text is; undefined for any other, `yes` and its like among them. */
export function booleanOf(text: string): boolean | undefined {
  if (TRUE.test(text)) return true;
  return FALSE.test(text) ? false : undefined;
}

/** Whether text is of a written type, as `!!int`; of types other than these everything is. */
export function fitsType(tag: string, text: string): boolean {
  if (tag === '!!null') return isNullText(text);
  if (tag === '!!bool') return booleanOf(text) !== undefined;
  const plain = text.replaceAll('_', '');
  if (tag === '!!int') return startsAsNumber(text) && integerOf(plain) !== undefined;
  if (tag === '!!timestamp') return isTimestamp(text);
  if (tag !== '!!float' || NO_NUMBER.test(text)) return true;
  const whole = integerOf(plain);
  if (startsAsNumber(text) && whole !== undefined) return whole < INT64;
  const written = text.startsWith('.') ? text : plain;
  return FLOAT.test(written) && (startsAsNumber(text) || text.startsWith('.')) && Number.isFinite(Number(written));
}

function startsAsNumber(text: string): boolean {
  return /^[-+0-9]/.test(text);
}

/** Undefined also for one of more than 64 bits. */
function integerOf(text: string): bigint | undefined {
  const [, sign, digits = ''] = INTEGER.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const size = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase());
  if (sign === '-') return size <= INT64 ? -size : undefined;
  return size < (sign === '+' ? INT64 : UINT64) ? size : undefined;
}

function isTimestamp(text: string): boolean {
  const parts: (string | undefined)[] = (TIMESTAMP.exec(text) ?? []).slice(1);
  const [year, month = 0, day = 0, ...time] = parts.map((part = '0') => Number(part));
  if (year === undefined || month < 1 || month > 12 || day < 1) return false;
  const lastDay = month === 2 && isLeap(year) ? 29 : (DAYS[month - 1] ?? 0);
  const limits = [24, 60, 60, 24, 60, 60];
  return day <= lastDay && time.every((part, index) => part < (limits[index] ?? 0));
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}
