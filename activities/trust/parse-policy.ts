import { posix } from 'node:path';
import { quote } from '../../workflows/domain/digest.ts';
import { JsonError, exactMembers, objectMembers, parseJson } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';
import { TrustError } from './error.ts';
import { parseRequirements } from './parse-requirement.ts';
import type { Policy, RequirementList } from './policy.ts';

const ATOMIC_SCOPE = /^[^/]*(?:\/[^:/]*(?:\/[^:/]*(?::[^:/]*)?)?)?$/;

/**
 * Parses a policy.json as strictly as the readers: one unknown, missing, repeated or mistyped member refuses the whole
 * file, which then fails every pull.
 * @throws TrustError `configuration-invalid`, naming file and place.
 */
export function parsePolicy(bytes: Uint8Array, file: string): Policy {
  try {
    const top = exactMembers(parseJson(bytes), 'policy', { required: ['default'], optional: ['transports'] });
    return {
      file,
      default: parseRequirements(top.get('default'), 'default'),
      transports: parseTransports(top.get('transports')),
    };
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new TrustError(
      'configuration-invalid',
      `policy ${quote(file)} refused: ${cause.message}; readers refuse every image while it stands`,
      { cause },
    );
  }
}

function parseTransports(value: JsonValue | undefined): Policy['transports'] {
  const transports = new Map<string, ReadonlyMap<string, RequirementList>>();
  if (value === undefined) return transports;
  for (const [transport, scopes] of objectMembers(value, 'transports')) {
    const where = `transports.${transport}`;
    const lists = new Map<string, RequirementList>();
    for (const [scope, requirements] of objectMembers(scopes, where)) {
      if (scope !== '') checkScope(transport, scope);
      lists.set(scope, parseRequirements(requirements, `${where}[${JSON.stringify(scope)}]`));
    }
    transports.set(transport, lists);
  }
  return transports;
}

/** Each transport has its own form of scopes; those of `docker` may be anything, and unknown transports are kept. */
function checkScope(transport: string, scope: string): void {
  const refuse = (expected: string): JsonError =>
    new JsonError(`transports.${transport}: scope ${quote(scope)} refused: expected ${expected}`);
  if (transport === 'dir' || transport === 'oci') {
    if (!scope.startsWith('/') || scope === '/' || posix.normalize(scope) !== scope || scope.endsWith('/')) {
      throw refuse('an absolute path without . and ..');
    }
  }
  if (transport === 'atomic' && !ATOMIC_SCOPE.test(scope)) throw refuse('HOST[/NAMESPACE[/STREAM[:TAG]]]');
}
