import { environmentActivities } from './promotion/activities.ts';
import type { Digest } from './domain/digest.ts';
import type { ResolveInput } from './domain/steps.ts';

/**
 * Resolves a tag with the first environment's own credentials, for a client that has none. The digest is part of a
 * promotion's id, so it must be known before the promotion exists.
 */
export async function resolve(input: ResolveInput): Promise<{ readonly digest: Digest }> {
  return await environmentActivities(input.environment, { attempts: 3 }).resolve(input);
}
