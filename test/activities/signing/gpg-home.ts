import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ensureParts } from '../../support/parts/index.mjs';

/** What gpg said and gave. */
export interface GpgAnswer {
  readonly code: number;
  readonly output: Buffer;
  /** Status lines and messages. */
  readonly log: string;
}

/** GnuPG with a home of its own, so that it shares no key and no agent with anything else. */
export class GpgHome {
  readonly folder: string;
  readonly #program: string;

  private constructor(folder: string, program: string) {
    this.folder = folder;
    this.#program = program;
  }

  static async create(): Promise<GpgHome> {
    const { gpg } = await ensureParts(['gpg']);
    // Short, because the agent's socket lies in it.
    return new GpgHome(await mkdtemp(path.join(await realpath(os.tmpdir()), 'gpg-')), gpg);
  }

  try(args: readonly string[], input: string | Uint8Array = ''): Promise<GpgAnswer> {
    const common = ['--homedir', this.folder, '--batch', '--yes', '--pinentry-mode', 'loopback', '--status-fd', '2'];
    return new Promise((resolve) => {
      const options = { encoding: 'buffer' as const, maxBuffer: 64e6 };
      const child = execFile(this.#program, [...common, ...args], options, (error, output, log) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, output, log: log.toString() });
      });
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
  }

  /** Like `try`, but an error when gpg fails. */
  async run(args: readonly string[], input?: string | Uint8Array): Promise<Buffer> {
    const { code, output, log } = await this.try(args, input);
    if (code !== 0) throw new Error(`gpg ${args.join(' ')} ended with ${code}: ${log}`);
    return output;
  }

  /** Makes a key from the lines of gpg's unattended mode; the fingerprint of its primary key. */
  async makeKey(lines: readonly string[], options: { passphrase?: string; now?: string } = {}): Promise<string> {
    const protection = options.passphrase === undefined ? ['%no-protection'] : [`Passphrase: ${options.passphrase}`];
    const time = options.now === undefined ? [] : ['--faked-system-time', options.now];
    const { code, log } = await this.try([...time, '--gen-key'], [...lines, ...protection, '%commit', ''].join('\n'));
    const fingerprint = /KEY_CREATED \w ([0-9A-F]{40})/.exec(log)?.[1];
    if (code !== 0 || fingerprint === undefined) throw new Error(`gpg made no key: ${log}`);
    return fingerprint;
  }

  publicKey(fingerprint: string): Promise<Buffer> {
    return this.run(['--export', '--armor', fingerprint]);
  }

  privateKey(fingerprint: string, passphrase = ''): Promise<Buffer> {
    return this.run(['--passphrase', passphrase, '--export-secret-keys', '--armor', fingerprint]);
  }

  /** Ends the agent of this home and removes it. */
  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      execFile('gpgconf', ['--homedir', this.folder, '--kill', 'gpg-agent'], () => resolve());
    });
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
