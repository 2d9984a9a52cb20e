import type { Terminal } from '../terminal.ts';

/** No reference is longer; a line without an end must not fill the memory. */
const LINE_LIMIT = 4096;

/** The arguments of a command; `-` stands for the lines of standard input, blank ones left out. */
export async function* readArguments(args: readonly string[], stdin: Terminal['stdin']): AsyncGenerator<string> {
  for (const arg of args) {
    if (arg === '-') yield* readLines(stdin);
    else yield arg;
  }
}

async function* readLines(stdin: Terminal['stdin']): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stdin) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_LIMIT) throw new Error(`standard input: a line is longer than ${LINE_LIMIT} characters`);
    yield* lines.map((line) => line.trim()).filter((line) => line !== '');
  }
  if (rest.trim() !== '') yield rest.trim();
}
