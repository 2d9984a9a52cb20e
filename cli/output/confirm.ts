import type { Terminal } from '../terminal.ts';

/** Tells whether a person can be asked. */
export function canAsk({ stdin, stderr }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Asks a question on standard error; anything but a yes is a no, also the end of the input and an interruption. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  terminal.stderr.write(`${question} [y/N] `);
  const answer = await readLine(terminal);
  return /^\s*y(es)?\s*$/i.test(answer);
}

async function readLine({ stdin, signal, stderr }: Terminal): Promise<string> {
  const aborted = new Promise<string>((resolve) => {
    signal.addEventListener('abort', () => resolve(''), { once: true });
  });
  const typed = (async () => {
    let text = '';
    for await (const chunk of stdin) {
      text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      if (text.includes('\n')) break;
    }
    return text;
  })();
  const answer = await Promise.race([typed, aborted]);
  if (signal.aborted) stderr.write('\n');
  return answer.split('\n', 1)[0] ?? '';
}
