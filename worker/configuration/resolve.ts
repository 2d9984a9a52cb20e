import path from 'node:path';

import type {
  Configuration,
  EnvironmentConfiguration,
  GateConfiguration,
  RegistryOptions,
  ReplicasConfiguration,
  TemporalConfiguration,
} from './configuration.ts';
import { durationMs } from './duration.ts';
import { resolveRebuild } from './resolve-rebuild.ts';
import type { ConfigurationFile, EnvironmentFile } from './schema.ts';

/** Fills in what the schema cannot: absolute paths, milliseconds, the order of the route. */
export function resolveConfiguration(written: ConfigurationFile, file: string): Configuration {
  const absolute = path.resolve(file);
  const resolver = new Resolver(path.dirname(absolute));
  const environments = withoutPrototype<EnvironmentConfiguration>();
  for (const name of written.route) {
    const environment = written.environments[name];
    if (environment === undefined) throw new TypeError(`environment ${name} was checked to be defined`);
    const folder = environment.secrets ?? path.join(written.secrets, name);
    environments[name] = resolver.environment(environment, { name, folder });
  }
  return {
    file: absolute,
    route: written.route,
    temporal: resolver.temporal(written.temporal),
    stalledForMs: durationMs(written.stalledFor),
    environments,
  };
}

class Resolver {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  environment(
    written: EnvironmentFile,
    { name, folder }: { readonly name: string; readonly folder: string },
  ): EnvironmentConfiguration {
    const { signatures } = written;
    const replicas = signatures.replicas === undefined ? undefined : resolveReplicas(signatures.replicas);
    return {
      name,
      registry: written.registry,
      sources: written.sources ?? [],
      registries: this.#registries(written.registries ?? {}),
      secrets: this.#path(folder),
      copy: written.copy,
      signatures: {
        publicKeys: signatures.publicKeys.map((file) => this.#path(file)),
        repository: signatures.repository,
        servedAt: signatures.servedAt,
        ...(replicas !== undefined && { replicas }),
        minimumValidityMs: durationMs(signatures.minimumValidity),
      },
      gate: written.gate === 'none' ? 'none' : this.#gate(written.gate),
      rebuild: written.rebuild === 'none' ? 'none' : resolveRebuild(written.rebuild),
      attempts: written.attempts,
      confirm: { withinMs: durationMs(written.confirm.within) },
    };
  }

  temporal({ address, namespace, tls }: ConfigurationFile['temporal']): TemporalConfiguration {
    if (tls === undefined) return { address, namespace };
    const { ca, certificate, key } = tls;
    return {
      address,
      namespace,
      tls: {
        ...(ca !== undefined && { ca: this.#path(ca) }),
        ...(certificate !== undefined && { certificate: this.#path(certificate) }),
        ...(key !== undefined && { key: this.#path(key) }),
      },
    };
  }

  #gate({ deadline, approvers, ...rest }: Exclude<EnvironmentFile['gate'], 'none'>): GateConfiguration {
    return { ...rest, approvers: this.#path(approvers), deadlineMs: durationMs(deadline) };
  }

  #registries(written: NonNullable<EnvironmentFile['registries']>): Record<string, RegistryOptions> {
    const registries = withoutPrototype<RegistryOptions>();
    for (const [host, { plainHttp, ca, clientCertificate, tokenServers = [] }] of Object.entries(written)) {
      registries[host] = {
        ...(plainHttp !== undefined && { plainHttp }),
        ...(ca !== undefined && { ca: this.#path(ca) }),
        ...(clientCertificate !== undefined && { clientCertificate }),
        tokenServers: tokenServers.map((server) => new URL(server).origin),
      };
    }
    return registries;
  }

  #path(file: string): string {
    return path.resolve(this.#base, file);
  }
}

function resolveReplicas(
  written: NonNullable<EnvironmentFile['signatures']['replicas']>,
): ReplicasConfiguration | undefined {
  if (written.addresses !== undefined) return { kind: 'addresses', addresses: written.addresses };
  if (written.dns !== undefined) return { kind: 'dns', dns: written.dns };
  if (written.endpoints === undefined) return undefined;
  const { api, namespace, service, port, scheme } = written.endpoints;
  return {
    kind: 'endpoints',
    namespace,
    service,
    ...(api !== undefined && { api }),
    ...(port !== undefined && { port }),
    ...(scheme !== undefined && { scheme }),
  };
}

/** Environments may be called `constructor`; a name that is not there must not find anything. */
function withoutPrototype<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}
