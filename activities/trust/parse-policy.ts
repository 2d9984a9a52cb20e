import { quote } from '../../workflows/domain/digest.ts';
import { checkPolicy } from './check-policy.ts';
import { TrustError } from './error.ts';
import type { Policy } from './policy.ts';

/**
 * Parses a policy.json as strictly as the readers: one unknown, missing, repeated or mistyped member refuses the whole
 * file, which then fails every pull.
 * @throws TrustError `configuration-invalid`, naming file and place.
 */
export function parsePolicy(bytes: Uint8Array, file: string): Policy {
  const { policy, problems } = checkPolicy(bytes, file);
  if (policy !== undefined) return policy;
  const [{ place, message } = { place: '', message: 'not a policy' }] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  throw new TrustError(
    'configuration-invalid',
    `policy ${quote(file)} refused: ${place === '' ? '' : `${place}: `}${message}${more}; readers refuse every image while it stands`,
  );
}
