import type { RebuildOutcome } from '../../workflows/domain/rebuild.ts';
import type { ServerCall } from './http-exchange.ts';
import type { RebuildRequest } from './rebuild-request.ts';
import { triggerRollout } from './rollout.ts';
import type { RolloutTarget } from './rollout.ts';
import { triggerOpenshiftBuild } from './trigger-openshift-build.ts';
import type { OpenshiftBuildTarget } from './trigger-openshift-build.ts';
import { triggerOpenshiftWebhook } from './trigger-openshift-webhook.ts';
import type { OpenshiftWebhookTarget } from './trigger-openshift-webhook.ts';
import { triggerPipelineRun } from './trigger-pipeline-run.ts';
import type { PipelineRunTarget } from './trigger-pipeline-run.ts';
import { triggerWebhook } from './trigger-webhook.ts';
import type { WebhookTarget } from './trigger-webhook.ts';

/** Asks a signature server to take up a commit. Asking twice is harmless; being heard is proof of nothing. */
export interface RebuildTrigger {
  /** @throws SignatureServerError `rebuild-refused`, `rebuild-unavailable` or `configuration-invalid`. */
  trigger(input: RebuildRequest, call?: ServerCall): Promise<RebuildOutcome>;
}

/** How an environment's signature server learns of a commit. */
export type RebuildTriggerConfig =
  | ({ readonly kind: 'webhook' } & WebhookTarget)
  | ({ readonly kind: 'rollout' } & RolloutTarget)
  | ({ readonly kind: 'pipelineRun' } & PipelineRunTarget)
  | ({ readonly kind: 'openshiftBuild' } & OpenshiftBuildTarget)
  | ({ readonly kind: 'openshiftWebhook' } & OpenshiftWebhookTarget)
  /** It polls, or the git host tells it. */
  | { readonly kind: 'none' };

/** Builds the trigger of one environment; nothing is contacted before `trigger` is called. */
export function createRebuildTrigger(config: RebuildTriggerConfig): RebuildTrigger {
  switch (config.kind) {
    case 'webhook':
      return { trigger: (input, call) => triggerByWebhook(config, input, call) };
    case 'rollout':
      return { trigger: (input, call = {}) => triggerRollout(config, input, call) };
    case 'pipelineRun':
      return { trigger: (input, call = {}) => triggerPipelineRun(config, input, call) };
    case 'openshiftBuild':
      return { trigger: (input, call = {}) => triggerOpenshiftBuild(config, input, call) };
    case 'openshiftWebhook':
      return { trigger: (input, call = {}) => triggerOpenshiftWebhook(config, input, call) };
    case 'none':
      return { trigger: () => Promise.resolve({ kind: 'none', subject: 'nothing to trigger', outcome: 'accepted' }) };
  }
}

async function triggerByWebhook(
  { url, secret, ca, shape }: WebhookTarget,
  input: RebuildRequest,
  call: ServerCall | undefined,
): Promise<RebuildOutcome> {
  const options = { ...(secret !== undefined && { secret }), ...(ca !== undefined && { ca }) };
  await triggerWebhook({ ...input, url, ...options, ...(shape !== undefined && { shape }) }, call);
  return { kind: 'webhook', subject: `webhook at ${new URL(url).origin}`, outcome: 'accepted' };
}
