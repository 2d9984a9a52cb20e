import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { quote } from '../../workflows/domain/digest.ts';
import { SignatureStoreError } from '../signature-store/error.ts';
import { checkSecretFiles } from '../signature-store/git-access.ts';
import { checkOptions } from '../signature-store/options.ts';
import type { StoreSettings } from '../signature-store/options.ts';
import { SignatureServerError } from './error.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;
/** Takes what an operator should know; no field ever holds a credential. */
export type ServerLog = (level: LogLevel, message: string, fields: LogFields) => void;

/** What is served and how it is kept up to date. */
export interface ServeSignaturesOptions {
  /**
   * `https://…`, `ssh://user@host/…`, `user@host:path`, `http://` on loopback, or the absolute path of a bare
   * repository.
   */
  readonly repository: string;
  /** The published branch; no other is ever read. */
  readonly branch: string;
  /** Holds the copy of the branch; created when missing. One server per directory. */
  readonly cacheDirectory: string;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Without it the server only polls. `path` is `/webhook` by default. */
  readonly webhook?: { readonly secret: string; readonly path?: string };
  /** Milliseconds between two looks at the repository, since webhooks get lost; 60,000 by default, 0 for never. */
  readonly pollIntervalMs?: number;
  /** A file in the format of git-credential-store, for https; only read. */
  readonly credentialsFile?: string;
  readonly sshKeyFile?: string;
  readonly knownHostsFile?: string;
  /** Certificates of a private authority for the git host, PEM. */
  readonly caFile?: string;
  readonly log?: ServerLog;
}

/** Options after every check. */
export interface ServeSettings {
  readonly options: ServeSignaturesOptions;
  readonly store: StoreSettings;
  /** Git's name of the only transport that may be used. */
  readonly protocol: string;
  readonly pollIntervalMs: number;
  readonly webhookPath: string | undefined;
  readonly webhookSecret: string | undefined;
  readonly log: ServerLog;
}

/** Paths that the server answers itself, beside the webhook's. */
export const OWN_PATHS = ['/healthz', '/readyz', '/metrics'] as const;
const DEFAULT_POLL_MS = 60_000;

/**
 * Checks the options and that the files they name can be read.
 * @throws SignatureServerError `configuration-invalid`.
 */
export async function checkServeOptions(options: ServeSignaturesOptions): Promise<ServeSettings> {
  const webhookPath = options.webhook === undefined ? undefined : (options.webhook.path ?? '/webhook');
  checkWebhook(webhookPath, options.webhook?.secret);
  const pollIntervalMs = options.pollIntervalMs ?? DEFAULT_POLL_MS;
  if (!Number.isSafeInteger(pollIntervalMs) || pollIntervalMs < 0 || pollIntervalMs > 2 ** 31 - 1) {
    throw invalid(`poll interval: expected milliseconds or 0 for never, received ${pollIntervalMs}`);
  }
  if (!path.isAbsolute(options.cacheDirectory)) {
    throw invalid(`cache directory ${quote(options.cacheDirectory)}: expected an absolute path`);
  }
  const { store, protocol } = await checkRepository(options);
  const log = options.log ?? (() => undefined);
  return { options, store, protocol, pollIntervalMs, webhookPath, webhookSecret: options.webhook?.secret, log };
}

function checkWebhook(webhookPath: string | undefined, secret: string | undefined): void {
  if (webhookPath === undefined) return;
  if (!/^(?:\/[A-Za-z0-9._~-]+)+$/.test(webhookPath) || OWN_PATHS.some((own) => own === webhookPath)) {
    throw invalid(`webhook path ${quote(webhookPath)}: expected /NAME other than ${OWN_PATHS.join(', ')}`);
  }
  if (secret === undefined || secret.trim() === '') throw invalid('webhook secret: expected one that is not empty');
}

async function checkRepository(options: ServeSignaturesOptions): Promise<Pick<ServeSettings, 'store' | 'protocol'>> {
  const { repository, branch, cacheDirectory, credentialsFile, sshKeyFile, knownHostsFile, caFile } = options;
  const isLocal = path.isAbsolute(repository);
  const common = { branch, cacheDirectory, credentialsFile, sshKeyFile, knownHostsFile, caFile };
  // Nothing is written here; the identity is only there because stores that write need one.
  const identity = { name: 'countersign', email: 'countersign@localhost.invalid' };
  try {
    // A local path is the operator's own choice and the one thing that a store that writes does not take.
    const url = isLocal ? 'http://localhost/local' : repository;
    const store = checkOptions({ ...common, url, directory: '', identity });
    await checkSecretFiles(store);
    if (!isLocal) return { store, protocol: store.scheme };
    return { store: { ...store, url: pathToFileURL(repository).href, shownUrl: repository }, protocol: 'file' };
  } catch (error) {
    if (!(error instanceof SignatureStoreError)) throw error;
    throw new SignatureServerError('configuration-invalid', `serve signatures: ${error.message}`, { cause: error });
  }
}

function invalid(message: string): SignatureServerError {
  return new SignatureServerError('configuration-invalid', `serve signatures: ${message}`);
}
