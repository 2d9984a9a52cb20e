import type { CommandOutcome } from '../support/command.ts';
import type { NodeVerdict } from './pods.ts';

/** One case: what the node said to a pod, and what our commands said to the same image. */
export interface VerdictRow {
  readonly what: string;
  readonly node: NodeVerdict;
  readonly verify: CommandOutcome;
  readonly doctor: CommandOutcome;
}

/** The state table that the run prints, as Markdown. */
export class VerdictTable {
  readonly #rows: VerdictRow[] = [];

  add(row: VerdictRow): void {
    this.#rows.push(row);
  }

  /** Prints all rows; nothing where there are none. */
  print(): void {
    if (this.#rows.length === 0) return;
    const lines = this.#rows.map(({ what, node, verify, doctor }) => {
      const cells = [
        what,
        node.isAccepted ? 'runs' : node.reason,
        shorten(node.message),
        oursOf(verify),
        causeOf(doctor),
      ];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    });
    const head = ['| case | node | CRI-O | verify | doctor |', '|---|---|---|---|---|'];
    console.log(`\n${[...head, ...lines].join('\n')}\n`);
  }
}

function oursOf({ code, stdout, stderr }: CommandOutcome): string {
  if (code === 0) return 'accepted';
  const [line = ''] = stdout.trim().split('\n');
  try {
    const answer = JSON.parse(line) as { platforms?: readonly { reason?: unknown }[]; error?: { message?: string } };
    const reason = answer.platforms?.find((platform) => platform.reason !== undefined)?.reason;
    return shorten(
      `refused: ${typeof reason === 'string' ? reason : (answer.error?.message ?? JSON.stringify(reason))}`,
    );
  } catch {
    return shorten(`exit ${String(code)}: ${line}${stderr.trim()}`);
  }
}

function causeOf({ code, stdout }: CommandOutcome): string {
  const [line = ''] = stdout.trim().split('\n');
  const { cause } = JSON.parse(line) as { readonly cause?: string };
  return code === 0 ? 'can be pulled' : shorten(cause ?? 'cannot be pulled');
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').replace(/sha256:[0-9a-f]{64}/g, (digest) => `${digest.slice(0, 15)}…`);
  return line.length > 220 ? `${line.slice(0, 219)}…` : line;
}
