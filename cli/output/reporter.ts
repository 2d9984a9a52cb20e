import { jsonText, printableLines } from './escape.ts';
import { createStyle } from './style.ts';
import type { Answer } from './result-files.ts';
import type { Style } from './style.ts';
import type { Terminal } from '../terminal.ts';

/** How results are written. */
export type OutputFormat = 'text' | 'json';

/** Writes results to standard output and everything else to standard error. */
export class Reporter {
  readonly format: OutputFormat;
  readonly style: Style;
  readonly errorStyle: Style;
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  #answer: Answer | undefined;

  constructor(terminal: Terminal, { format, quiet }: { readonly format: OutputFormat; readonly quiet: boolean }) {
    this.format = format;
    this.#terminal = terminal;
    this.#quiet = quiet;
    this.style = createStyle(terminal.stdout, terminal.env);
    this.errorStyle = createStyle(terminal.stderr, terminal.env);
  }

  /** What the command has answered; of several answers the last one. */
  get answer(): Answer | undefined {
    return this.#answer;
  }

  /** Remembers an answer that is shown in another way. */
  answered(value: unknown): void {
    this.#answer = { value };
  }

  /** The result of the command: `value` as one JSON document, or `text` as it is. */
  result(value: unknown, text: () => string): void {
    this.answered(value);
    if (this.format === 'json') this.#terminal.stdout.write(`${jsonText(value, 2)}\n`);
    else if (!this.#quiet) this.line(text());
  }

  /** One of several results: a JSON document on a line of its own, or a line of text. */
  item(value: unknown, text: () => string): void {
    this.answered(value);
    if (this.format === 'json') this.jsonLine(value);
    else this.line(text());
  }

  /** A JSON document on a line of its own, whatever the format. */
  jsonLine(value: unknown): void {
    this.answered(value);
    this.#terminal.stdout.write(`${jsonText(value)}\n`);
  }

  /** Text on standard output; nothing of it is escaped here. */
  line(text: string): void {
    this.#terminal.stdout.write(`${text}\n`);
  }

  /** What a person may like to know while the command works. */
  note(text: string): void {
    if (!this.#quiet) this.#terminal.stderr.write(`${printableLines(text)}\n`);
  }

  /** What a person should not miss. */
  warn(text: string): void {
    this.#terminal.stderr.write(`${this.errorStyle.attention('warning:')} ${printableLines(text)}\n`);
  }

  /** Why the command fails. */
  error(text: string): void {
    this.#terminal.stderr.write(`${this.errorStyle.bad('error:')} ${printableLines(text)}\n`);
  }
}
