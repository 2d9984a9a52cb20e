import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';
import { KubernetesError, askKubernetes } from './kubernetes-api.ts';
import type { ClusterAccess, KubernetesClients, NeededRight } from './kubernetes-api.ts';

/**
 * One request to the API of a cluster on behalf of a rebuild.
 * @throws SignatureServerError `rebuild-unavailable` where it is worth another try (no answer, 409, 429, 5xx), otherwise
 * `rebuild-refused`; with the status of the answer.
 */
export async function askForRebuild<Result>(
  access: ClusterAccess,
  { right, call }: { readonly right: NeededRight; readonly call: ServerCall },
  request: (clients: KubernetesClients) => Promise<Result>,
): Promise<Result> {
  try {
    return await askKubernetes(access, { right, call }, request);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const passing = error.problem === 'unavailable' || error.problem === 'conflict';
    const { status } = error;
    const details = { cause: error, ...(status !== undefined && { status }) };
    const code = passing ? 'rebuild-unavailable' : 'rebuild-refused';
    throw new SignatureServerError(code, `trigger rebuild: ${error.message}`, details);
  }
}

/** Whether the API gave exactly this answer. */
export function hasStatus(error: unknown, status: number): error is SignatureServerError {
  return error instanceof SignatureServerError && error.status === status;
}
