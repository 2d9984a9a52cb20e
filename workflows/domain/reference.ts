import { isDigest, quote } from './digest.ts';
import type { Digest } from './digest.ts';

/** A repository in expanded form: host with optional port, and path. */
export interface Repository {
  /**
   * Host with optional port, as written, for example `registry.example.com:5000`. Empty where the first component looks
   * like a host and cannot be one (`my_registry.example.com/web`): readers take that as a name, which no registry has.
   */
  readonly domain: string;
  /** Path below the host, for example `acme/shop/web`. */
  readonly path: string;
}

/** An image reference in expanded form (`docker.io/library/` filled in; no tag is ever added). */
export interface ImageReference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

const DOMAIN_LABEL = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
// The separator alternative must not match the empty string, or matching becomes exponential.
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const PORT = /^[0-9]+$/;
const IMAGE_ID = /^[0-9a-f]{64}$/;
const NAME_LIMIT = 255;
/** No valid reference is longer: name, tag, the longest digest, separators, and `index.` that normalizing takes away. */
const REFERENCE_LIMIT = NAME_LIMIT + 1 + 128 + 1 + 7 + 128 + 'index.'.length;

/** Tells whether `text` can be a tag. */
export function isTag(text: unknown): text is string {
  return typeof text === 'string' && TAG.test(text);
}

/**
 * Parses and normalizes a reference by the rules of containers/image (`docker/reference`).
 * @throws InvalidReferenceError with the rule that was broken.
 */
export function parseReference(text: string): ImageReference {
  if (text.length > REFERENCE_LIMIT) throw new InvalidReferenceError(text, 'it is too long');
  if (IMAGE_ID.test(text)) throw new InvalidReferenceError(text, '64 hex digits are an image ID, not a name');
  const { domain, remainder } = splitDomain(text);
  const named = remainder.split(':', 1)[0] ?? '';
  if (/[A-Z]/.test(named.split('@', 1)[0] ?? '')) {
    throw new InvalidReferenceError(text, 'the repository name must be lower case');
  }
  const at = remainder.indexOf('@');
  const digest = at < 0 ? undefined : remainder.slice(at + 1);
  const beforeDigest = at < 0 ? remainder : remainder.slice(0, at);
  const colon = beforeDigest.indexOf(':');
  const path = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon < 0 ? undefined : beforeDigest.slice(colon + 1);

  const repository = isDomain(domain) ? { domain, path } : { domain: '', path: `${domain}/${path}` };
  checkName(text, repository);
  if (tag !== undefined && !isTag(tag)) {
    throw new InvalidReferenceError(text, 'a tag is a letter, digit or _ and up to 127 of these, . and -');
  }
  if (digest !== undefined && !isDigest(digest)) {
    throw new InvalidReferenceError(text, 'the digest must be sha256:, sha384: or sha512: and lower-case hex digits');
  }
  return { ...repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The expanded form, the one that signatures claim and policies compare. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${formatRepository(reference)}${tag}${digest}`;
}

/** Host and path, without tag and digest. */
export function formatRepository({ domain, path }: Repository): string {
  return domain === '' ? path : `${domain}/${path}`;
}

/**
 * Parses a registry prefix such as `registry.example.com/acme` or a bare `registry.example.com:5000`.
 * Unlike a reference, a prefix always begins with a host and carries neither tag nor digest.
 */
export function parseRegistryPrefix(text: string): { readonly domain: string; readonly path: string } {
  const slash = text.indexOf('/');
  const domain = slash < 0 ? text : text.slice(0, slash);
  const path = slash < 0 ? '' : text.slice(slash + 1);
  if (!isDomain(domain) || domain.length > NAME_LIMIT) {
    throw new InvalidReferenceError(text, 'expected HOST[:PORT][/NAMESPACE…]');
  }
  if (slash >= 0 && !path.split('/').every((component) => PATH_COMPONENT.test(component))) {
    throw new InvalidReferenceError(
      text,
      'expected HOST[:PORT][/NAMESPACE…] in lower case, without tag or trailing slash',
    );
  }
  return { domain, path };
}

/** Tells whether `text` is a host or a repository in expanded form; how long it is does not matter. */
export function isNamePrefix(text: string): boolean {
  const [host = '', ...components] = text.split('/');
  return isDomain(host) && components.every((component) => PATH_COMPONENT.test(component));
}

/** The repository of image `name` under a registry prefix. */
export function repositoryUnder(prefix: string, name: string): Repository {
  const { domain, path } = parseRegistryPrefix(prefix);
  const repository = { domain, path: path === '' ? name : `${path}/${name}` };
  checkRepository(`${prefix}/${name}`, repository);
  return repository;
}

/** The name of `repository` below `prefix`, or undefined when it does not lie there. */
export function nameUnder(prefix: string, repository: Repository): string | undefined {
  const full = formatRepository(repository);
  return full.startsWith(`${prefix}/`) ? full.slice(prefix.length + 1) : undefined;
}

/** Tells whether two registry prefixes are equal or one contains the other. */
export function prefixesOverlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

/** Thrown for text that is not a reference, with the reason. */
export class InvalidReferenceError extends Error {
  readonly code = 'reference-invalid';
  constructor(received: string, reason: string) {
    super(`invalid reference ${quote(received)}: ${reason}; expected HOST/NAME[:TAG][@DIGEST]`);
    this.name = 'InvalidReferenceError';
  }
}

function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isHost = slash >= 0 && (/[.:]/.test(first) || first === 'localhost');
  const written = isHost ? first : 'docker.io';
  const domain = written === 'index.docker.io' ? 'docker.io' : written;
  const remainder = isHost ? text.slice(slash + 1) : text;
  const official = domain === 'docker.io' && !remainder.includes('/');
  return { domain, remainder: official ? `library/${remainder}` : remainder };
}

function isDomain(domain: string): boolean {
  const colon = domain.indexOf(':');
  const host = colon < 0 ? domain : domain.slice(0, colon);
  return (
    host.split('.').every((label) => DOMAIN_LABEL.test(label)) && (colon < 0 || PORT.test(domain.slice(colon + 1)))
  );
}

function checkRepository(text: string, repository: Repository): void {
  if (!isDomain(repository.domain)) throw new InvalidReferenceError(text, 'the host is not valid');
  checkName(text, repository);
}

function checkName(text: string, repository: Repository): void {
  if (formatRepository(repository).length > NAME_LIMIT) {
    throw new InvalidReferenceError(text, `the name is longer than ${NAME_LIMIT} characters`);
  }
  if (repository.path.split('/').every((component) => PATH_COMPONENT.test(component))) return;
  throw new InvalidReferenceError(
    text,
    'a name is a host and lower-case letters and digits with single . or _, double __ or any number of - between them',
  );
}
