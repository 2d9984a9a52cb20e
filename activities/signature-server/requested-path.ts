/**
 * The bytes of a request's path, as latin1 text without leading slash, or undefined when no file can have it.
 * Percent-escapes are decoded once; an escaped slash or NUL names nothing. Nothing else is normalized: `..` is no path
 * in git, so it finds nothing. Repeated slashes count as one, as in httpd and nginx: a base written with a trailing
 * slash makes readers send two.
 * @param target The request target as received, in origin or absolute form.
 */
export function requestedPath(target: string): string | undefined {
  const written = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/\?.*$/s, '');
  if (!written.startsWith('/') || written.includes('#') || /%(?![0-9A-Fa-f]{2})/.test(written)) return undefined;
  if (/%(?:2F|00)/i.test(written)) return undefined;
  const joined = written.replace(/\/{2,}/g, '/').slice(1);
  return joined.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
