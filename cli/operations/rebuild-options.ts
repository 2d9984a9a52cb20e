import { refuseServiceUrl } from '../../worker/configuration/addresses.ts';
import { usageError } from '../failure.ts';

/** The options of `rebuild`, as the command line gives them. */
export interface RebuildOptions {
  readonly environment?: string;
  readonly webhook?: string;
  readonly rollout?: string;
  readonly openshiftBuild?: string;
  readonly pipelineRun?: string;
  readonly webhookSecretFile?: string;
  readonly webhookShape: string;
  readonly repository?: string;
  readonly branch: string;
  readonly commit?: string;
  readonly param?: readonly string[];
  readonly serviceAccount?: string;
  readonly api?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly timeout: string;
  readonly request?: string;
}

/** The ways of which one is chosen. */
const WAYS = ['environment', 'webhook', 'rollout', 'openshiftBuild', 'pipelineRun'] as const;
export type RebuildWayOption = (typeof WAYS)[number];

const OPTION_NAMES: Readonly<Record<RebuildWayOption, string>> = {
  environment: '--environment',
  webhook: '--webhook',
  rollout: '--rollout',
  openshiftBuild: '--openshift-build',
  pipelineRun: '--pipeline-run',
};
/** Options that mean something for some of the ways only. */
const ONLY_FOR: Readonly<Partial<Record<keyof RebuildOptions, readonly RebuildWayOption[]>>> = {
  webhookSecretFile: ['webhook', 'openshiftBuild'],
  repository: ['webhook', 'openshiftBuild', 'pipelineRun'],
  commit: ['webhook', 'rollout', 'openshiftBuild', 'pipelineRun'],
  param: ['pipelineRun'],
  serviceAccount: ['pipelineRun'],
  api: ['rollout', 'openshiftBuild', 'pipelineRun'],
  tokenFile: ['rollout', 'openshiftBuild', 'pipelineRun'],
  caFile: ['webhook', 'rollout', 'openshiftBuild', 'pipelineRun'],
};

/**
 * The one way that the options choose.
 * @throws CliError `usage` for none, several, or an option that means nothing for it.
 */
export function chooseWay(options: RebuildOptions): RebuildWayOption {
  const given = WAYS.filter((way) => options[way] !== undefined);
  const [way] = given;
  if (way === undefined || given.length > 1) {
    const what =
      given.length === 0
        ? 'nothing says what to rebuild'
        : `${given.map((one) => OPTION_NAMES[one]).join(' and ')} are given`;
    throw usageError(`${what}; expected exactly one of ${Object.values(OPTION_NAMES).join(', ')}`);
  }
  for (const [name, ways] of Object.entries(ONLY_FOR)) {
    if (options[name as keyof RebuildOptions] === undefined || ways.includes(way)) continue;
    const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw usageError(`${option} means nothing for ${OPTION_NAMES[way]}; leave it out`);
  }
  if (options.tokenFile !== undefined && options.api === undefined) throw usageError('--token-file needs --api');
  const wrong = options.api === undefined ? undefined : refuseServiceUrl(options.api);
  if (wrong !== undefined) throw usageError(`--api ${wrong}; expected https://HOST:PORT`);
  return way;
}

/**
 * `NAMESPACE/NAME`.
 * @throws CliError `usage` for anything else.
 */
export function parsePlace(text: string, way: RebuildWayOption): { readonly namespace: string; readonly name: string } {
  const [, namespace, name] = /^([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9.-]{0,252})$/.exec(text) ?? [];
  if (namespace !== undefined && name !== undefined) return { namespace, name };
  throw usageError(`${OPTION_NAMES[way]}: expected NAMESPACE/NAME`);
}

/**
 * `NAME=VALUE` each.
 * @throws CliError `usage` for anything else.
 */
export function parseParams(texts: readonly string[] = []): Readonly<Record<string, string>> {
  const entries = texts.map((text) => {
    const [, name, value] = /^([A-Za-z_][\w.-]{0,127})=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) throw usageError('--param: expected NAME=VALUE');
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}
