import { spawn } from 'node:child_process';
import { buffer, text } from 'node:stream/consumers';
import { CliError, messageOfError } from '../failure.ts';
import { EXIT } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

/** How GnuPG is asked. */
export interface GpgOptions {
  readonly homedir?: string;
  /** Without it the agent asks whoever sits at the terminal. */
  readonly passphrase?: string;
}

/** The keys that a name fits. */
export interface GpgKey {
  readonly fingerprint: string;
  readonly userIds: readonly string[];
}

/** Key files are small; more is not read. */
const OUTPUT_LIMIT = 8 * 1024 * 1024;
const ERROR_LINES = 4;

/** Runs the caller's own GnuPG, a convenience for operators; nothing else of countersign needs it. */
export class Gpg {
  readonly #terminal: Terminal;
  readonly #options: GpgOptions;

  constructor(terminal: Terminal, options: GpgOptions) {
    this.#terminal = terminal;
    this.#options = options;
  }

  /** The keys that fit a fingerprint, key id, mail address or part of a user id. */
  async find(name: string): Promise<readonly GpgKey[]> {
    const listing = await this.#run(['--batch', '--with-colons', '--fingerprint', '--list-keys', '--', name]).catch(
      (error: unknown) => {
        if (error instanceof CliError && /not found|No public key/i.test(messageOfError(error))) return Buffer.alloc(0);
        throw error;
      },
    );
    return parseListing(listing.toString());
  }

  async exportPublic(fingerprint: string): Promise<Uint8Array> {
    return await this.#run(['--batch', '--armor', '--export-options', 'export-minimal', '--export', fingerprint]);
  }

  /** Protected by the passphrase that it has in GnuPG. */
  async exportSecret(fingerprint: string): Promise<Uint8Array> {
    const { passphrase } = this.#options;
    const unattended = ['--batch', '--pinentry-mode', 'loopback', '--passphrase-fd', '0'];
    const args = passphrase === undefined ? [] : unattended;
    return await this.#run([...args, '--armor', '--export-secret-keys', fingerprint], passphrase);
  }

  async #run(args: readonly string[], input?: string): Promise<Buffer> {
    const { homedir } = this.#options;
    const home = homedir === undefined ? [] : ['--homedir', homedir];
    const child = spawn('gpg', [...home, '--no-auto-check-trustdb', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      signal: this.#terminal.signal,
      env: { ...this.#terminal.env, LC_ALL: 'C' },
    });
    // What it does not want to hear it does not read.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input === undefined ? '' : `${input}\n`);
    const ended = new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve(code ?? -1));
    });
    const [output, errors, code] = await Promise.all([buffer(child.stdout), text(child.stderr), ended]).catch(
      (error: unknown) => {
        throw notRun(error);
      },
    );
    if (code === 0 && output.length <= OUTPUT_LIMIT) return output;
    const command = args.findLast((arg) => /^--(?:list|export)-|^--export$/.test(arg)) ?? '';
    throw new CliError(EXIT.failure, `gpg ${command} ended with ${code}; it said`, lastLines(errors));
  }
}

function parseListing(listing: string): readonly GpgKey[] {
  const keys: { fingerprint: string; userIds: string[] }[] = [];
  let isPrimary = false;
  for (const line of listing.split('\n')) {
    const fields = line.split(':');
    const [kind] = fields;
    if (kind === 'pub' || kind === 'sub') isPrimary = kind === 'pub';
    if (kind === 'pub') keys.push({ fingerprint: '', userIds: [] });
    const current = keys.at(-1);
    if (current === undefined) continue;
    if (kind === 'fpr' && isPrimary) current.fingerprint = fields[9] ?? '';
    if (kind === 'uid') current.userIds.push(fields[9] ?? '');
  }
  return keys;
}

function lastLines(errors: string): readonly string[] {
  return errors.trim().split('\n').slice(-ERROR_LINES);
}

function notRun(error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (code !== 'ENOENT') return error;
  return new CliError(EXIT.usage, 'gpg is not there; install GnuPG, or export the key where it is');
}
