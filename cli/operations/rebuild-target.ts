import { WEBHOOK_SHAPES } from '../../activities/signature-server/index.ts';
import type { ClusterAccess, RebuildTriggerConfig, WebhookShape } from '../../activities/signature-server/index.ts';
import { openSurroundingCluster } from '../../worker/cluster-access.ts';
import type { Call } from '../call.ts';
import { usageError } from '../failure.ts';
import { readOptionFile } from '../images/docker-credentials.ts';
import { parseParams, parsePlace } from './rebuild-options.ts';
import type { RebuildOptions, RebuildWayOption } from './rebuild-options.ts';

/**
 * What the options name, with the secrets from the files that they name.
 * @throws CliError `usage`; StepError `configuration-invalid` where no cluster is named and this runs in none.
 */
export async function readTarget(
  call: Call,
  options: RebuildOptions,
  way: Exclude<RebuildWayOption, 'environment'>,
): Promise<RebuildTriggerConfig> {
  if (way === 'webhook') return await readWebhook(call, options);
  const { namespace, name } = parsePlace(options[way] ?? '', way);
  const access = await openAccess(call, options);
  if (way === 'rollout') return { kind: 'rollout', access, namespace, deployment: name };
  if (way === 'pipelineRun') {
    const { param, serviceAccount } = options;
    const account = serviceAccount === undefined ? {} : { serviceAccount };
    return { kind: 'pipelineRun', access, namespace, pipeline: name, params: parseParams(param), ...account };
  }
  const place = { access, namespace, buildConfig: name };
  const secret = await readSecret(call, options);
  if (secret === undefined) return { kind: 'openshiftBuild', ...place };
  requirePush(options, '--openshift-build with --webhook-secret-file');
  return { kind: 'openshiftWebhook', ...place, secret };
}

async function readWebhook(call: Call, options: RebuildOptions): Promise<RebuildTriggerConfig> {
  requirePush(options, '--webhook');
  const { webhook: url = '', webhookShape, caFile } = options;
  if (!isShape(webhookShape)) throw usageError(`--webhook-shape: expected one of ${WEBHOOK_SHAPES.join(', ')}`);
  const secret = await readSecret(call, options);
  const ca = caFile === undefined ? {} : { ca: await readOptionFile(call.resolvePath(caFile), '--ca-file') };
  return { kind: 'webhook', url, shape: webhookShape, ...(secret !== undefined && { secret }), ...ca };
}

function isShape(text: string): text is WebhookShape {
  return (WEBHOOK_SHAPES as readonly string[]).includes(text);
}

function requirePush({ repository, commit }: RebuildOptions, what: string): void {
  if (repository === undefined || commit === undefined) throw usageError(`${what} needs --repository and --commit`);
}

async function readSecret(call: Call, { webhookSecretFile }: RebuildOptions): Promise<string | undefined> {
  if (webhookSecretFile === undefined) return undefined;
  const text = await readOptionFile(call.resolvePath(webhookSecretFile), '--webhook-secret-file');
  return text.replace(/\r?\n$/, '');
}

async function openAccess(call: Call, { api, tokenFile, caFile }: RebuildOptions): Promise<ClusterAccess> {
  const ca = caFile === undefined ? {} : { ca: await readOptionFile(call.resolvePath(caFile), '--ca-file') };
  if (api === undefined) {
    const words = {
      asks: 'without --api the cluster that this runs in is asked',
      instead: '--api, --token-file and perhaps --ca-file',
    };
    return { ...openSurroundingCluster(words, { environment: call.terminal.env }), ...ca };
  }
  const readToken = async (): Promise<string> =>
    tokenFile === undefined ? '' : (await readOptionFile(call.resolvePath(tokenFile), '--token-file')).trim();
  await readToken();
  return { api, readToken, ...ca };
}
