import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';

/** Ends the command with a message for people and an exit code for programs. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** Further lines, for example the candidates of an ambiguous name. */
  readonly details: readonly string[];

  constructor(exitCode: ExitCode, message: string, details: readonly string[] = []) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** Wrong arguments, options or combinations of them. */
export function usageError(message: string): CliError {
  return new CliError(EXIT.usage, message);
}

/** Failures of other rooms that mean that nothing was begun, by their `code` or name. */
const USAGE_CODES: readonly unknown[] = ['configuration-invalid', 'reference-invalid', 'digest-invalid'];
/** What others refuse, and what is out of reach, by their `code`. */
const NOT_FOUND_CODES: readonly unknown[] = ['image-unknown', 'commit-unknown'];
const REFUSED_CODES: readonly unknown[] = ['repository-denied'];
const UNREACHABLE_CODES: readonly unknown[] = ['repository-unavailable'];
const UNREACHABLE_NAMES: readonly string[] = ['TemporalUnreachableError'];

/** The exit code of any error. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (!(error instanceof Error)) return EXIT.failure;
  if (UNREACHABLE_NAMES.includes(error.name)) return EXIT.unreachable;
  const { code } = error as { code?: unknown };
  if (USAGE_CODES.includes(code)) return EXIT.usage;
  if (REFUSED_CODES.includes(code)) return EXIT.refused;
  if (UNREACHABLE_CODES.includes(code)) return EXIT.unreachable;
  return NOT_FOUND_CODES.includes(code) ? EXIT.notFound : EXIT.failure;
}

/** A word for any error, for programs: its own code, else the name of its exit code. */
export function codeOfError(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === 'string') return code;
  const exitCode = exitCodeOfError(error);
  return Object.entries(EXIT).find(([, number]) => number === exitCode)?.[0] ?? 'failure';
}

/** The message of any error, without stack; the lines of multi-line messages stay. */
export function messageOfError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const details = error instanceof CliError ? error.details : [];
  return [error.message === '' ? error.name : error.message, ...details].join('\n');
}
