/** The company of the demonstration: a site on loopback with its people, and the command as they type it. */
import { COUNTERSIGN, startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { ProgramFailedError, runProgram } from './run-program.ts';
import type { ProgramOutcome } from './run-program.ts';
import type { Stage } from './stage.ts';

/** What every scene works with. */
export interface Company {
  readonly site: Site;
  readonly stage: Stage;
  /** Aborted when somebody interrupts, or a part ends that should not. */
  readonly signal: AbortSignal;
  /** Shows and runs the `countersign` command. Any other end than `code` (default 0) is an error. */
  countersign(words: readonly string[], code?: number): Promise<ProgramOutcome>;
  /** Shows and runs a program with the company's folder as current folder. */
  show(name: string, words: readonly string[], program: string): Promise<ProgramOutcome>;
}

export interface CompanyOptions {
  readonly folder: string;
  readonly stage: Stage;
  readonly signal: AbortSignal;
  readonly withWebPage: boolean;
}

const GATE = { approvers: 'keys/approvers.asc', identity: 'claimed', deadline: '7 days' };

/** Starts everything but the workers. */
export async function startCompany({ folder, stage, signal, withWebPage }: CompanyOptions): Promise<Company> {
  const site = await startSite({
    folder,
    gates: { qa: { quorum: 1, ...GATE }, prod: { quorum: 2, ...GATE } },
    log: (line) => stage.good(line),
    ...(withWebPage && { uiPort: true }),
  });
  const env = {
    ...process.env,
    COUNTERSIGN_CONFIG: site.configurationFile,
    ...(stage.style.coloured && { FORCE_COLOR: '1' }),
  };
  const show = async (name: string, words: readonly string[], program: string): Promise<ProgramOutcome> => {
    stage.command(shellWords([name, ...words]));
    return await runProgram(program, words, { cwd: folder, env, signal });
  };
  return {
    site,
    stage,
    signal,
    show,
    countersign: async (words, expected = 0) => {
      const line = shellWords(['countersign', ...words]);
      stage.command(line);
      const outcome = await runProgram(process.execPath, [COUNTERSIGN, ...words], { cwd: folder, env, signal });
      if (outcome.code !== expected) throw new ProgramFailedError(line, outcome);
      stage.said(outcome.output);
      return outcome;
    },
  };
}

/** The command with nothing left to the environment, to be pasted into another terminal. */
export function pasteable({ site }: Company, ...words: readonly string[]): string {
  return shellWords(['node', COUNTERSIGN, '--config', site.configurationFile, ...words]);
}

/** A command as a shell takes it. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
}
