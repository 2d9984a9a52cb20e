import type { Terminal } from '../../cli/terminal.ts';

/** A terminal whose output is kept, whose clock stands until somebody sleeps, and whose input is given. */
export interface FakeTerminal extends Terminal {
  readonly out: () => string;
  readonly err: () => string;
  readonly abort: () => void;
}

/** What a test may say about its terminal. */
export interface FakeTerminalOptions {
  readonly isTTY?: boolean;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: number;
  readonly cwd?: string;
}

/** 2026-11-21T08:00:00Z. */
export const NOW = Date.UTC(2026, 10, 21, 8);

export function fakeTerminal(options: FakeTerminalOptions = {}): FakeTerminal {
  const { isTTY = false, input = '', env = {}, cwd = '/work/place' } = options;
  const written = { out: '', err: '' };
  const controller = new AbortController();
  let now = options.now ?? NOW;
  const stream = (name: 'out' | 'err') => ({
    isTTY,
    columns: 100,
    write: (text: string) => {
      written[name] += text;
    },
  });
  return {
    stdin: Object.assign(lines(input), { isTTY }),
    stdout: stream('out'),
    stderr: stream('err'),
    env,
    cwd,
    signal: controller.signal,
    now: () => now,
    sleep: async (ms) => {
      now += ms;
      // Lets timers run: a loop that never ends must meet the test's time limit.
      await new Promise((resolve) => setImmediate(resolve));
    },
    out: () => written.out,
    err: () => written.err,
    abort: () => controller.abort(new Error('interrupted')),
  };
}

async function* lines(input: string): AsyncGenerator<string> {
  await Promise.resolve();
  if (input !== '') yield input;
}
