import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { RebuildOptions } from '../operations/rebuild-options.ts';
import { printable } from '../output/escape.ts';

const HELP = `
Has a signature server take up what was published, and follows it to its end: a Build, a PipelineRun or a rollout that
fails ends with 1, and its message shows why. A webhook can only be accepted. That clusters are served is another question:
"countersign verify" or "doctor" answer it.
--environment takes the way that the configuration has, with that environment's secrets, from this machine. The other ways
need no configuration; without --api they ask the cluster that this runs in, by its ServiceAccount.
With --request NAME a repetition of the same request adopts what the first one started, and rebuilds nothing twice.
--openshift-build starts a build through the API, or by the generic webhook where --webhook-secret-file is given.
JSON: kind, subject, outcome ("rebuilt", "accepted", "already-rebuilt"), request, and name and revision where there is one.

Examples:
  countersign rebuild --environment prod
  countersign rebuild --rollout signatures-prod/signature-server
  countersign rebuild --openshift-build signatures/signature-server --api https://api.example.com:6443 --token-file token
  countersign rebuild --pipeline-run signatures/rebuild --param revision={commit} --commit 3f2a… --request "$COMMIT"
  countersign rebuild --webhook https://el.example.com --webhook-secret-file secret --webhook-shape gitlab \\
    --repository https://git.example.com/acme/signatures-prod.git --branch main --commit 3f2a…`;

/** `rebuild`: one rebuild of a signature server. */
export function addRebuild(parent: Command, host: Host): void {
  const command = parent
    .command('rebuild')
    .summary('have a signature server take up what was published')
    .description('Has a signature server take up what was published: by webhook, rollout, OpenShift build or Tekton.')
    .option('--environment <environment>', 'in the way that the configuration has for it')
    .option('--webhook <url>', 'by a push event, as a git host sends it')
    .option('--rollout <namespace/name>', 'by a restart of this Deployment')
    .option('--openshift-build <namespace/name>', 'by a build of this BuildConfig')
    .option('--pipeline-run <namespace/name>', 'by a PipelineRun of this Pipeline of Tekton')
    .option('--webhook-secret-file <file>', 'the secret that proves the webhook')
    .option('--webhook-shape <shape>', 'github, gitlab or gitea', 'github')
    .option('--repository <url>', 'of the signatures')
    .option('--branch <branch>', 'that is served', 'main')
    .option('--commit <commit>', 'that is to be taken up')
    .option('--param <name=value...>', 'of the Pipeline; {commit}, {branch} and {repository} are filled in')
    .option('--service-account <name>', "of the Pipeline's pods")
    .option('--api <url>', 'the API of another cluster')
    .option('--token-file <file>', 'the token for --api')
    .option('--ca-file <file>', 'certificates of a private authority for --api or --webhook')
    .option('--timeout <duration>', 'how long to wait for its end', '10m')
    .option('--request <name>', 'names this request; the same name rebuilds once (default: a new one)')
    .addHelpText('after', HELP);
  onCall<RebuildOptions>(command, host, runRebuild);
}

async function runRebuild(call: Call, { options }: ActionInput<RebuildOptions>): Promise<ExitCode> {
  const { rebuildServer } = await import('../operations/rebuild-server.ts');
  const outcome = await rebuildServer(call, options);
  call.report.result(outcome, () => `${outcome.outcome}: ${printable(outcome.subject)}`);
  return EXIT.success;
}
