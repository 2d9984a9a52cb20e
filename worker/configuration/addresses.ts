import { isIPv4, isIPv6 } from 'node:net';

import { parseRegistryPrefix } from '../../workflows/domain/reference.ts';

// Every function here tells what is wrong with a text, or returns undefined: the schema adds expectation and way out.

/** How git reaches a repository. */
export type RepositoryTransport = 'https' | 'http' | 'ssh';

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
/** `user@host:path`, the short form of ssh; without a user it could be mistaken for a scheme. */
const SCP_LIKE = /^([A-Za-z0-9_][A-Za-z0-9._-]*)@([^:/@\s]+):(?!\/\/)([^\s]+)$/;
// eslint-disable-next-line no-control-regex -- these are what must not come through
const UNPRINTABLE = /[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Loopback names and addresses, the only hosts that may be reached without TLS. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIPv4(bare)) return bare.startsWith('127.');
  return bare === '::1' || bare === 'localhost' || bare.endsWith('.localhost');
}

/** An https URL, or http to a loopback host, without user, query and fragment. */
export function refuseServiceUrl(text: string): string | undefined {
  if (UNPRINTABLE.test(text)) return 'contains a blank or a control character';
  if (!/^https?:\/\//.test(text)) return 'is not a URL with https://';
  const url = parseUrl(text);
  if (url === undefined) return 'is not a valid URL';
  if (hasUser(url, text)) return 'carries a user or a password, which this file must not hold';
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return 'is plain http to a host that is not loopback';
  if (/[?#]/.test(text)) return 'carries a query or a fragment, which may be a credential';
  return undefined;
}

/** The address under which clusters read signatures. */
export function refuseServedAt(text: string): string | undefined {
  const wrong = refuseServiceUrl(text);
  if (wrong !== undefined) return wrong;
  // Readers join base and path with a slash and do not clean the result.
  return text.endsWith('/') ? 'ends in a slash, and readers would ask for a double one' : undefined;
}

/** The transport of a repository's URL, or undefined where git must not be given it. */
export function repositoryTransport(text: string): RepositoryTransport | undefined {
  if (SCP_LIKE.test(text) || text.startsWith('ssh://')) return 'ssh';
  if (text.startsWith('https://')) return 'https';
  return text.startsWith('http://') ? 'http' : undefined;
}

/** A git URL over https, ssh (both forms), or http to a loopback host. */
export function refuseRepositoryUrl(text: string): string | undefined {
  if (text.startsWith('-')) return 'begins with -, which git would take for an option';
  if (UNPRINTABLE.test(text)) return 'contains a blank or a control character';
  if (/^[A-Za-z0-9+.-]+::/.test(text)) return 'names a remote helper, which runs a program';
  const transport = repositoryTransport(text);
  if (transport === undefined) return 'is not a git URL over https or ssh';
  if (transport !== 'ssh') return refuseServiceUrl(text) ?? refuseEmptyPath(new URL(text).pathname);
  return refuseSshUrl(text);
}

function refuseSshUrl(text: string): string | undefined {
  const short = SCP_LIKE.exec(text);
  if (short !== null) {
    const [, , host = '', path = ''] = short;
    if (!isHost(host)) return 'has no valid host';
    return path.startsWith('-') ? 'has a path that begins with -' : undefined;
  }
  const url = parseUrl(text);
  if (url === undefined || !isHost(url.hostname)) return 'has no valid host';
  if (url.password !== '' || /^ssh:\/\/[^/]*:[^/]*@/.test(text)) {
    return 'carries a password, which this file must not hold';
  }
  if (url.username.startsWith('-')) return 'has a user that begins with -';
  if (/[?#]/.test(text)) return 'carries a query or a fragment';
  return refuseEmptyPath(url.pathname);
}

function refuseEmptyPath(path: string): string | undefined {
  if (path === '' || path === '/') return 'names no repository after the host';
  return path.startsWith('/-') ? 'has a path that begins with -' : undefined;
}

/** A branch by the rules of `git check-ref-format`, without `refs/heads/`. */
export function refuseBranch(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.startsWith('-')) return 'begins with -, which git would take for an option';
  if (text.startsWith('refs/')) return 'is a full reference name';
  if (text === '@' || text === 'HEAD') return 'is a name of its own for git';
  if (UNPRINTABLE.test(text) || /[~^:?*[\\]|\.\.|@\{|\/\//.test(text)) return 'contains what git forbids in a branch';
  if (/[/.]$/.test(text) || text.split('/').some((part) => part === '' || /^\.|\.lock$/.test(part))) {
    return 'contains what git forbids in a branch';
  }
  return text.length > 200 ? 'is longer than 200 characters' : undefined;
}

/** A folder inside a repository, below its root. */
export function refuseRepositoryDirectory(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.startsWith('/') || text.endsWith('/')) return 'begins or ends with a slash';
  for (const part of text.split('/')) {
    if (part === '' || part === '.' || part === '..') return 'has an empty part, . or ..';
    if (/^\.git/i.test(part)) return 'has a part that begins with .git, which git keeps for itself';
    if (!/^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(part)) return 'has other characters than letters, digits, . _ and -';
  }
  return text.length > 200 ? 'is longer than 200 characters' : undefined;
}

/** `HOST:PORT`, the host a name or an address (IPv6 in brackets). */
export function refuseHostPort(text: string): string | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):([0-9]{1,5})$/.exec(text);
  if (match === null) return text.includes('://') ? 'is a URL' : 'is not HOST:PORT';
  const [, host = '', port = ''] = match;
  if (Number(port) < 1 || Number(port) > 65_535) return 'has a port outside 1 to 65535';
  return isHost(host) ? undefined : 'has no valid host';
}

/** A registry with optional namespaces: `HOST[:PORT][/NAMESPACE…]`. */
export function refuseRegistryPrefix(text: string): string | undefined {
  if (/^[a-z]+:\/\//i.test(text)) return 'is a URL';
  try {
    const { domain } = parseRegistryPrefix(text);
    if (domain === 'index.docker.io') return 'is written docker.io in references, so no image would be found under it';
    // Without a dot or a port the first part of a reference is a namespace on docker.io, not a host.
    return /[.:]/.test(domain) || domain === 'localhost' ? undefined : 'does not begin with a host';
  } catch {
    return 'is not HOST[:PORT][/NAMESPACE…]';
  }
}

/** A registry's host with optional port, as it stands at the beginning of references. */
export function refuseRegistryHost(text: string): string | undefined {
  if (text.includes('/') && !/^[a-z]+:\/\//i.test(text)) return 'has a namespace';
  return refuseRegistryPrefix(text);
}

function isHost(host: string): boolean {
  if (/^\[.*\]$/.test(host)) return isIPv6(host.slice(1, -1));
  return host.length <= 253 && host.split('.').every((label) => LABEL.test(label));
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Also an empty user (`https://@host`), which the parser drops. */
function hasUser(url: URL, text: string): boolean {
  return url.username !== '' || url.password !== '' || /^[a-z]+:\/\/[^/?#]*@/i.test(text);
}
