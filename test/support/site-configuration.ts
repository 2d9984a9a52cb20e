import type { SiteEnvironment, SiteOptions } from './site-types.ts';

/** The `countersign.yaml` of a site, as plain data. */
export function configurationOf(
  environments: readonly SiteEnvironment[],
  address: string,
  options: SiteOptions,
): unknown {
  const first = environments[0]?.name;
  const entries = environments.map(({ name, prefix, repository, signatureServer, registry }) => {
    const people = { quorum: 1, approvers: 'keys/approvers.asc', identity: 'claimed', deadline: '1 hour' };
    const bearer = options.registries?.[name]?.bearer;
    const configured = {
      registry: prefix,
      registries: {
        [registry.host]: {
          ...(registry.caFile !== undefined && { ca: registry.caFile }),
          ...(bearer !== undefined && { tokenServers: [new URL(bearer.realm).origin] }),
        },
      },
      signatures: {
        publicKeys: [`keys/${name}.asc`],
        repository: { url: repository.url, branch: 'main', directory: 'images' },
        servedAt: signatureServer.servedAt,
        replicas: { addresses: [new URL(signatureServer.url).host] },
      },
      gate: options.gates?.[name] ?? (name === first ? 'none' : people),
      rebuild: { webhook: { url: `${signatureServer.url}/webhook` } },
      attempts: 3,
      confirm: { within: '1 minute' },
      ...options.overrides?.[name],
    };
    return [name, configured] as const;
  });
  return {
    route: environments.map(({ name }) => name),
    temporal: { address },
    environments: Object.fromEntries(entries),
  };
}
