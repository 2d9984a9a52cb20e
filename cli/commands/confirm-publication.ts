import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { addGitOptions } from './git-options.ts';
import { addHostOptions } from './registry-options.ts';
import { WITHIN, readWithin } from './within.ts';
import type { PublicationOptions } from '../confirmation/confirm-publication.ts';

interface ConfirmPublicationOptions extends PublicationOptions {
  readonly since?: string;
  readonly within: string;
}

const COMMIT = /^[0-9a-f]{40}$/;
const EXAMPLES = `
Looks at the files alone: every signature that the commit added against its first parent, or against --since, must be
served with exactly its bytes, at the address that clusters use and at every replica. No key is needed, and nothing is
judged; "countersign confirm" tells whether clusters accept an image. What a later commit has taken away is not waited for.
A --since that the branch does not have, such as the head before a forced push or the zeros of a new branch, says nothing of
what is new: then everything that the commit has must be served.

Ends with 0 where all is served, 9 where it was not in time, 10 where the branch does not have the commit, 11 and 13 where
the git host refuses or does not answer. --ca-file and --cert-dir are for the signature server.
JSON: commit, repository, servedAt, replicas [address], signatures (a number), served, reason, waitedMs, attempts.

Examples:
  countersign confirm-publication 4b825dc642cb6eb9a060e54bf8d69288fbee4904 --repository https://git.example.com/acme/signatures.git --git-credentials creds --served-at https://signatures.prod.example.com/images
  countersign confirm-publication COMMIT --since BEFORE --repository git@git.example.com:acme/signatures.git --ssh-dir /secrets/ssh --served-at URL --replica 10.0.0.1:8080 10.0.0.2:8080 --within 0`;

/** `confirm-publication`: waits until what a commit published is served. */
export function addConfirmPublication(parent: Command, host: Host): void {
  const command = parent
    .command('confirm-publication')
    .summary('wait until the signatures of a commit are served')
    .description('Waits until every server serves the signatures that a commit published.')
    .argument('<commit>', 'of the branch that is served, 40 hex digits')
    .option('--since <commit>', 'all that was published after this one')
    .requiredOption('--repository <url>', 'the signature repository, https:// or ssh')
    .option('--branch <branch>', 'the branch that is served', 'main')
    .option('--directory <directory>', 'where signatures lie in the repository, . for its root', 'images')
    .requiredOption('--served-at <url>', 'where clusters read signatures')
    .option('--replica <host:port...>', 'servers behind that address, each of which is asked')
    .option('--within <duration>', 'how long to wait, 0 for one look', WITHIN)
    .addHelpText('after', EXAMPLES);
  onCall<ConfirmPublicationOptions>(addHostOptions(addGitOptions(command)), host, run);
}

async function run(
  call: Call,
  { args: [commit = ''], options }: ActionInput<ConfirmPublicationOptions>,
): Promise<ExitCode> {
  const { since, servedAt } = options;
  for (const one of [commit, since]) {
    if (one !== undefined && !COMMIT.test(one)) throw usageError('COMMIT: expected 40 hex digits in small letters');
  }
  if (!/^https?:\/\/[^/]/.test(servedAt)) throw usageError('--served-at: expected https://HOST/PATH');
  const wish = { commit, withinMs: readWithin(options.within), ...(since !== undefined && { since }) };
  const { confirmPublication } = await import('../confirmation/confirm-publication.ts');
  const { confirmation, exitCode } = await confirmPublication(call, options, wish);
  call.report.result(confirmation, () => {
    const { style } = call.report;
    return `${confirmation.served ? style.good('✔') : style.bad('✖')} ${commit}: ${confirmation.reason}`;
  });
  return exitCode;
}
