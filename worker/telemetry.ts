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
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => logger[LEVELS[level]](withoutCore(meta), message)),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
      ...(metrics !== undefined && { metrics: { prometheus: { bindAddress: metrics } } }),
    },
  });
}

/** Errors are logged by message: stacks of dependencies tell an operator nothing. */
function withoutCore(meta: Record<string | symbol, unknown> | undefined): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...meta };
  const { error } = fields;
  if (error instanceof Error) fields['error'] = error.message;
  return fields;
}
