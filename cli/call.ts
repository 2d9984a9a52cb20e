import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { messageOfError, usageError } from './failure.ts';
import { checkResultFiles, parseResultFiles, writeResultFiles } from './output/result-files.ts';
import type { ResultFile } from './output/result-files.ts';
import { Reporter } from './output/reporter.ts';
import type { OutputFormat } from './output/reporter.ts';
import type { PromotionEngine } from './promotions/engine.ts';
import type { CliServices } from './services.ts';
import type { Terminal } from './terminal.ts';
import { suggest } from '../worker/configuration/suggestion.ts';
import type { Configuration } from '../worker/configuration/index.ts';

/** Where a program runs, and how its last command ended. */
export interface Host {
  readonly terminal: Terminal;
  readonly services: CliServices;
  exitCode: ExitCode;
}

/** The options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  /** Absent where nobody chose one. */
  readonly output?: OutputFormat;
  readonly quiet?: boolean;
  /** `HOST:PORT`, instead of what the configuration says. */
  readonly temporal?: string;
  /** `FIELD=FILE` each. */
  readonly result?: readonly string[];
}

/** One run of one command: its terminal, its options, and what it opens, which is closed behind it. */
export class Call {
  readonly terminal: Terminal;
  readonly services: CliServices;
  readonly report: Reporter;
  readonly #globals: GlobalOptions;
  readonly #closers: (() => Promise<void>)[] = [];
  #configuration: Promise<Configuration> | undefined;
  #engine: Promise<PromotionEngine> | undefined;

  constructor({ terminal, services }: Host, globals: GlobalOptions) {
    this.terminal = terminal;
    this.services = services;
    this.#globals = globals;
    this.report = new Reporter(terminal, { format: globals.output ?? 'text', quiet: globals.quiet === true });
  }

  get quiet(): boolean {
    return this.#globals.quiet === true;
  }

  /** Whether answers are written as JSON, one on each line: as chosen, else for several that no person looks at. */
  wantsLines({ single }: { readonly single: boolean }): boolean {
    const { output } = this.#globals;
    return output === undefined ? !single && this.terminal.stdout.isTTY !== true : output === 'json';
  }

  /** Absolute path of the configuration: `--config`, `$COUNTERSIGN_CONFIG`, or `countersign.yaml` here. */
  get configurationFile(): string {
    const named = this.#globals.config ?? this.terminal.env['COUNTERSIGN_CONFIG'];
    return path.resolve(this.terminal.cwd, named === undefined || named === '' ? 'countersign.yaml' : named);
  }

  /** Whether a configuration is named, or lies here. */
  get hasConfiguration(): boolean {
    const named = this.#globals.config ?? this.terminal.env['COUNTERSIGN_CONFIG'] ?? '';
    return named !== '' || existsSync(this.configurationFile);
  }

  /** The configuration, read once. */
  async configuration(): Promise<Configuration> {
    this.#configuration ??= this.#readConfiguration();
    return await this.#configuration;
  }

  /** The promotions, connected once. */
  async engine(): Promise<PromotionEngine> {
    this.#engine ??= this.#openEngine();
    return await this.#engine;
  }

  /** Remembers what is to be closed when the command ends, whatever its end. */
  closeLater(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** A file named on the command line, relative to where the command was called. */
  resolvePath(file: string): string {
    return path.resolve(this.terminal.cwd, file);
  }

  /** The caller's directory. */
  get home(): string {
    return this.terminal.env['HOME'] ?? homedir();
  }

  /** Who calls, unless `named` says so. */
  async caller(named: string | undefined): Promise<string> {
    return named ?? (await this.services.findCaller(this.terminal));
  }

  /** Runs the command, and writes the fields of its answer that are wanted in files, however it ends. */
  async keepResults(run: () => Promise<ExitCode>): Promise<ExitCode> {
    const files = parseResultFiles(this.#globals.result ?? [], this.terminal.cwd);
    await checkResultFiles(files);
    let exitCode: ExitCode = EXIT.failure;
    try {
      exitCode = await run();
    } finally {
      // How the command ended says more than a field that its answer has not.
      if (exitCode !== EXIT.success) await this.#tryToKeep(files);
    }
    if (exitCode === EXIT.success) await writeResultFiles(files, this.report.answer);
    return exitCode;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async #readConfiguration(): Promise<Configuration> {
    const configuration = await this.services.readConfiguration(this.configurationFile);
    const address = this.#globals.temporal;
    if (address === undefined) return configuration;
    const { refuseHostPort } = await import('../worker/configuration/addresses.ts');
    const wrong = refuseHostPort(address);
    if (wrong !== undefined) throw usageError(`--temporal ${wrong}; expected HOST:PORT, an IPv6 address in brackets`);
    return { ...configuration, temporal: { ...configuration.temporal, address } };
  }

  async #tryToKeep(files: readonly ResultFile[]): Promise<void> {
    if (this.report.answer === undefined) return;
    await writeResultFiles(files, this.report.answer).catch((error: unknown) => {
      this.report.warn(messageOfError(error));
    });
  }

  async #openEngine(): Promise<PromotionEngine> {
    const { engine, close } = await this.services.openEngine(await this.configuration());
    this.closeLater(close);
    return engine;
  }
}

/** What a command's action is given beside the call. */
export interface ActionInput<Options> {
  readonly args: readonly string[];
  readonly options: Options;
}

/** Gives a command its action: opens a call, runs, closes, keeps the exit code. Errors pass through. */
export function onCall<Options extends object>(
  command: Command,
  host: Host,
  run: (call: Call, input: ActionInput<Options>) => Promise<ExitCode>,
): void {
  command.action(async () => {
    const call = new Call(host, command.optsWithGlobals());
    try {
      host.exitCode = await call.keepResults(() => run(call, { args: command.args, options: command.opts() }));
    } finally {
      await call.close();
    }
  });
}

/**
 * Checks the name of an environment given on the command line.
 * @throws CliError `usage`, with the name that was probably meant.
 */
export function checkEnvironment(configuration: Configuration, name: string, option: string): string {
  const { route } = configuration;
  if (route.includes(name)) return name;
  const guess = suggest(name, route);
  const hint = guess === undefined ? `the route is ${route.join(', ')}` : `did you mean ${guess}`;
  throw usageError(`${option}: there is no environment ${JSON.stringify(name.slice(0, 64))}; ${hint}`);
}

/** Registry prefixes of all environments, which may stand before the name of a promotion. */
export function registryPrefixes({ environments }: Configuration): readonly string[] {
  return Object.values(environments).flatMap(({ registry, sources }) => [registry, ...sources]);
}
