import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import { usageError } from '../failure.ts';

interface UpCommandOptions {
  readonly data?: string;
  readonly uiPort?: string;
}

const EXAMPLES = `
For a team that wants to begin today: a Temporal development server with a database file, the orchestrator, and one
worker process per environment. The same configuration later runs against a Temporal cluster.

Examples:
  countersign up
  countersign up --config countersign.yaml --ui-port 8233`;

/** `up`: everything on one machine. */
export function addUp(parent: Command, host: Host): void {
  const command = parent
    .command('up')
    .summary('run Temporal and all workers on this machine')
    .description('Runs a Temporal development server and all workers on this machine, until it is told to end.')
    .option('--data <directory>', 'for the database file (default: .countersign beside the configuration)')
    .option('--ui-port <port>', "serve Temporal's web page on this loopback port")
    .addHelpText('after', EXAMPLES);
  onCall<UpCommandOptions>(command, host, async (call, { options }) => {
    const { data, uiPort } = options;
    const port = uiPort === undefined ? undefined : Number(uiPort);
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
      throw usageError('--ui-port: expected 1 to 65535');
    }
    const configuration = await call.configuration();
    const { runUp } = await import('../../worker/up.ts');
    await runUp(configuration, {
      signal: call.terminal.signal,
      say: (line) => call.report.note(line),
      ...(data !== undefined && { data: call.resolvePath(data) }),
      ...(port !== undefined && { uiPort: port }),
    });
    return EXIT.success;
  });
}
