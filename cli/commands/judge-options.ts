import type { Command } from 'commander';
import { checkEnvironment } from '../call.ts';
import type { Call } from '../call.ts';
import { usageError } from '../failure.ts';
import type { Judge } from '../images/judge-by.ts';
import { addRegistryOptions } from './registry-options.ts';
import type { RegistryOptions } from './registry-options.ts';

/** By what images are judged, as the command line says it. */
export interface JudgeOptions extends RegistryOptions {
  readonly policy?: string;
  readonly registriesD?: string;
  readonly environment?: string;
  readonly key?: readonly string[];
  readonly lookaside?: string;
}

/** What the help of such commands says about the choice. */
export const JUDGE_HELP = `Judges by an environment's policy, by the files of a node, or by keys and the address of a
signature store. Without any of these, by the environment whose registry holds the image; where there is no configuration,
as this machine would: by ~/.config/containers/policy.json, else /etc/containers/policy.json.`;

/** Adds the options, and those for registries. */
export function addJudgeOptions(command: Command): Command {
  return addRegistryOptions(
    command
      .option('--environment <environment>', "by this environment's policy, from the configuration")
      .option('--policy <file>', 'by this policy.json')
      .option(
        '--registries-d <directory>',
        'with --policy: where signatures are served (default: ~/.config/containers/registries.d, else /etc/containers/registries.d)',
      )
      .option('--key <file...>', 'by these public keys; any of them is enough')
      .option('--lookaside <url>', 'with --key: the signature store'),
  );
}

/** @throws CliError for a combination that says two things, or none. */
export async function chooseJudge(call: Call, options: JudgeOptions): Promise<Judge> {
  const { registriesD, environment, key, lookaside } = options;
  const policy = options.policy ?? (await nodePolicy(call, options));
  if ([policy, environment, key].filter((one) => one !== undefined).length > 1) {
    throw usageError('expected one of --environment, --policy and --key');
  }
  if (registriesD !== undefined && policy === undefined) throw usageError('--registries-d is for --policy');
  if ((key === undefined) !== (lookaside === undefined)) throw usageError('--key and --lookaside belong together');
  if (policy !== undefined) {
    // Loaded where it is needed: the engine takes a while.
    const { findRegistriesD } = await import('../../activities/trust/index.ts');
    const directory = registriesD === undefined ? findRegistriesD({ home: call.home }) : call.resolvePath(registriesD);
    return { by: 'policy', policyFile: call.resolvePath(policy), registriesD: await directory };
  }
  if (key !== undefined && lookaside !== undefined) {
    return { by: 'keys', keys: key.map((file) => call.resolvePath(file)), lookaside };
  }
  const configuration = await call.configuration();
  if (environment === undefined) return { by: 'configuration', configuration };
  return {
    by: 'configuration',
    configuration,
    environment: checkEnvironment(configuration, environment, '--environment'),
  };
}

/** The policy of this machine, where nothing else is named and nothing configured. */
async function nodePolicy(call: Call, { environment, key, lookaside }: JudgeOptions): Promise<string | undefined> {
  const named = environment ?? key ?? lookaside;
  if (named !== undefined || call.hasConfiguration) return undefined;
  const { findPolicyFile } = await import('../../activities/trust/index.ts');
  try {
    return await findPolicyFile({ home: call.home });
  } catch (error) {
    const why = (error as Error).message;
    throw usageError(
      `expected --policy, --key with --lookaside, or a configuration; ${call.configurationFile} does not exist, and ${why}`,
    );
  }
}
