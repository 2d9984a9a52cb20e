import { diagnose } from '../../activities/doctor/index.ts';
import type { Diagnosis, ExaminedEnvironment, Patient } from '../../activities/doctor/index.ts';
import { ConfigurationError, checkConfiguration, formatProblem, originOf } from '../../worker/configuration/index.ts';
import type { Configuration, EnvironmentConfiguration } from '../../worker/configuration/index.ts';
import { formatReference, parseReference } from '../../workflows/domain/reference.ts';
import { checkEnvironment } from '../call.ts';
import type { Call } from '../call.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { readOptionBytes } from '../images/docker-credentials.ts';
import { readPrivateAuthority } from '../images/configured-hosts.ts';
import { openConfiguredRegistries } from '../images/open-registries.ts';

/** Through whose eyes images are looked at. */
export interface DoctorOptions extends RegistryOptions {
  readonly environment: string;
  readonly policy?: string;
  readonly registriesD?: string;
  readonly thorough?: boolean;
}

/** Examines one image after the other; open what that needs once. */
export interface Doctor {
  readonly examine: (image: string) => Promise<Diagnosis>;
  readonly close: () => Promise<void>;
}

/**
 * Reads the configuration and what it names. One that cannot be used is a finding about every image, no error.
 * @throws CliError for an environment that is not there, or files named on the command line that cannot be read.
 */
export async function openDoctor(call: Call, options: DoctorOptions): Promise<Doctor> {
  let configuration: Configuration;
  try {
    configuration = await call.configuration();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return withoutConfiguration(error, options);
  }
  const name = checkEnvironment(configuration, options.environment, '--environment');
  const own = configuration.environments[name];
  if (own === undefined) throw new Error(`there is no environment ${name}`);
  const client = await openConfiguredRegistries(configuration, options, call.terminal);
  const shared = await readShared(call, { configuration, own, options });
  return {
    examine: (image) =>
      diagnose({
        ...shared,
        client,
        image: parseReference(image),
        now: new Date(call.terminal.now()),
        signal: call.terminal.signal,
      }),
    close: () => client.close(),
  };
}

async function readShared(
  call: Call,
  {
    configuration,
    own,
    options,
  }: {
    readonly configuration: Configuration;
    readonly own: EnvironmentConfiguration;
    readonly options: DoctorOptions;
  },
): Promise<Omit<Patient, 'client' | 'image' | 'now' | 'signal'>> {
  const origin = originOf(configuration, own.name);
  const { policy, registriesD, thorough } = options;
  const policyFile = policy === undefined ? undefined : call.resolvePath(policy);
  const problems = await checkConfiguration(configuration, { now: new Date(call.terminal.now()) });
  return {
    environment: await examinedEnvironment(own),
    problems: problems.filter((one) => one.path.startsWith(`environments.${own.name}.`)).map(formatProblem),
    ...(origin !== undefined && { origin: { name: origin.name, registry: origin.registry } }),
    ...(policyFile !== undefined && {
      policy: { file: policyFile, bytes: await readOptionBytes(policyFile, '--policy') },
    }),
    ...(registriesD !== undefined && { registriesD: call.resolvePath(registriesD) }),
    ...(thorough === true && { isThorough: true }),
  };
}

async function examinedEnvironment(own: EnvironmentConfiguration): Promise<ExaminedEnvironment> {
  const { name, registry, signatures } = own;
  const { publicKeys, servedAt, replicas } = signatures;
  const ca = await readPrivateAuthority(own);
  return {
    name,
    registry,
    publicKeyFiles: publicKeys,
    servedAt,
    // The endpoints of a Service are not known from here.
    ...(replicas !== undefined && replicas.kind !== 'endpoints' && { replicas }),
    ...(ca !== undefined && { ca }),
  };
}

function withoutConfiguration(error: ConfigurationError, { environment }: DoctorOptions): Doctor {
  const texts = error.problems.map(formatProblem);
  const mend = 'countersign config check';
  const examine = (text: string): Promise<Diagnosis> => {
    const image = formatReference(parseReference(text));
    const what = `the configuration cannot be used: ${texts[0] ?? error.message}`;
    return Promise.resolve({
      image,
      environment,
      digest: null,
      pullable: false,
      findings: [
        ...texts.map((one) => ({ step: 'configuration', status: 'fail', what: one, mend }) as const),
        { step: 'registry', status: 'skipped', what: 'not looked at, without a configuration' },
      ],
      cause: `nothing can be said about ${image} in ${environment}: ${what}`,
      mend,
    });
  };
  return { examine, close: () => Promise.resolve() };
}
