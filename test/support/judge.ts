import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ensureParts } from './parts/index.mjs';

/** One case; bytes are given in base64. What further members a kind takes stands in `test/support/judge`. */
export interface JudgeRequest {
  readonly kind: string;
  readonly [member: string]: unknown;
}

/** What the reference implementation says; `error` is its own text. */
export type JudgeAnswer =
  { readonly ok: true; readonly result?: unknown } | { readonly ok: false; readonly error: string };

/** The most cases under way at once; more would only wait inside the judge. */
const IN_FLIGHT = 16;

/** One process of the reference implementation, answering many cases. */
export class Judge {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, { resolve: (answer: JudgeAnswer) => void; reject: (error: Error) => void }>();
  readonly #queue: (() => void)[] = [];
  #next = 0;
  #errors = '';

  private constructor(program: string) {
    this.#process = spawn(program, [], { stdio: 'pipe' });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#answer(line));
    this.#process.stderr.on('data', (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-4000)));
    this.#process.stdin.on('error', () => undefined);
    this.#process.on('exit', (code) => {
      const error = new Error(`the judge ended with ${code}: ${this.#errors}`);
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  static async start(): Promise<Judge> {
    const { judge } = await ensureParts(['judge']);
    return new Judge(judge);
  }

  /** @throws Error when the judge itself fails; a refusal is an answer. */
  async ask(request: JudgeRequest): Promise<JudgeAnswer> {
    if (this.#waiting.size >= IN_FLIGHT) await new Promise<void>((resolve) => this.#queue.push(resolve));
    const id = this.#next++;
    const answered = new Promise<JudgeAnswer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#process.stdin.write(`${JSON.stringify({ ...request, id })}\n`);
    return await answered;
  }

  /** Lets it remove its temporary folders and end. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }

  #answer(line: string): void {
    const { id, ok, result, error } = JSON.parse(line) as { id: number; ok: boolean; result?: unknown; error?: string };
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#queue.shift()?.();
    if (waiting === undefined) return;
    if (error?.startsWith('judge: ') === true) waiting.reject(new Error(error));
    else waiting.resolve(ok ? { ok, result } : { ok: false, error: error ?? '' });
  }
}
