import path from 'node:path';

import { refuseRegistryHost } from './addresses.ts';
import type { SourceDocument } from './document.ts';
import { isolationFaults } from './isolation.ts';
import { isSection, problemAt, valueAt } from './issues.ts';
import type { ConfigurationPath, ConfigurationProblem } from './problem.ts';
import { formatPath, listWords, quoteValue } from './quoting.ts';
import { configurationSchema } from './schema.ts';
import { sectionAt } from './schema-walk.ts';
import { suggest } from './suggestion.ts';
import { ENVIRONMENT_NAME } from './values.ts';

/**
 * Judges how the parts of the file fit together. It reads the values as they were written, whatever else is wrong with
 * them, so that these problems are shown together with those of the schema.
 */
export function relationProblems(source: SourceDocument): ConfigurationProblem[] {
  const environments = valueAt(source.value, ['environments']);
  const names = isSection(environments) ? Object.keys(environments) : [];
  const misplaced = misplacedKeys(source.value);
  const defined = names.filter((name) => !misplaced.includes(name));
  const folder = path.dirname(path.resolve(source.file));
  return [
    ...routeProblems(source, defined),
    ...misplaced.map((key) => problemAtKey(source, ['environments', key], describeMisplaced(key))),
    ...defined.flatMap((name) => environmentProblems(source, { name, defined })),
    ...tlsProblems(source),
    ...isolationFaults(source.value, folder).map((fault) => problemAt(source, fault.path, fault.message)),
  ];
}

function routeProblems(source: SourceDocument, names: readonly string[]): ConfigurationProblem[] {
  const route = routeOf(source.value);
  if (route === undefined) return [];
  const problems: ConfigurationProblem[] = [];
  route.forEach((name, index) => {
    if (!ENVIRONMENT_NAME.test(name)) return; // the schema has said so
    if (route.indexOf(name) < index) {
      const message = `${quoteValue(name)} stands on the route twice; expected each environment once; remove one of them`;
      problems.push(problemAt(source, ['route', index], message));
    } else if (!names.includes(name)) {
      const message = `${quoteValue(name)} is not defined; expected ${definedNames(names)}; ${undefinedRemedy(name, names)}`;
      problems.push(problemAt(source, ['route', index], message));
    }
  });
  return problems;
}

function definedNames(names: readonly string[]): string {
  return names.length === 0 ? 'a section of that name below environments' : `one of ${listWords(names)}`;
}

function undefinedRemedy(name: string, names: readonly string[]): string {
  const meant = suggest(name, names);
  const add = `add ${name}: below environments`;
  return meant === undefined ? `${add}, or take it off the route` : `did you mean ${meant}? else ${add}`;
}

/** Keys of an environment that stand where names of environments are expected: one level of indentation is missing. */
export function misplacedKeys(root: unknown): readonly string[] {
  const environments = valueAt(root, ['environments']);
  const keys = Object.keys(sectionAt(configurationSchema, ['environments', '*'])?.shape ?? {});
  const route = routeOf(root) ?? [];
  return isSection(environments) ? keys.filter((key) => Object.hasOwn(environments, key) && !route.includes(key)) : [];
}

function describeMisplaced(key: string): string {
  return `${quoteValue(key)} is a key of an environment, not the name of one; expected names of environments here; indent it by two more blanks, below the environment it belongs to`;
}

interface Defined {
  readonly name: string;
  /** All environments that are defined. */
  readonly defined: readonly string[];
}

function environmentProblems(source: SourceDocument, { name, defined }: Defined): ConfigurationProblem[] {
  const at: ConfigurationPath = ['environments', name];
  return [
    ...nameProblems(source, { name, defined }),
    ...sourcesProblems(source, at),
    ...registriesProblems(source, at),
  ];
}

