/** What the person in front of the demonstration sees: numbered scenes, commands and what they say. */
import { createStyle } from '../../cli/output/style.ts';
import type { Style } from '../../cli/output/style.ts';
import type { TextStream } from '../../cli/terminal.ts';

/** Writes the demonstration to a terminal or a log. */
export interface Stage {
  readonly style: Style;
  readonly stream: TextStream;
  /** Whether lines can be drawn again. */
  readonly isLive: boolean;
  /** A numbered heading, and one sentence about what is shown and why. */
  scene(title: string, why: string): void;
  line(text?: string): void;
  /** A command as it could be typed. */
  command(words: string): void;
  /** What a program said, as it is. */
  said(output: string): void;
  /** One thing that was seen to be right. */
  good(text: string): void;
  bad(text: string): void;
}

const WIDTH = 100;
const INDENT = '   ';

export function openStage(stream: TextStream, env: NodeJS.ProcessEnv): Stage {
  const style = createStyle(stream, env);
  const line = (text = ''): void => void stream.write(`${text}\n`);
  const width = Math.min(stream.columns ?? WIDTH, WIDTH);
  let number = 0;
  return {
    style,
    stream,
    isLive: stream.isTTY === true && env['TERM'] !== 'dumb',
    scene: (title, why) => {
      number += 1;
      line();
      line(style.bold(`${String(number).padStart(2)} ${title}`));
      for (const part of wrap(why, width - INDENT.length)) line(style.dim(`${INDENT}${part}`));
    },
    line: (text = '') => line(text === '' ? '' : `${INDENT}${text}`),
    command: (words) => line(`${INDENT}${style.active(`$ ${words}`)}`),
    said: (output) => {
      for (const part of output.trimEnd().split('\n')) line(`${INDENT}  ${part}`.trimEnd());
    },
    good: (text) => line(`${INDENT}${style.good('✔')} ${text}`),
    bad: (text) => line(`${INDENT}${style.bad('✘')} ${text}`),
  };
}

/** Words are never cut: what is longer than a line stands on one of its own. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
