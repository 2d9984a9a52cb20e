import type { Terminal } from '../terminal.ts';

/** One line of standard input, or what there is of one that is too long to be one. */
export type InputLine = { readonly text: string } | { readonly cut: string };

/** How lines are read. */
export interface LineOptions {
  /** Characters; a line without an end must not fill the memory. */
  readonly limit: number;
}

const SHOWN_OF_LONG_LINE = 200;

/**
 * The lines of standard input as they come, ended by LF or CRLF. One that is longer than the limit is passed over up to
 * its end and reported, and does not end the reading.
 */
export async function* readLines(stdin: Terminal['stdin'], { limit }: LineOptions): AsyncGenerator<InputLine> {
  const decoder = new TextDecoder();
  // The pieces of the line that is not complete yet; joined once, so that a long line costs no more than its length.
  let pieces: string[] = [];
  let length = 0;
  const take = (): InputLine => {
    const text = pieces.join('');
    const line = length > limit ? { cut: text.slice(0, SHOWN_OF_LONG_LINE) } : { text: text.replace(/\r$/, '') };
    pieces = [];
    length = 0;
    return line;
  };
  const keep = (piece: string): void => {
    if (length <= limit) pieces.push(piece);
    length += piece.length;
  };
  for await (const chunk of stdin) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      keep(text.slice(start, end));
      yield take();
      start = end + 1;
    }
    if (start < text.length) keep(text.slice(start));
  }
  if (length > 0) yield take();
}
