import { matchIdentity, parsePolicy, scopesOf } from '../../activities/trust/index.ts';
import type { SignedIdentity } from '../../activities/trust/index.ts';
import { formatReference, formatRepository, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { usageError } from '../failure.ts';

/** A reference taken apart; the JSON of `reference parse`. */
export interface DescribedReference {
  /** Expanded: the form that signatures claim and policies compare. */
  readonly reference: string;
  /** As docker and podman show it: without `docker.io/` and `library/`. */
  readonly familiar: string;
  readonly domain: string;
  readonly path: string;
  /** Domain and path. */
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string | null;
  /** What a registry is asked for: with `latest` where neither tag nor digest is given; null where both are. */
  readonly pull: string | null;
  /** The scopes of policy.json and registries.d that may configure it, most specific first. */
  readonly scopes: readonly string[];
}

/** Two references side by side; the JSON of `reference compare`. */
export interface ComparedReferences {
  /** The image as somebody asks for it, expanded. */
  readonly image: string;
  /** What a signature claims, expanded; null for text that is no reference, which never matches. */
  readonly signed: string | null;
  readonly equal: boolean;
  readonly sameRepository: boolean;
  /** Whether the claim is good for the image, by kind of `signedIdentity`. */
  readonly matches: Readonly<Record<string, boolean>>;
}

const PLAIN_KINDS = ['matchExact', 'matchRepoDigestOrExact', 'matchRepository'] as const;

/**
 * Parses, normalizes and formats a reference.
 * @throws InvalidReferenceError.
 */
export function describeReference(text: string): DescribedReference {
  const reference = parseReference(text);
  const { domain, path, tag, digest } = reference;
  const both = tag !== undefined && digest !== undefined;
  const pulled = tag === undefined && digest === undefined ? { ...reference, tag: 'latest' } : reference;
  return {
    reference: formatReference(reference),
    familiar: formatReference(reference).replace(/^docker\.io\/(?:library\/(?=[^/]*$))?/, ''),
    domain,
    path,
    repository: formatRepository(reference),
    tag: tag ?? null,
    digest: digest ?? null,
    pull: both ? null : formatReference(pulled),
    scopes: scopesOf(pulled),
  };
}

/**
 * Compares an image with what a signature claims.
 * @param identity a `signedIdentity` as policy.json writes it; then it is the only one that is tried.
 * @throws InvalidReferenceError for the image, CliError for the identity.
 */
export function compareReferences(imageText: string, signedText: string, identity?: unknown): ComparedReferences {
  const image = parseReference(imageText);
  const signed = tryParse(signedText);
  const kinds: readonly SignedIdentity[] =
    identity === undefined ? PLAIN_KINDS.map((type) => ({ type })) : [parseIdentity(identity)];
  return {
    image: formatReference(image),
    signed: signed === undefined ? null : formatReference(signed),
    equal: signed !== undefined && formatReference(image) === formatReference(signed),
    sameRepository: signed !== undefined && formatRepository(image) === formatRepository(signed),
    matches: Object.fromEntries(kinds.map((kind) => [kind.type, matchIdentity(kind, image, signedText)])),
  };
}

function tryParse(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** By way of a whole policy: that is where the rules about its members are. */
function parseIdentity(signedIdentity: unknown): SignedIdentity {
  const requirement = { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/key', signedIdentity };
  try {
    const policy = parsePolicy(Buffer.from(JSON.stringify({ default: [requirement] })), 'identity');
    const [parsed] = policy.default;
    if (parsed?.type === 'signedBy') return parsed.signedIdentity;
  } catch (error) {
    throw usageError(`identity: ${error instanceof Error ? error.message : 'not a signedIdentity'}`);
  }
  throw usageError('identity: not a signedIdentity');
}
