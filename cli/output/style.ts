import { styleText } from 'node:util';
import type { TextStream } from '../terminal.ts';

/** Formats text for one stream; without colours every function returns its argument. */
export interface Style {
  readonly coloured: boolean;
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  attention(text: string): string;
  active(text: string): string;
}

type Format = Parameters<typeof styleText>[0];

/** The style of a stream: `FORCE_COLOR` and `NO_COLOR` first (https://no-color.org), else whether it is a terminal. */
export function createStyle(stream: TextStream, env: Readonly<Record<string, string | undefined>>): Style {
  const coloured = isColoured(stream, env);
  const apply = (format: Format) => (text: string) =>
    coloured ? styleText(format, text, { validateStream: false }) : text;
  return {
    coloured,
    bold: apply('bold'),
    dim: apply('dim'),
    good: apply('green'),
    bad: apply('red'),
    attention: apply('yellow'),
    active: apply('cyan'),
  };
}

function isColoured(stream: TextStream, env: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_COLOR: force, NO_COLOR: never, TERM: term } = env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (never !== undefined && never !== '') return false;
  return stream.isTTY === true && term !== 'dumb';
}
