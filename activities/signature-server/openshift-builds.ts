/** Builds of OpenShift: reading and following them, whoever started them. */
import { z } from 'zod';
import { quote } from '../../workflows/domain/digest.ts';
import { askForRebuild, hasStatus } from './ask-for-rebuild.ts';
import { SignatureServerError } from './error.ts';
import { followRebuild } from './follow-rebuild.ts';
import type { FollowOptions, RebuildProgress } from './follow-rebuild.ts';
import type { ServerCall } from './http-exchange.ts';
import type { ClusterAccess, NeededRight } from './kubernetes-api.ts';
import { LOG_LIMIT_BYTES, LOG_LINES, formatLogTail } from './log-tail.ts';

/** A BuildConfig whose builds make the signature server's image. */
export interface BuildConfigPlace extends FollowOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  readonly buildConfig: string;
}

/** OpenShift cuts the name of a BuildConfig for the label. */
const LABEL_LIMIT = 63;
export const BUILD_GROUP = 'build.openshift.io';
export const BUILD_API = { group: BUILD_GROUP, version: 'v1' } as const;

const build = z.object({
  kind: z.literal('Build').optional(),
  metadata: z.object({
    name: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z
    .object({
      triggeredBy: z
        .array(
          z.object({
            genericWebHook: z
              .object({
                revision: z.object({ git: z.object({ message: z.string().optional() }).optional() }).optional(),
              })
              .optional(),
          }),
        )
        .nullish(),
    })
    .optional(),
  status: z.object({
    phase: z.string(),
    reason: z.string().optional(),
    message: z.string().optional(),
    logSnippet: z.string().optional(),
  }),
});

/** What is read of a Build. */
export type OpenshiftBuild = z.infer<typeof build>;

/** @throws where it is no Build. */
export function readBuild(untrusted: unknown): OpenshiftBuild {
  return build.parse(untrusted);
}

/** The path of one BuildConfig's subresource. */
export function buildConfigPath({ namespace, buildConfig }: BuildConfigPlace, ...rest: readonly string[]): string {
  return buildPath(namespace, 'buildconfigs', buildConfig, ...rest);
}

function buildPath(namespace: string, ...rest: readonly string[]): string {
  const parts = [namespace, ...rest].map((part) => encodeURIComponent(part));
  return `/apis/${BUILD_GROUP}/${BUILD_API.version}/namespaces/${parts.join('/')}`;
}

/** A right in the API of builds. */
export function buildRight(
  { namespace }: BuildConfigPlace,
  right: Pick<NeededRight, 'resource' | 'verb' | 'subject'>,
): NeededRight {
  return { group: BUILD_GROUP, namespace, ...right };
}

/** The Builds with a label; by default all of this BuildConfig. */
export async function listBuilds(
  place: BuildConfigPlace,
  call: ServerCall,
  labelSelector = `openshift.io/build-config.name=${place.buildConfig.slice(0, LABEL_LIMIT)}`,
): Promise<readonly OpenshiftBuild[]> {
  const { access, namespace, buildConfig } = place;
  const right = buildRight(place, { resource: 'builds', verb: 'list', subject: `Builds of ${quote(buildConfig)}` });
  const parameters = { ...BUILD_API, namespace, plural: 'builds', labelSelector };
  return await askForRebuild(access, { right, call }, async ({ custom }) => {
    const list: unknown = await custom.listNamespacedCustomObject(parameters);
    return z.object({ items: z.array(build) }).parse(list).items;
  });
}

/**
 * Follows a Build through its phases, and where it was cancelled the one that came after it: with the runPolicy
 * SerialLatestOnly a later Build takes the place of one that waits, and builds the same branch. Returns the name of the
 * Build that ended well, and the number of looks.
 * @throws SignatureServerError `rebuild-refused` where it failed or was cancelled, with what it says and the end of its
 * log; `rebuild-unavailable` while it is under way.
 */
export async function followBuild(
  place: BuildConfigPlace,
  name: string,
  call: ServerCall,
): Promise<{ readonly name: string; readonly looks: number }> {
  const options = { ...place, ...(call.signal !== undefined && { signal: call.signal }) };
  let followed = name;
  const looks = await followRebuild(buildSubject(place, name), options, async () => {
    const build = await getBuild(place, followed, call);
    const later = build.status.phase === 'Cancelled' ? await laterBuild(place, build, call) : undefined;
    if (later === undefined) return progressOf(place, build, call);
    followed = later.metadata.name;
    return { state: 'under-way', why: `${buildSubject(place, followed)} took its place` };
  });
  return { name: followed, looks };
}

/** The first Build after this one that was not cancelled. */
async function laterBuild(
  place: BuildConfigPlace,
  build: OpenshiftBuild,
  call: ServerCall,
): Promise<OpenshiftBuild | undefined> {
  const number = numberOf(build);
  const later = (await listBuilds(place, call)).filter((one) => numberOf(one) > number);
  return later
    .filter(({ status }) => status.phase !== 'Cancelled')
    .sort((one, other) => numberOf(one) - numberOf(other))[0];
}

/** Builds of a BuildConfig are numbered as they are created; NaN, which is neither more nor less, where it has none. */
function numberOf({ metadata }: OpenshiftBuild): number {
  return Number.parseInt(metadata.annotations?.['openshift.io/build.number'] ?? '', 10);
}

/** `Build "signature-server-7" in namespace "signatures"`. */
export function buildSubject({ namespace }: BuildConfigPlace, name: string): string {
  return `Build ${quote(name)} in namespace ${quote(namespace)}`;
}

async function getBuild(place: BuildConfigPlace, name: string, call: ServerCall): Promise<OpenshiftBuild> {
  const { access, namespace } = place;
  const right = buildRight(place, { resource: 'builds', verb: 'get', subject: `Build ${quote(name)}` });
  try {
    return await askForRebuild(access, { right, call }, async ({ custom }) =>
      readBuild(await custom.getNamespacedCustomObject({ ...BUILD_API, namespace, plural: 'builds', name })),
    );
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    const message = `${buildSubject(place, name)} was deleted before it ended; another one is started`;
    throw new SignatureServerError('rebuild-unavailable', message, { cause: error });
  }
}

async function progressOf(
  place: BuildConfigPlace,
  { metadata, status }: OpenshiftBuild,
  call: ServerCall,
): Promise<RebuildProgress> {
  const { phase, reason, message, logSnippet } = status;
  if (phase === 'Complete') return { state: 'done' };
  if (phase !== 'Failed' && phase !== 'Error' && phase !== 'Cancelled') {
    const why = `it is ${quote(phase)}${reason === undefined ? '' : `, ${quote(reason)}`}`;
    return { state: 'under-way', why };
  }
  const said = [reason, message].filter((text) => text !== undefined && text !== '').map(quote);
  const what = `${buildSubject(place, metadata.name)} ended as ${phase}${said.length === 0 ? '' : `: ${said.join(', ')}`}`;
  if (phase === 'Cancelled') {
    return { state: 'failed', message: `${what}; no later build took its place` };
  }
  return {
    state: 'failed',
    message: `${what}; ${await describeLog(place, { name: metadata.name, logSnippet, call })}`,
  };
}

/** The log; where it cannot be read, the few lines that the Build itself keeps. */
async function describeLog(
  place: BuildConfigPlace,
  { name, logSnippet, call }: { name: string; logSnippet: string | undefined; call: ServerCall },
): Promise<string> {
  const right = buildRight(place, { resource: 'builds/log', verb: 'get', subject: `log of Build ${quote(name)}` });
  const path = `${buildPath(place.namespace, 'builds', name, 'log')}?tailLines=${LOG_LINES}&limitBytes=${LOG_LIMIT_BYTES}`;
  try {
    const log = await askForRebuild(place.access, { right, call }, ({ request }) => request('GET', path));
    return formatLogTail(log === '' ? (logSnippet ?? '') : log);
  } catch (error) {
    call.signal?.throwIfAborted();
    if (!(error instanceof SignatureServerError)) throw error;
    const kept = logSnippet === undefined ? '' : `${formatLogTail(logSnippet)}; `;
    return `${kept}more could not be read: ${error.message}`;
  }
}
