import { createRebuildTrigger } from '../activities/signature-server/index.ts';
import type { RebuildTrigger } from '../activities/signature-server/index.ts';
import { StepError } from '../activities/steps/index.ts';
import { openCluster } from './cluster-access.ts';
import type { EnvironmentConfiguration } from './configuration/index.ts';
import type { EnvironmentSecrets } from './secrets/index.ts';

/** What a trigger needs of an environment's secrets. */
export type RebuildSecrets = Pick<EnvironmentSecrets, 'webhookSecret' | 'ca'>;

/**
 * The way in which one environment's signature server is rebuilt, with that environment's secrets.
 * @throws StepError `configuration-invalid` where the worker's own cluster is asked and there is none.
 */
export function openRebuild(own: EnvironmentConfiguration, { webhookSecret, ca }: RebuildSecrets): RebuildTrigger {
  const { rebuild } = own;
  if (rebuild === 'none') return createRebuildTrigger({ kind: 'none' });
  const { pushWithinMs: _, ...way } = rebuild;
  switch (way.kind) {
    case 'webhook': {
      const proof = { ...(webhookSecret !== undefined && { secret: webhookSecret.reveal() }) };
      const { kind, url, shape } = way;
      return createRebuildTrigger({ kind, url, shape, ...proof, ...(ca !== undefined && { ca: ca.pem }) });
    }
    case 'rollout':
    case 'pipelineRun': {
      const { api, ...target } = way;
      return createRebuildTrigger({ ...target, access: openCluster(own, api) });
    }
    case 'openshiftBuild': {
      const { api, namespace, buildConfig, start } = way;
      const place = { access: openCluster(own, api), namespace, buildConfig };
      if (start === 'instantiate') return createRebuildTrigger({ kind: 'openshiftBuild', ...place });
      if (webhookSecret === undefined) throw withoutSecret(own);
      return createRebuildTrigger({ kind: 'openshiftWebhook', ...place, secret: webhookSecret.reveal() });
    }
  }
}

function withoutSecret({ name }: EnvironmentConfiguration): StepError {
  const message = `environments.${name}.rebuild.openshiftBuild starts builds by the generic webhook; expected its secret in the secret file webhook-secret`;
  return new StepError('configuration-invalid', message);
}
