import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Call } from '../call.ts';
import { usageError } from '../failure.ts';
import { readOptionFile } from '../images/docker-credentials.ts';
import { serveSignatures } from '../../activities/signature-server/index.ts';
import type { ServeSignaturesOptions } from '../../activities/signature-server/index.ts';
import { parseDuration } from '../../worker/configuration/duration.ts';
import { createLogger } from '../../worker/telemetry.ts';

/** The options of `serve-signatures`, as the command line gives them. */
export interface ServeCommandOptions {
  readonly repository: string;
  readonly branch: string;
  readonly listen: string;
  readonly webhookSecretFile?: string;
  readonly webhookPath?: string;
  readonly poll: string;
  readonly cache?: string;
  readonly credentialsFile?: string;
  readonly sshKeyFile?: string;
  readonly knownHostsFile?: string;
  readonly caFile?: string;
}

const LISTEN = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/;

/**
 * Serves signatures until the process is told to end.
 * @throws CliError, SignatureServerError `configuration-invalid`.
 */
export async function runSignatureServer(call: Call, options: ServeCommandOptions): Promise<void> {
  const logger = createLogger('countersign-signatures');
  const temporary = options.cache === undefined ? await mkdtemp(path.join(tmpdir(), 'countersign-served-')) : undefined;
  try {
    const server = await serveSignatures({
      ...(await serverOptions(call, options)),
      cacheDirectory: temporary ?? call.resolvePath(options.cache ?? ''),
      log: (level, message, fields) => logger[level](fields, message),
    });
    call.report.note(`serving ${options.branch} at ${server.url}`);
    await untilAborted(call.terminal.signal);
    await server.close();
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

async function serverOptions(
  call: Call,
  options: ServeCommandOptions,
): Promise<Omit<ServeSignaturesOptions, 'cacheDirectory'>> {
  const { repository, branch, webhookSecretFile, webhookPath } = options;
  if (webhookPath !== undefined && webhookSecretFile === undefined) {
    throw usageError('--webhook-path needs --webhook-secret-file');
  }
  const secret =
    webhookSecretFile === undefined
      ? undefined
      : (await readOptionFile(call.resolvePath(webhookSecretFile), '--webhook-secret-file')).replace(/\r?\n$/, '');
  return {
    repository,
    branch,
    listen: parseListen(options.listen),
    pollIntervalMs: parsePoll(options.poll),
    ...(secret !== undefined && { webhook: { secret, ...(webhookPath !== undefined && { path: webhookPath }) } }),
    ...fileOptions(call, options),
  };
}

function fileOptions(call: Call, options: ServeCommandOptions): Partial<ServeSignaturesOptions> {
  const { credentialsFile, sshKeyFile, knownHostsFile, caFile } = options;
  const named = { credentialsFile, sshKeyFile, knownHostsFile, caFile };
  const entries = Object.entries(named).flatMap(([name, file]) =>
    file === undefined ? [] : [[name, call.resolvePath(file)] as const],
  );
  return Object.fromEntries(entries);
}

/** @throws CliError for anything but HOST:PORT. */
export function parseListen(text: string): ServeSignaturesOptions['listen'] {
  const [, bracketed, plain, port] = LISTEN.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw usageError('--listen: expected HOST:PORT');
  return { host, port: Number(port) };
}

function parsePoll(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw usageError('--poll: expected a duration such as 60s, or 0s');
  return ms;
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