function nameProblems(source: SourceDocument, { name, defined }: Defined): ConfigurationProblem[] {
  const at: ConfigurationPath = ['environments', name];
  if (!ENVIRONMENT_NAME.test(name)) {
    const message = `${quoteValue(name)} cannot be the name of an environment; expected 1 to 32 lower-case letters, digits and -, not beginning or ending with -; choose such a name here, under route and for the secrets folder`;
    return [problemAtKey(source, at, message)];
  }
  const route = routeOf(source.value);
  if (route === undefined || route.includes(name)) return [];
  // A slip in a name on the route is reported there, with this name as what was meant.
  if (route.some((other) => !defined.includes(other) && suggest(other, defined) === name)) return [];
  const message = `${quoteValue(name)} is not on the route (${route.join(', ')}); expected every environment to be on it; add it to the route at its place, or remove this section`;
  return [problemAtKey(source, at, message)];
}

function sourcesProblems(source: SourceDocument, at: ConfigurationPath): ConfigurationProblem[] {
  const sources = [...at, 'sources'];
  const first = routeOf(source.value)?.[0];
  if (valueAt(source.value, sources) === undefined || first === undefined || first === at[1]) return [];
  const message = `only the first environment of the route (${first}) takes images from elsewhere; expected no sources here, every other environment takes them from the one before; move sources to ${first}, or remove it`;
  return [problemAtKey(source, sources, message)];
}

function registriesProblems(source: SourceDocument, at: ConfigurationPath): ConfigurationProblem[] {
  const registries = valueAt(source.value, [...at, 'registries']);
  if (!isSection(registries)) return [];
  const used = [...usedHosts(source.value), ...tokenHosts(registries)];
  return Object.keys(registries).flatMap((host) => {
    const path = [...at, 'registries', host];
    const wrong = refuseRegistryHost(host);
    if (wrong !== undefined) {
      const message = `${quoteValue(host)} ${wrong}; expected HOST[:PORT]; write it as it stands at the beginning of image references`;
      return [problemAtKey(source, path, message)];
    }
    const similar = used.filter((other) => hostname(other) === hostname(host));
    if (similar.length === 0 || similar.includes(host)) return [];
    const message = `no registry is reached as ${quoteValue(host)}; expected ${listWords(similar)}, host and port as written in the registry; correct the port`;
    return [problemAtKey(source, path, message)];
  });
}

/** Every host from which or to which an image may be copied. */
function usedHosts(root: unknown): string[] {
  const environments = valueAt(root, ['environments']);
  const prefixes = Object.values(isSection(environments) ? environments : {}).flatMap((environment) => {
    const sources = valueAt(environment, ['sources']);
    return [valueAt(environment, ['registry']), ...(Array.isArray(sources) ? (sources as unknown[]) : [])];
  });
  return prefixes.filter((prefix) => typeof prefix === 'string').map((prefix) => prefix.split('/', 1)[0] ?? '');
}

/** Hosts of token servers, which may have options of their own. */
function tokenHosts(registries: Readonly<Record<string, unknown>>): string[] {
  const servers = Object.values(registries).flatMap((options) => valueAt(options, ['tokenServers']));
  return servers.flatMap((server) =>
    typeof server === 'string' && URL.canParse(server) ? [new URL(server).host] : [],
  );
}

function hostname(host: string): string {
  return (host.split(':', 1)[0] ?? '').toLowerCase();
}

function tlsProblems(source: SourceDocument): ConfigurationProblem[] {
  const tls = valueAt(source.value, ['temporal', 'tls']);
  if (!isSection(tls) || 'certificate' in tls === 'key' in tls) return [];
  const missing = 'certificate' in tls ? 'key' : 'certificate';
  const message = `has no ${missing}; expected certificate and key together, or neither; add ${missing}: FILE`;
  return [problemAt(source, ['temporal', 'tls'], message)];
}

function routeOf(root: unknown): readonly string[] | undefined {
  const route = valueAt(root, ['route']);
  // Other things than text keep their places, so that an index here is an index in the file.
  return Array.isArray(route) ? route.map((name) => (typeof name === 'string' ? name : '')) : undefined;
}

function problemAtKey(source: SourceDocument, path: ConfigurationPath, message: string): ConfigurationProblem {
  return { file: source.file, ...source.locateKey(path), path: formatPath(path), message };
}
