import { quote } from '../../workflows/domain/digest.ts';
import { SignatureStoreError } from './error.ts';

/** How a git signature store is reached and who it is. Secrets are paths of files, read only by git and ssh. */
export interface GitSignatureStoreOptions {
  /** `https://…`, `ssh://user@host[:port]/…`, `user@host:path`; `http://` for loopback addresses only. */
  readonly url: string;
  /** The served branch. */
  readonly branch: string;
  /** Directory of the lookaside layout in the repository, for example `images`; empty for its root. */
  readonly directory: string;
  /** Holds the local object cache. One process per directory: the lock does not reach beyond the process. */
  readonly cacheDirectory: string;
  /** A file in the format of git-credential-store, for https. It is only read, never written. */
  readonly credentialsFile?: string | undefined;
  readonly sshKeyFile?: string | undefined;
  readonly knownHostsFile?: string | undefined;
  /** Certificate authorities that vouch for the host, in PEM, instead of the system's. */
  readonly caFile?: string | undefined;
  /**
   * The process's environment; of it, git gets PATH and, for https, the proxies and the system's certificates.
   * Left out: PATH is the usual folders, and there is no proxy.
   */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Author and committer of every commit. */
  readonly identity: { readonly name: string; readonly email: string };
}

/** Options after every check. */
export interface StoreSettings extends GitSignatureStoreOptions {
  readonly scheme: 'https' | 'http' | 'ssh';
  /** The URL as messages show it. */
  readonly shownUrl: string;
  readonly branchRef: string;
  /** `directory`, split. */
  readonly directoryPath: readonly string[];
}

/** Branches of proposals lie below; the served branch must not. */
export const PROPOSAL_PREFIX = 'countersign/';

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const SCP_FORM = /^([^@:/]+)@([^@:/]+):(?!\/\/)([^:]+)$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const REF_COMPONENT = /^(?!\.)(?!.*\.\.)(?!.*\.lock$)(?!.*\.$)[A-Za-z0-9._+=#%-]+$/;
const DIRECTORY_COMPONENT = /^(?!\.)[A-Za-z0-9._-]+$/;
// Only git's own transports that need no helper program; `ext::`, `file:` and plain paths run or read what they name.
const EXPECTED = 'https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH (http:// on loopback only)';

/**
 * Checks the options.
 * @throws SignatureStoreError `configuration-invalid`.
 */
export function checkOptions(options: GitSignatureStoreOptions): StoreSettings {
  const { scheme, shownUrl } = checkUrl(options.url);
  if (scheme === 'ssh') {
    if (options.sshKeyFile === undefined) throw invalid(`repository ${shownUrl} needs an ssh key file`);
    if (options.knownHostsFile === undefined) throw invalid(`repository ${shownUrl} needs a known_hosts file`);
  }
  if (!isRefName(options.branch) || options.branch.startsWith(PROPOSAL_PREFIX)) {
    throw invalid(`branch ${quote(options.branch)}: expected a branch name outside ${PROPOSAL_PREFIX}`);
  }
  const directoryPath = options.directory === '' ? [] : options.directory.split('/');
  if (!directoryPath.every((component) => DIRECTORY_COMPONENT.test(component))) {
    throw invalid(
      `directory ${quote(options.directory)}: expected names of letters, digits, ., _ and - joined by /, or nothing`,
    );
  }
  const { name, email } = options.identity;
  if (!/[^\s.,:;<>"\\']/.test(name) || /[<>\p{Cc}]/u.test(name) || !/^[^\s<>@]+@[^\s<>@]+$/.test(email)) {
    throw invalid(`identity ${quote(`${name} <${email}>`)}: expected a name and an e-mail address`);
  }
  return { ...options, scheme, shownUrl, branchRef: `refs/heads/${options.branch}`, directoryPath };
}

/** Tells whether `name` can be a branch; narrower than git's own rule. */
export function isRefName(name: string): boolean {
  return (
    name.length <= 200 &&
    !name.startsWith('-') &&
    name !== 'HEAD' &&
    name.split('/').every((component) => REF_COMPONENT.test(component))
  );
}

/** Tells whether the URL's host is this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

function checkUrl(url: string): Pick<StoreSettings, 'scheme' | 'shownUrl'> {
  if (/[\p{Cc}\s]/u.test(url) || url.startsWith('-')) throw invalid(`repository URL: expected ${EXPECTED}`);
  const scp = SCP_FORM.exec(url);
  if (scp !== null && !url.includes('::')) {
    const [, user = '', host = '', path = ''] = scp;
    if (!USER.test(user) || !HOST.test(host) || path.startsWith('-'))
      throw invalid(`repository URL: expected ${EXPECTED}`);
    return { scheme: 'ssh', shownUrl: `${host}:${path}` };
  }
  if (!/^(?:https?|ssh):\/\//.test(url) || !URL.canParse(url)) {
    throw invalid(`repository URL ${quote(withoutSecrets(url))}: expected ${EXPECTED}`);
  }
  return checkParsedUrl(new URL(url), url);
}

function checkParsedUrl(parsed: URL, url: string): Pick<StoreSettings, 'scheme' | 'shownUrl'> {
  const shownUrl = `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  const scheme = parsed.protocol.slice(0, -1);
  if (!HOST.test(parsed.hostname)) throw invalid(`repository ${quote(shownUrl)}: the host is not valid`);
  if (parsed.password !== '' || (scheme !== 'ssh' && parsed.username !== '')) {
    throw invalid(`repository ${quote(shownUrl)}: the URL holds credentials; expected them in the credentials file`);
  }
  if (url.includes('?') || url.includes('#')) {
    throw invalid(`repository ${quote(shownUrl)}: expected no query and no fragment`);
  }
  if (scheme === 'http' && !isLoopback(parsed.hostname)) {
    throw invalid(`repository ${quote(shownUrl)}: expected https, plain http is for loopback addresses only`);
  }
  if (scheme === 'ssh' && parsed.username !== '' && !USER.test(parsed.username)) {
    throw invalid(`repository ${quote(shownUrl)}: the user name is not valid`);
  }
  if (parsed.pathname.length < 2) throw invalid(`repository ${quote(shownUrl)}: expected a path`);
  if (scheme !== 'https' && scheme !== 'http' && scheme !== 'ssh')
    throw invalid(`repository URL: expected ${EXPECTED}`);
  return { scheme, shownUrl };
}

function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//').replace(/[?#].*$/, '');
}

function invalid(message: string): SignatureStoreError {
  return new SignatureStoreError('configuration-invalid', message);
}
