import type { ServerCall } from './http-exchange.ts';
import type { RebuildRequest } from './rebuild-request.ts';
import { triggerRollout } from './rollout.ts';
import type { RolloutTarget } from './rollout.ts';
import { triggerWebhook } from './trigger-webhook.ts';
import type { WebhookTarget } from './trigger-webhook.ts';

/** Asks a signature server to take up a commit. Asking twice is harmless; being heard is proof of nothing. */
export interface RebuildTrigger {
  /** @throws SignatureServerError `rebuild-refused`, `rebuild-unavailable` or `configuration-invalid`. */
  trigger(input: RebuildRequest, call?: ServerCall): Promise<void>;
}

/** How an environment's signature server learns of a commit. */
export type RebuildTriggerConfig =
  | ({ readonly kind: 'webhook' } & WebhookTarget)
  | ({ readonly kind: 'rollout' } & RolloutTarget)
  /** It polls, or the git host tells it. */
  | { readonly kind: 'none' };

/** Builds the trigger of one environment; nothing is contacted before `trigger` is called. */
export function createRebuildTrigger(config: RebuildTriggerConfig): RebuildTrigger {
  switch (config.kind) {
    case 'webhook': {
      const { url, secret, ca } = config;
      const target = { url, ...(secret !== undefined && { secret }), ...(ca !== undefined && { ca }) };
      return { trigger: (input, call) => triggerWebhook({ ...input, ...target }, call) };
    }
    case 'rollout':
      return { trigger: (input, call = {}) => triggerRollout(config, input, call) };
    case 'none':
      return { trigger: () => Promise.resolve() };
  }
}
