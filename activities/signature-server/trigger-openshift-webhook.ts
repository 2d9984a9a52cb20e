import { z } from 'zod';
import { quote } from '../../workflows/domain/digest.ts';
import type { RebuildOutcome } from '../../workflows/domain/rebuild.ts';
import { askForRebuild } from './ask-for-rebuild.ts';
import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';
import { buildConfigPath, buildRight, buildSubject, followBuild, listBuilds, readBuild } from './openshift-builds.ts';
import type { BuildConfigPlace, OpenshiftBuild } from './openshift-builds.ts';
import type { RebuildRequest } from './rebuild-request.ts';

/** A BuildConfig that is started by its generic webhook. */
export interface OpenshiftWebhookTarget extends BuildConfigPlace {
  /** Part of the webhook's path; appears in no message. */
  readonly secret: string;
}

/**
 * Starts a Build by the BuildConfig's generic webhook. With a token the Build is followed to its end, and one that an
 * earlier attempt of the same request has started is adopted; without one, to be accepted is all that can be known.
 * @throws SignatureServerError `rebuild-refused` where the secret is not accepted, the webhook skips the branch or the Build
 * failed, `rebuild-unavailable` while it is under way or the API does not answer.
 */
export async function triggerOpenshiftWebhook(
  target: OpenshiftWebhookTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<RebuildOutcome> {
  const hasToken = (await target.access.readToken()) !== '';
  const earlier = hasToken ? await findEarlier(target, request, call) : undefined;
  const build = earlier ?? (await withoutSecret(target, () => announce(target, request, call)));
  const started = build.metadata.name;
  const told = (name: string) => ({ kind: 'openshiftBuild', subject: buildSubject(target, name), name }) as const;
  if (!hasToken) return { ...told(started), outcome: 'accepted' };
  const { name, looks } = await followBuild(target, started, call);
  return { ...told(name), outcome: earlier === undefined || looks > 1 ? 'rebuilt' : 'already-rebuilt' };
}

/** The webhook keeps no label of ours; what it keeps is the message of the revision. */
function markOf({ delivery }: RebuildRequest): string {
  return `countersign request ${delivery}`;
}

async function findEarlier(
  target: OpenshiftWebhookTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<OpenshiftBuild | undefined> {
  const builds = await listBuilds(target, call);
  return builds.find(
    ({ spec }) =>
      spec?.triggeredBy?.some(({ genericWebHook }) => genericWebHook?.revision?.git?.message === markOf(request)) ===
      true,
  );
}

async function announce(
  target: OpenshiftWebhookTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<OpenshiftBuild> {
  const { access, buildConfig, secret } = target;
  const subject = `Build of BuildConfig ${quote(buildConfig)} by its generic webhook`;
  const right = buildRight(target, { resource: 'buildconfigs/webhooks', verb: 'create', subject });
  const path = buildConfigPath(target, 'webhooks', secret, 'generic');
  const { repositoryUrl, branch, after } = request;
  const git = { uri: repositoryUrl, ref: `refs/heads/${branch}`, commit: after, message: markOf(request) };
  const answer = await askForRebuild(access, { right, call }, ({ request: ask }) => ask('POST', path, { git }));
  const first = parseFirst(answer);
  const build = first === undefined ? undefined : tryReadBuild(first);
  if (build !== undefined) return build;
  const { message } = z.object({ message: z.string() }).catch({ message: answer }).parse(first);
  throw new SignatureServerError(
    'rebuild-refused',
    `trigger rebuild: ${subject}: it started none: ${quote(message)}; expected a Build: the ref of the BuildConfig's source must be ${quote(branch)}`,
  );
}

/** The Build may be followed by a warning, one document after the other. */
function parseFirst(text: string): unknown {
  const end = text.search(/\}\s*\{\s*"kind"\s*:\s*"Status"/);
  try {
    return JSON.parse(end < 0 ? text : text.slice(0, end + 1)) as unknown;
  } catch {
    return undefined;
  }
}

function tryReadBuild(untrusted: unknown): OpenshiftBuild | undefined {
  try {
    return readBuild(untrusted);
  } catch {
    return undefined;
  }
}

/** The API may quote the path it was asked for, and the secret is a part of it. */
async function withoutSecret<Result>({ secret }: OpenshiftWebhookTarget, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SignatureServerError)) throw error;
    const message = [encodeURIComponent(secret), secret].reduce(
      (text, one) => text.replaceAll(one, '…'),
      error.message,
    );
    const { code, status } = error;
    throw new SignatureServerError(code, message, status === undefined ? {} : { status });
  }
}
