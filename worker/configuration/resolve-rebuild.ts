import type { RebuildConfiguration, RebuildWay } from './configuration.ts';
import { durationMs } from './duration.ts';
import type { EnvironmentFile } from './schema.ts';

type Written = Exclude<EnvironmentFile['rebuild'], 'none'>;

const DEFAULT_AFTER = '5 minutes';

/** The one way that is written, with who triggers it. */
export function resolveRebuild(written: Written): RebuildConfiguration | 'none' {
  const way = resolveWay(written);
  if (way === undefined) return 'none';
  return written.trigger === 'push' ? { ...way, pushWithinMs: durationMs(written.after ?? DEFAULT_AFTER) } : way;
}

function resolveWay({ webhook, rollout, pipelineRun, openshiftBuild }: Written): RebuildWay | undefined {
  if (webhook !== undefined) {
    return { kind: 'webhook', url: webhook.url, secret: webhook.secret ?? false, shape: webhook.shape };
  }
  if (rollout !== undefined) {
    const { api, namespace, deployment } = rollout;
    return { kind: 'rollout', namespace, deployment, ...at(api) };
  }
  if (pipelineRun !== undefined) return resolvePipelineRun(pipelineRun);
  if (openshiftBuild === undefined) return undefined;
  const { api, namespace, buildConfig, start } = openshiftBuild;
  return { kind: 'openshiftBuild', namespace, buildConfig, start, ...at(api) };
}

function resolvePipelineRun(written: NonNullable<Written['pipelineRun']>): RebuildWay {
  const { api, namespace, pipeline, serviceAccount, params = {}, timeout } = written;
  return {
    kind: 'pipelineRun',
    namespace,
    pipeline,
    params,
    ...at(api),
    ...(serviceAccount !== undefined && { serviceAccount }),
    ...(timeout !== undefined && { timeoutMs: durationMs(timeout) }),
  };
}

function at(api: string | undefined): { readonly api?: string } {
  return api === undefined ? {} : { api };
}
