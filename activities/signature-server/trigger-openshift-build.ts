import { z } from 'zod';
import { quote } from '../../workflows/domain/digest.ts';
import type { RebuildOutcome } from '../../workflows/domain/rebuild.ts';
import { askForRebuild, hasStatus } from './ask-for-rebuild.ts';
import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';
import {
  BUILD_API,
  buildConfigPath,
  buildRight,
  buildSubject,
  followBuild,
  listBuilds,
  readBuild,
} from './openshift-builds.ts';
import type { BuildConfigPlace, OpenshiftBuild } from './openshift-builds.ts';
import { NO_COMMIT, REQUEST_MARK, commitMark } from './rebuild-request.ts';
import type { RebuildRequest } from './rebuild-request.ts';

/** A BuildConfig that is instantiated through the API. */
export type OpenshiftBuildTarget = BuildConfigPlace;

const RACES = 5;

/**
 * Starts a Build as `oc start-build` does, and follows it to its end. The Build carries the request as a label, so another
 * attempt adopts it; and it is started only from the BuildConfig as it was looked at, so that an attempt that was given up
 * cannot start a second one behind our back.
 * @throws SignatureServerError `rebuild-refused` where the Build failed, was cancelled, or a right is missing,
 * `rebuild-unavailable` while it is under way or the API does not answer.
 */
export async function triggerOpenshiftBuild(
  target: OpenshiftBuildTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<RebuildOutcome> {
  const { build, isOurs } = await startOnce(target, request, call);
  const { name, looks } = await followBuild(target, build.metadata.name, call);
  const outcome = isOurs || looks > 1 ? 'rebuilt' : 'already-rebuilt';
  return { kind: 'openshiftBuild', subject: buildSubject(target, name), outcome, name };
}

async function startOnce(
  target: OpenshiftBuildTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<{ readonly build: OpenshiftBuild; readonly isOurs: boolean }> {
  for (let race = 0; race < RACES; race++) {
    // The version first: a Build that comes after this look changes it.
    const lastVersion = await readLastVersion(target, call);
    const [earlier] = await listBuilds(target, call, `${REQUEST_MARK}=${request.delivery}`);
    if (earlier !== undefined) return { build: earlier, isOurs: false };
    try {
      return { build: await instantiate(target, { request, lastVersion, call }), isOurs: true };
    } catch (error) {
      // The API says "bad request" where another Build was started meanwhile, and where the BuildConfig is paused.
      if (!hasStatus(error, 400) && !hasStatus(error, 409)) throw error;
      if ((await readLastVersion(target, call)) === lastVersion) throw error;
    }
  }
  const message = `BuildConfig ${quote(target.buildConfig)} started builds of others ${RACES} times meanwhile`;
  throw new SignatureServerError('rebuild-unavailable', `trigger rebuild: ${message}`);
}

async function readLastVersion(target: OpenshiftBuildTarget, call: ServerCall): Promise<number> {
  const { access, namespace, buildConfig } = target;
  const subject = `BuildConfig ${quote(buildConfig)}`;
  const right = buildRight(target, { resource: 'buildconfigs', verb: 'get', subject });
  return await askForRebuild(access, { right, call }, async ({ custom }) => {
    const found: unknown = await custom.getNamespacedCustomObject({
      ...BUILD_API,
      namespace,
      plural: 'buildconfigs',
      name: buildConfig,
    });
    const status = z.object({ lastVersion: z.number().optional() }).nullish();
    return z.object({ status }).parse(found).status?.lastVersion ?? 0;
  });
}

async function instantiate(
  target: OpenshiftBuildTarget,
  { request, lastVersion, call }: { request: RebuildRequest; lastVersion: number; call: ServerCall },
): Promise<OpenshiftBuild> {
  const subject = `Build of BuildConfig ${quote(target.buildConfig)}`;
  const right = buildRight(target, { resource: 'buildconfigs/instantiate', verb: 'create', subject });
  const body = {
    apiVersion: `${BUILD_API.group}/${BUILD_API.version}`,
    kind: 'BuildRequest',
    metadata: {
      name: target.buildConfig,
      labels: { [REQUEST_MARK]: request.delivery },
      annotations: commitMark(request),
    },
    // No revision: what is built is the branch, which holds this commit and perhaps later ones.
    triggeredBy: [{ message: `countersign: ${causeOf(request)}` }],
    lastVersion,
  };
  return await askForRebuild(target.access, { right, call }, async (clients) =>
    readBuild(JSON.parse(await clients.request('POST', buildConfigPath(target, 'instantiate'), body))),
  );
}

function causeOf({ after, branch, delivery }: RebuildRequest): string {
  return after === NO_COMMIT ? `request ${delivery}` : `commit ${after} on ${branch}`;
}
