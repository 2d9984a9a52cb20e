import { formatReference, formatRepository } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/**
 * The scopes that may configure a reference, most specific first: the full reference, its name, each parent path, the
 * host with its port, and wildcards over the parent domains (containers/image `docker/policyconfiguration`).
 */
export function scopesOf(reference: ImageReference): string[] {
  const scopes = [formatReference(reference)];
  let name = formatRepository(reference);
  for (;;) {
    scopes.push(name);
    const slash = name.lastIndexOf('/');
    if (slash < 0) break;
    name = name.slice(0, slash);
  }
  // A wildcard covers every port, a host only its own.
  let [host = ''] = name.split(':');
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.')) {
    host = host.slice(dot + 1);
    scopes.push(`*.${host}`);
  }
  return scopes;
}

/** The reference as the registry transport completes it: neither tag nor digest means `latest`. */
export function withDefaultTag(reference: ImageReference): ImageReference {
  const isNameOnly = reference.tag === undefined && reference.digest === undefined;
  return isNameOnly ? { ...reference, tag: 'latest' } : reference;
}

/**
 * The reference as a pull asks for it: with its default tag, and of tag and digest only the digest, as podman and CRI-O
 * have it before the registry transport sees it, which refuses both.
 */
export function pullReference({ domain, path, tag, digest }: ImageReference): ImageReference {
  return digest === undefined ? { domain, path, tag: tag ?? 'latest' } : { domain, path, digest };
}
