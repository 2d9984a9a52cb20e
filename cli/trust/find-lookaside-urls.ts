import type { JudgeSession } from '../images/judge-session.ts';
import { readImageTree } from '../../activities/oci/index.ts';
import { builtInLookaside, findLookaside, lookasideUrl } from '../../activities/trust/index.ts';
import type { Grounds } from '../images/judge-by.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** Where readers look for the signatures of an image; the JSON of `trust lookaside`. */
export interface LookasideUrls {
  readonly reference: string;
  /** Without user and password, as all URLs here. */
  readonly base: string;
  /** A scope of registries.d, `default-docker`, `built-in`, or `given`. */
  readonly from: string;
  readonly key: string | null;
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: string | null;
    readonly kind: 'image' | 'index' | null;
    /** Of the first signature; readers go on with 2, 3, … until one is not there. */
    readonly url: string;
  }[];
}

/** Which URLs are wanted. */
export interface LookasideWish {
  readonly access: 'read' | 'write';
  /** Where it is given, no registry is asked. */
  readonly digest?: Digest;
}

/** @throws RegistryError where the registry must be asked for the digests and does not give them. */
export async function findLookasideUrls(
  session: JudgeSession,
  image: string,
  wish: LookasideWish,
): Promise<LookasideUrls> {
  const input = session.inputFor(image);
  const { reference } = input;
  const { url, from, key } = chooseBase(input, wish.access);
  const manifests = await findManifests(session, reference, wish.digest ?? reference.digest);
  return {
    reference: formatReference(reference),
    base: withoutUser(url),
    from,
    key: key ?? null,
    manifests: manifests.map((manifest) => ({
      ...manifest,
      url: withoutUser(lookasideUrl(url, reference.path, manifest.digest, 1)),
    })),
  };
}

function chooseBase(
  { reference, registriesD, lookasideBase }: Grounds & { readonly reference: ImageReference },
  access: 'read' | 'write',
): { readonly url: string; readonly from: string; readonly key?: string } {
  if (registriesD !== undefined) {
    const { url, from, key } = findLookaside(registriesD, reference, access);
    if (url !== undefined) return { url, from: from ?? 'given', ...(key !== undefined && { key }) };
    return { url: builtInLookaside(), from: 'built-in' };
  }
  const url = typeof lookasideBase === 'string' ? lookasideBase : lookasideBase(reference);
  return url === undefined ? { url: builtInLookaside(), from: 'built-in' } : { url, from: 'given' };
}

async function findManifests(
  { client }: JudgeSession,
  reference: ImageReference,
  digest: Digest | undefined,
): Promise<readonly { digest: Digest; platform: string | null; kind: 'image' | 'index' | null }[]> {
  if (digest !== undefined) return [{ digest, platform: null, kind: null }];
  const tagged = { ...reference, tag: reference.tag ?? 'latest' };
  const { manifests } = await readImageTree(client, tagged);
  return manifests.map((one) => ({ digest: one.digest, platform: one.platform ?? null, kind: one.kind }));
}

/** What stands before the host is a secret. */
function withoutUser(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#@]*@/i, '$1');
}
