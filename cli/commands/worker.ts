import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';
import type { Configuration } from '../../worker/configuration/index.ts';

interface WorkerOptions {
  readonly orchestrate?: boolean;
  readonly environment?: string;
}

const EXAMPLES = `
One process per environment holds that environment's secrets and no other's; the orchestrator holds none.
Logs are JSON lines on standard error. SIGTERM lets short steps finish.

Examples:
  countersign worker --orchestrate
  countersign worker --environment prod --config production.yaml`;

/** `worker`: a process that works for promotions. */
export function addWorker(parent: Command, host: Host): void {
  const command = parent
    .command('worker')
    .summary('run the orchestrator, or the worker of an environment')
    .description('Runs the orchestrator, or the worker of one environment, until it is told to end.')
    .option('--orchestrate', 'run the workflows')
    .option('--environment <environment>', "run this environment's steps")
    .addHelpText('after', EXAMPLES);
  onCall<WorkerOptions>(command, host, runWorker);
}

async function runWorker(call: Call, { options }: ActionInput<WorkerOptions>): Promise<ExitCode> {
  if ((options.orchestrate === true) === (options.environment !== undefined)) {
    throw usageError('expected either --orchestrate or --environment ENVIRONMENT');
  }
  const configuration = await call.configuration();
  await refuseFaulty(configuration);
  const { signal } = call.terminal;
  const { createLogger, installRuntime } = await import('../../worker/telemetry.ts');
  if (options.environment === undefined) {
    const logger = createLogger('countersign');
    installRuntime(logger);
    const { runOrchestrator } = await import('../../worker/orchestrator.ts');
    await runOrchestrator(configuration, { logger, signal });
    return EXIT.success;
  }
  const environment = checkEnvironment(configuration, options.environment, '--environment');
  const logger = createLogger(`countersign-${environment}`);
  installRuntime(logger);
  const { runEnvironmentWorker } = await import('../../worker/environment-worker.ts');
  await runEnvironmentWorker(configuration, environment, { logger, signal });
  return EXIT.success;
}

/** A worker polls for nothing as long as its configuration could lead past a gate. */
async function refuseFaulty(configuration: Configuration): Promise<void> {
  const { checkConfiguration, formatProblem } = await import('../../worker/configuration/index.ts');
  const problems = await checkConfiguration(configuration);
  if (problems.length === 0) return;
  throw new CliError(EXIT.usage, 'the configuration cannot be used:', problems.map(formatProblem));
}
