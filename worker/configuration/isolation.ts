import path from 'node:path';

import { prefixesOverlap } from '../../workflows/domain/reference.ts';
import { isSection, valueAt } from './issues.ts';
import type { ConfigurationPath } from './problem.ts';
import { formatPath, quoteValue } from './quoting.ts';

/** Something two environments share and must not. */
export interface IsolationFault {
  readonly path: ConfigurationPath;
  readonly message: string;
}

interface Claim {
  readonly environment: string;
  readonly path: ConfigurationPath;
  /** In a form in which equal or nested claims are equal or begin with one another and a slash. */
  readonly place: string;
}

/** One kind of thing that every environment has for itself. */
interface Property {
  claim(
    environment: unknown,
    context: { readonly name: string; readonly root: unknown; readonly folder: string },
  ): { readonly key: ConfigurationPath; readonly place: string } | undefined;
  readonly rule: string;
}

const PROPERTIES: readonly Property[] = [
  {
    claim: (environment) => claimOf(['registry'], normalizeRegistry(textAt(environment, ['registry']))),
    rule: 'expected registries of which none contains another, or a tag of one would move a release of the other; give each environment a host or namespace of its own',
  },
  {
    claim: claimRepository,
    rule: 'expected a repository, branch or folder of its own for each environment, none inside another; change repository.directory or repository.url',
  },
  {
    claim: (environment) => {
      const key = ['signatures', 'servedAt'];
      return claimOf(key, normalizeUrl(textAt(environment, key)));
    },
    rule: 'expected an address of its own for each environment, none below another, for the paths below it do not tell hosts apart; serve the signatures under another address',
  },
  {
    claim: claimSecrets,
    rule: 'expected a folder of secrets for each environment, none inside another: a key stays with its environment; change secrets',
  },
];

/**
 * Finds what environments share and must not: registry, repository with branch and folder, served address, folder of
 * secrets. Takes the values as written, or a finished configuration, whose keys are the same.
 */
export function isolationFaults(root: unknown, folder: string): IsolationFault[] {
  const environments = valueAt(root, ['environments']);
  if (!isSection(environments)) return [];
  return PROPERTIES.flatMap((property) => {
    const claims = Object.keys(environments).flatMap((name): Claim[] => {
      const claim = property.claim(environments[name], { name, root, folder });
      if (claim === undefined) return [];
      return [{ environment: name, path: ['environments', name, ...claim.key], place: claim.place }];
    });
    return findOverlaps(claims, property.rule);
  });
}

function findOverlaps(claims: readonly Claim[], rule: string): IsolationFault[] {
  return claims.flatMap((claim, index) => {
    const earlier = claims.slice(0, index).find((other) => prefixesOverlap(other.place, claim.place));
    if (earlier === undefined) return [];
    const how = earlier.place === claim.place ? 'is the same as' : 'overlaps with';
    return [{ path: claim.path, message: `${how} ${formatPath(earlier.path)}; ${rule}` }];
  });
}

function claimRepository(environment: unknown): ReturnType<Property['claim']> {
  const key = ['signatures', 'repository'];
  const repository = valueAt(environment, key);
  const url = normalizeRepository(textAt(repository, ['url']));
  if (url === undefined) return undefined;
  const branch = textAt(repository, ['branch']) ?? 'main';
  const directory = textAt(repository, ['directory']) ?? 'images';
  // Quoted, so that a branch with a slash is not taken for a folder.
  return claimOf(key, `${quoteValue(url)} ${quoteValue(branch)}/${directory}`);
}

function claimSecrets(
  environment: unknown,
  { name, root, folder }: { readonly name: string; readonly root: unknown; readonly folder: string },
): ReturnType<Property['claim']> {
  if (!isSection(environment)) return undefined;
  const own = textAt(environment, ['secrets']);
  const common = textAt(root, ['secrets']) ?? 'secrets';
  const place = path.resolve(folder, own ?? path.join(common, name));
  return claimOf(own === undefined ? [] : ['secrets'], place);
}

function claimOf(key: ConfigurationPath, place: string | undefined): ReturnType<Property['claim']> {
  return place === undefined ? undefined : { key, place };
}

function textAt(root: unknown, at: ConfigurationPath): string | undefined {
  const value = valueAt(root, at);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Host in lower case, the default port of https left out; namespaces are lower case anyway. */
function normalizeRegistry(text: string | undefined): string | undefined {
  return text?.toLowerCase().replace(/^([^/:]+):443(?=\/|$)/, '$1');
}

/** Without scheme, host in lower case, default port left out, no slash at the end. */
function normalizeUrl(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { host, pathname } = new URL(text);
  return `${host}${pathname}`.replace(/\/+$/, '');
}

/** One form for `https://host/a.git`, `ssh://git@host/a` and `git@host:a`, which usually are one repository. */
function normalizeRepository(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const short = /^[^/@:]+@([^/@:]+):(.*)$/.exec(text);
  const plain = short === null ? normalizeUrl(text) : `${(short[1] ?? '').toLowerCase()}/${short[2] ?? ''}`;
  return plain?.replace(/\/+/g, '/').replace(/\/?(?:\.git)?\/?$/, '');
}
