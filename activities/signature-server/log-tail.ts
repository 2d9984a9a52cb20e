const MOST_LINES = 10;
const MOST_CHARACTERS = 800;
/** Colours and other orders to a terminal; they would say nothing in a message, and may do harm in one. */
const TERMINAL_ORDERS = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.)/g;

/** The bytes of a log that are asked for; what is shown of them is far less. */
export const LOG_LIMIT_BYTES = 16 * 1024;
/** The lines of a log that are asked for. */
export const LOG_LINES = 2 * MOST_LINES;

/** The last lines of a log in one line for a message, quoted, without control characters, of bounded length. */
export function formatLogTail(untrustedLog: string): string {
  const lines = untrustedLog
    .replace(TERMINAL_ORDERS, '')
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-MOST_LINES);
  if (lines.length === 0) return 'its log is empty';
  const text = lines.join(' | ');
  const tail = text.length > MOST_CHARACTERS ? `…${text.slice(-MOST_CHARACTERS)}` : text;
  return `its log ends with "${tail.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '?')}"`;
}
