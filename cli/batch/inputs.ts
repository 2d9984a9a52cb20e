import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { readLines } from './read-lines.ts';

/** One thing to answer: what was given, or why the line that gave it cannot be read. */
export type Input<Given> = { readonly given: Given } | { readonly unreadable: string; readonly why: Error };

/** No reference, path or URL is longer. */
const TEXT_LIMIT = 16 * 1024;
/** The largest signature, manifest and policy together, in base64. */
const OBJECT_LIMIT = 64 * 1024 * 1024;

/**
 * The arguments of a command; `-` stands for the lines of standard input. A line that begins with a quotation mark is a
 * JSON string, so that any text can be given.
 */
export async function* textInputs(
  args: readonly string[],
  stdin: Terminal['stdin'],
  { blankLines }: { readonly blankLines: 'skip' | 'answer' },
): AsyncGenerator<Input<string>> {
  refuseTwice(args);
  for (const arg of args) {
    if (arg === '-') yield* linesAs(stdin, { limit: TEXT_LIMIT, blankLines, parse: parseText });
    else yield { given: arg };
  }
}

/** The lines of standard input, each a JSON object. Blank ones are left out. */
export async function* objectInputs(
  stdin: Terminal['stdin'],
): AsyncGenerator<Input<Readonly<Record<string, unknown>>>> {
  yield* linesAs(stdin, { limit: OBJECT_LIMIT, blankLines: 'skip', parse: parseObject });
}

async function* linesAs<Given>(
  stdin: Terminal['stdin'],
  {
    limit,
    blankLines,
    parse,
  }: { readonly limit: number; readonly blankLines: 'skip' | 'answer'; readonly parse: (line: string) => Given },
): AsyncGenerator<Input<Given>> {
  for await (const line of readLines(stdin, { limit })) {
    if ('cut' in line) {
      yield { unreadable: line.cut, why: usageError(`a line is longer than ${limit} characters`) };
    } else if (blankLines === 'answer' || line.text.trim() !== '') {
      yield attempt(line.text, parse);
    }
  }
}

function attempt<Given>(line: string, parse: (line: string) => Given): Input<Given> {
  try {
    return { given: parse(line) };
  } catch (error) {
    return { unreadable: line.slice(0, 200), why: error instanceof Error ? error : usageError('unreadable line') };
  }
}

function parseText(line: string): string {
  if (!line.startsWith('"')) return line;
  const value = parseJson(line);
  if (typeof value === 'string') return value;
  throw usageError('a line that begins with a quotation mark: expected one JSON string');
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  const value = parseJson(line);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usageError('expected one JSON object on a line');
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The first would take everything, and the second would wait for nothing. */
function refuseTwice(args: readonly string[]): void {
  if (args.filter((arg) => arg === '-').length > 1) throw usageError('"-": standard input can be read once only');
}
