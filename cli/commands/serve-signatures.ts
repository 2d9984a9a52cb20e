import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ServeCommandOptions } from '../operations/run-signature-server.ts';

const EXAMPLES = `
Serves the published branch straight from git objects; proposals are never served. A push webhook of GitHub, GitLab or
Gitea to /webhook makes it look at once, and it looks by itself too. Health: /healthz, /readyz. Metrics: /metrics.

Examples:
  countersign serve-signatures --repository https://git.example.com/acme/signatures-prod.git --listen 0.0.0.0:8080
  countersign serve-signatures --repository /srv/signatures.git --listen 127.0.0.1:8080 --webhook-secret-file secret`;

/** `serve-signatures`: the signature server. */
export function addServeSignatures(parent: Command, host: Host): void {
  const command = parent
    .command('serve-signatures')
    .summary('serve the signatures of a git repository')
    .description('Serves the published branch of a signature repository as container runtimes read it.')
    .requiredOption('--repository <url>', 'https, ssh, or the absolute path of a bare repository')
    .option('--branch <branch>', 'the published branch', 'main')
    .option('--listen <host:port>', 'where to listen', '127.0.0.1:8080')
    .option('--webhook-secret-file <file>', 'the secret shared with the git host; without it there is no webhook')
    .option('--webhook-path <path>', 'where the git host sends its webhook (default: /webhook)')
    .option('--poll <duration>', 'how often it looks by itself; "0s" for never', '60s')
    .option('--cache <directory>', 'for the copy of the branch (default: a temporary one)')
    .option('--credentials-file <file>', 'for https, in the format of git-credential-store')
    .option('--ssh-key-file <file>', 'for ssh')
    .option('--known-hosts-file <file>', 'for ssh')
    .option('--ca-file <file>', 'certificates of a private authority for the git host')
    .addHelpText('after', EXAMPLES);
  onCall<ServeCommandOptions>(command, host, async (call, { options }) => {
    const { runSignatureServer } = await import('../operations/run-signature-server.ts');
    await runSignatureServer(call, options);
    return EXIT.success;
  });
}
