import type { Call } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { codeOfError, exitCodeOfError, messageOfError } from '../failure.ts';
import { printable, printableLines } from '../output/escape.ts';
import { inOrder } from './in-order.ts';
import { objectInputs, textInputs } from './inputs.ts';
import type { Input } from './inputs.ts';

/** How a one-shot command answers one input. */
export interface OneShot<Given, Answer extends object> {
  /** What fails for one input is told in its place and ends nothing. */
  readonly answer: (given: Given) => Promise<Answer>;
  /** The exit code that an answer stands for. */
  readonly exitCode: (answer: Answer) => ExitCode;
  /** An answer for a person. */
  readonly text: (answer: Answer) => string;
  /** Answers that are worked on at the same time; 1 where an answer is only computed. */
  readonly concurrency: number;
  /** Whether an empty line is an input of its own; left out unless given. */
  readonly blankLines?: 'answer';
}

/**
 * Answers several inputs in one process, in their order: the arguments, or for `-` the lines of standard input as they
 * come. Every answer is one JSON object on a line that repeats its input; what cannot be answered is
 * `{input, error: {code, message}}`. One argument, or a terminal, gets text unless JSON is asked for.
 * @returns the exit code that all that failed have in common, else 1.
 */
export async function answerEach<Answer extends object>(
  call: Call,
  args: readonly string[],
  oneShot: OneShot<string, Answer>,
): Promise<ExitCode> {
  const inputs = textInputs(args, call.terminal.stdin, { blankLines: oneShot.blankLines ?? 'skip' });
  const single = args.length === 1 && args[0] !== '-';
  return await answerAll(call, inputs, { ...oneShot, single });
}

/** Like `answerEach`, for inputs that are JSON objects, one per line of standard input. */
export async function answerObjects<Answer extends object>(
  call: Call,
  oneShot: OneShot<Readonly<Record<string, unknown>>, Answer>,
): Promise<ExitCode> {
  return await answerAll(call, objectInputs(call.terminal.stdin), { ...oneShot, single: false });
}

/** What a command with options of its own answers, in the same form. */
export async function answerOne<Given, Answer extends object>(
  call: Call,
  given: Given,
  oneShot: OneShot<Given, Answer>,
): Promise<ExitCode> {
  return await answerAll(call, only({ given }), { ...oneShot, single: true });
}

interface Outcome<Answer> {
  readonly input: unknown;
  readonly answer?: Answer;
  readonly error?: unknown;
}

async function answerAll<Given, Answer extends object>(
  call: Call,
  inputs: AsyncIterable<Input<Given>>,
  oneShot: OneShot<Given, Answer> & { readonly single: boolean },
): Promise<ExitCode> {
  const asJson = call.wantsLines({ single: oneShot.single });
  const work = async (input: Input<Given>): Promise<Outcome<Answer>> => {
    if ('unreadable' in input) return { input: input.unreadable, error: input.why };
    try {
      return { input: input.given, answer: await oneShot.answer(input.given) };
    } catch (error) {
      call.terminal.signal.throwIfAborted();
      return { input: input.given, error };
    }
  };
  const codes = new Set<ExitCode>();
  for await (const outcome of inOrder(inputs, { concurrency: oneShot.concurrency, work })) {
    codes.add(outcome.answer === undefined ? exitCodeOfError(outcome.error) : oneShot.exitCode(outcome.answer));
    call.report.answered(lineOf(outcome));
    if (asJson) call.report.jsonLine(lineOf(outcome));
    else if (outcome.answer !== undefined) call.report.line(oneShot.text(outcome.answer));
    else if (oneShot.single) throw outcome.error;
    else call.report.line(errorText(call, outcome));
  }
  return sharedCode(codes);
}

function lineOf<Answer extends object>({ input, answer, error }: Outcome<Answer>): object {
  if (answer !== undefined) return { input, ...answer };
  return { input, error: { code: codeOfError(error), message: messageOfError(error) } };
}

function errorText(call: Call, { input, error }: Outcome<object>): string {
  const name = typeof input === 'string' ? printable(input) : 'input';
  return `${call.report.style.bad('✖')} ${name}: ${printableLines(messageOfError(error))}`;
}

function sharedCode(codes: ReadonlySet<ExitCode>): ExitCode {
  const failures = [...codes].filter((code) => code !== EXIT.success);
  if (failures.length > 1) return EXIT.failure;
  return failures[0] ?? EXIT.success;
}

async function* only<Given>(input: Input<Given>): AsyncGenerator<Input<Given>> {
  await Promise.resolve();
  yield input;
}
