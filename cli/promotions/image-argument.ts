import { usageError } from '../failure.ts';
import { quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import {
  formatRepository,
  isTag,
  nameUnder,
  parseReference,
  repositoryUnder,
} from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** What of the configuration decides where an image may come from. */
export interface ImagePlaces {
  /** The first environment of the route. */
  readonly entry: string;
  readonly registry: string;
  readonly sources: readonly string[];
  /** The registry prefixes of the environments after the first, by name. */
  readonly later: Readonly<Record<string, string>>;
}

/** The image that `start` is asked for. */
export interface WantedImage {
  readonly name: string;
  readonly tag: string;
  /** Given where the argument carries a digest: then only that counts. */
  readonly digest?: Digest;
  readonly source?: string;
  /** Where the tag is looked up. */
  readonly reference: ImageReference;
}

/**
 * Reads `start`'s IMAGE: a full reference under the first environment's registry or one of its sources, or a short
 * `NAME:TAG`, with a digest where the caller knows it.
 * @throws CliError `usage`, or InvalidReferenceError.
 */
export function parseImageArgument(text: string, option: string | undefined, places: ImagePlaces): WantedImage {
  const { name, source, parsed } = locate(text, places);
  const { digest } = parsed;
  if (digest !== undefined && !digest.startsWith('sha256:')) {
    throw usageError(`image ${quote(text)}: expected a sha256 digest, the only one that readers compute`);
  }
  const tag = chooseTag(text, parsed.tag, option);
  const reference = { ...repositoryUnder(source ?? places.registry, name), tag };
  return { name, tag, reference, ...(digest !== undefined && { digest }), ...(source !== undefined && { source }) };
}

function locate(text: string, places: ImagePlaces): { name: string; source?: string; parsed: ImageReference } {
  if (!beginsWithHost(text)) {
    const parsed = parseReference(`${places.registry}/${text}`);
    const name = nameUnder(places.registry, parsed);
    if (name !== undefined) return { name, parsed };
  }
  const parsed = parseReference(text);
  const own = nameUnder(places.registry, parsed);
  if (own !== undefined) return { name: own, parsed };
  // The most specific source counts, whatever their order.
  for (const source of places.sources.toSorted((one, other) => other.length - one.length)) {
    const name = nameUnder(source, parsed);
    if (name !== undefined) return { name, source, parsed };
  }
  throw usageError(`image ${quote(text)}: ${explainPlace(parsed, places)}`);
}

/** The rule by which references tell a host from the first part of a name. */
function beginsWithHost(text: string): boolean {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  return slash >= 0 && (/[.:]/.test(first) || first === 'localhost');
}

function explainPlace(parsed: ImageReference, { entry, registry, sources, later }: ImagePlaces): string {
  const elsewhere = Object.entries(later).find(([, prefix]) => nameUnder(prefix, parsed) !== undefined);
  if (elsewhere !== undefined) {
    return `it lies in ${elsewhere[0]}; a promotion begins in ${entry}, below ${registry}, and passes what stands already`;
  }
  const places = [registry, ...sources].join(', ');
  return `${formatRepository(parsed)} lies outside ${places}; push it to ${entry}'s registry, or add its place to the sources of ${entry}`;
}

function chooseTag(text: string, written: string | undefined, option: string | undefined): string {
  if (option !== undefined && !isTag(option)) {
    throw usageError(`--tag ${quote(option)}: expected a letter, digit or _ and up to 127 of these, . and -`);
  }
  if (written !== undefined && option !== undefined && written !== option) {
    throw usageError(`image ${quote(text)} and --tag ${option} name two tags; expected one`);
  }
  const tag = written ?? option;
  if (tag !== undefined) return tag;
  throw usageError(`image ${quote(text)} has no tag; signatures claim one: write NAME:TAG, or give --tag TAG`);
}
