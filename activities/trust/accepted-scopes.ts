import { quote } from '../../workflows/domain/digest.ts';
import { isNamePrefix } from '../../workflows/domain/reference.ts';
import { TrustError } from './error.ts';

const TAG_OR_DIGEST = /(?:@sha256:[0-9a-f]{64}|(?<=\/[^/]*):\w[\w.-]{0,127})$/;

/**
 * The scopes of a policy that need no signature, sorted, each once. None may let anything in below a registry whose
 * images must be signed; what lies above or beside one is left to the more specific scope.
 * @throws TrustError `configuration-invalid` for text that is no scope, or lies below one of `registries`.
 */
export function acceptedScopes(scopes: readonly string[], registries: readonly string[]): readonly string[] {
  for (const scope of scopes) {
    if (!isScope(scope)) {
      throw refused(scope, 'is no scope; expected HOST[:PORT][/NAMESPACE…][:TAG|@DIGEST] or *.DOMAIN');
    }
    const above = registries.find((registry) => scope === registry || /^[/:@]/.test(below(scope, registry)));
    if (above !== undefined) {
      throw refused(scope, `lies in ${quote(above)}, whose images must be signed; expected a scope outside of it`);
    }
  }
  return [...new Set(scopes)].sort();
}

function isScope(scope: string): boolean {
  if (scope.startsWith('*.')) return isNamePrefix(scope.slice(2)) && !/[/:]/.test(scope);
  return isNamePrefix(scope.replace(TAG_OR_DIGEST, ''));
}

function below(scope: string, registry: string): string {
  // A host's port is no tag: r.example.com:5000 does not lie in r.example.com.
  if (!registry.includes('/') && scope.startsWith(`${registry}:`)) return '';
  return scope.startsWith(registry) ? scope.slice(registry.length) : '';
}

function refused(scope: string, why: string): TrustError {
  return new TrustError('configuration-invalid', `accepted scope ${quote(scope)} ${why}`);
}
