/** The scopes that each transport takes in a policy; those of transports that no reader knows may be anything. */
import { posix } from 'node:path';
import { isDigest } from '../../workflows/domain/digest.ts';

const ATOMIC = /^[^/]*(?:\/[^:/]*(?:\/[^:/]*(?::[^:/]*)?)?)?$/;
const PATH_TRANSPORTS = new Set(['dir', 'oci', 'oci-archive', 'sif']);
const WITHOUT_SCOPES = new Set(['docker-archive', 'tarball']);

/** Why readers refuse a policy with this scope; undefined where they take it. The empty one is the default of any. */
export function scopeProblem(transport: string, scope: string): string | undefined {
  if (scope === '') return undefined;
  if (PATH_TRANSPORTS.has(transport)) {
    return isCleanPath(scope)
      ? undefined
      : 'the scope must be an absolute path other than /, without . and .. and double slashes';
  }
  if (WITHOUT_SCOPES.has(transport)) return `${transport} takes no scope but the empty one`;
  if (transport === 'docker-daemon' && isDigest(scope)) return 'the scope must not be a digest';
  if (transport === 'atomic' && !ATOMIC.test(scope)) return 'the scope must be HOST[/NAMESPACE[/STREAM[:TAG]]]';
  if (transport === 'containers-storage' && !isStorageScope(scope)) {
    return 'the scope must be [DRIVER@/ROOT] or [/ROOT], with a reference behind it or none';
  }
  return undefined;
}

function isCleanPath(scope: string): boolean {
  return scope.startsWith('/') && scope !== '/' && !scope.endsWith('/') && posix.normalize(scope) === scope;
}

function isStorageScope(scope: string): boolean {
  const close = scope.indexOf(']');
  if (!scope.startsWith('[') || close < 1) return false;
  const [driver = '', ...root] = scope.slice(1, close).split('@');
  const path = root.length === 0 ? driver : root.join('@');
  if (!path.startsWith('/') || driver === '') return false;
  const [, first, ...rest] = scope.slice(close + 1).split('@');
  if (first === undefined) return true;
  const second = rest.length === 0 ? undefined : rest.join('@');
  return second === undefined ? isImageId(first) || isDigest(first) : isDigest(first) && isImageId(second);
}

function isImageId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
