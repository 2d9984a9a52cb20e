import { DefaultLogger, Runtime, makeTelemetryFilterString } from '@temporalio/worker';
import type { LogLevel } from '@temporalio/worker';
import { pino } from 'pino';
import type { Logger } from 'pino';

const LEVELS: Readonly<Record<LogLevel, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** Each of our workers runs either workflows or activities; the SDK finds that worth a warning. */
const EXPECTED = /^No (?:workflows|activities|Nexus services) registered/;

/** One JSON line per event on standard error; standard output belongs to results. */
export function createLogger(name: string): Logger {
  return pino(
    { name, base: { name, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}

/**
 * Installs Temporal's runtime for this process, once and first: its own log and that of workflows and activities go to
 * `logger`. Metrics are offered on a loopback address only where `COUNTERSIGN_METRICS` names one.
 */
export function installRuntime(logger: Logger): void {
  const metrics = process.env['COUNTERSIGN_METRICS'];
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      if (!EXPECTED.test(message)) logger[LEVELS[level]](usefulFields(meta), message);
    }),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
      ...(metrics !== undefined && { metrics: { prometheus: { bindAddress: metrics } } }),
    },
  });
}

/**
 * Ends Temporal's runtime, where a worker that ran and ended has not done so already: one that refuses to start would
 * otherwise neither end by itself nor by a signal.
 */
export async function shutDownRuntime(): Promise<void> {
  await Runtime.instance().shutdown();
}

/** The names are fixed: whoever reads the log searches by them. Task tokens and stacks tell an operator nothing. */
function usefulFields(meta: Record<string | symbol, unknown> | undefined): Record<string, unknown> {
  const { workflowId, activityType, attempt, environment, step, type, reason, error } = meta ?? {};
  const said = error instanceof Error ? error.message : undefined;
  const fields = { workflowId, activityType, attempt, environment, step, type, reason, error: said };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
