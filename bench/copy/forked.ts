/** Servers in processes of their own, so that what they use is not the client's. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A process that answers each order with one message. */
export interface Forked<Order extends object, Answer> {
  readonly ask: (order: Order) => Promise<Answer>;
  readonly stop: () => Promise<void>;
}

/** Starts a script of this folder. It ends when this process does. */
export function startForked<Order extends object, Answer>(
  script: string,
  options: { readonly args?: readonly string[]; readonly execArgv?: readonly string[] } = {},
): Forked<Order, Answer> {
  const { args = [], execArgv = process.execArgv } = options;
  const child = fork(path.join(import.meta.dirname, script), [...args], { execArgv: [...execArgv] });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`${script} ended with ${String(code)}`);
  });
  exited.catch(() => undefined);
  return {
    ask: async (order) => {
      const answered = once(child, 'message');
      child.send(order);
      const [answer] = (await Promise.race([answered, exited])) as [Answer];
      return answer;
    },
    stop: async () => {
      child.kill();
      await exited.catch(() => undefined);
    },
  };
}
