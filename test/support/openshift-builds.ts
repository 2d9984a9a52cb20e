/**
 * A strict loopback stand-in for OpenShift's Build API, after the types of openshift/api build/v1 and what
 * openshift-apiserver does: unknown fields, wrong kinds, missing rights and a stale `lastVersion` are refused; labels and
 * annotations of a BuildRequest go to the Build. A Build moves one phase at each look.
 */
import { LoopbackApi, status, unknownFields } from './loopback-api.ts';
import type { ApiAnswer, ApiRequest } from './loopback-api.ts';

const API = '/apis/build.openshift.io/v1/namespaces/signatures';
const ANY = { '*': true };
const BUILD_REQUEST = {
  apiVersion: true,
  kind: true,
  metadata: { name: true, labels: ANY, annotations: ANY },
  revision: { git: { commit: true, message: true } },
  lastVersion: true,
  triggeredBy: { message: true, genericWebHook: ANY },
  env: { name: true, value: true },
};
const GENERIC_WEBHOOK = { git: { uri: true, ref: true, commit: true, message: true }, env: ANY };
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/;

interface BuildRequest {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { name?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  readonly lastVersion?: number;
  readonly triggeredBy?: readonly unknown[];
}

export interface StandInBuild {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string; labels: Record<string, string>; annotations: Record<string, string> };
  readonly spec: { triggeredBy: readonly unknown[]; revision?: unknown };
  status: { phase: string; reason?: string; message?: string; logSnippet?: string };
}

export class OpenshiftBuildServer extends LoopbackApi {
  readonly builds: StandInBuild[] = [];
  readonly buildConfig = { name: 'web', lastVersion: 0, paused: false, ref: 'main', secret: 'sec/ret 1' };
  /** What Builds come to, one phase for each look; the last one stays. */
  phases: readonly StandInBuild['status'][] = ['New', 'Pending', 'Running', 'Complete'].map((phase) => ({ phase }));
  log = '';
  /** Builds that somebody, or the run policy, has cancelled, by name. */
  readonly cancelled = new Set<string>();
  /** Before a BuildRequest is judged: what others do meanwhile. */
  meanwhile: () => void = () => undefined;
  #looks = new Map<string, number>();

  /** Starts a Build as anybody else would. */
  startForeign(): void {
    this.#create({ triggeredBy: [{ message: 'Manually triggered' }] });
  }

  protected decide(request: ApiRequest): ApiAnswer {
    const { path, method } = request;
    if (!path.startsWith(`${API}/`)) return status(404, `the server could not find the requested resource ${path}`);
    const [resource, name = '', ...rest] = path.slice(API.length + 1).split('/');
    const sub = rest[0];
    if (resource === 'buildconfigs' && sub === 'webhooks' && method === 'POST') return this.#webhook(request, rest);
    if (request.isAnonymous) return status(403, 'forbidden: User "system:anonymous"');
    if (resource === 'buildconfigs' && sub === 'instantiate' && method === 'POST')
      return this.#instantiate(name, request);
    if (resource === 'buildconfigs' && sub === undefined && method === 'GET') return this.#getBuildConfig(name);
    if (resource === 'builds' && name === '' && method === 'GET') return this.#list(request);
    if (resource === 'builds' && sub === 'log' && method === 'GET') return this.#getLog(name, request);
    if (resource === 'builds' && sub === undefined && method === 'GET') return this.#getBuild(name);
    return status(405, `${method} ${path}`);
  }

  #getBuildConfig(name: string): ApiAnswer {
    const refused = this.refuse('get buildconfigs', `buildconfigs.build.openshift.io "${name}"`);
    if (refused !== undefined) return refused;
    if (name !== this.buildConfig.name) return status(404, `buildconfigs.build.openshift.io "${name}" not found`);
    const { lastVersion } = this.buildConfig;
    return {
      status: 200,
      body: { kind: 'BuildConfig', apiVersion: 'build.openshift.io/v1', metadata: { name }, status: { lastVersion } },
    };
  }

  #instantiate(name: string, { body }: ApiRequest): ApiAnswer {
    const refused = this.refuse('create buildconfigs/instantiate', `buildconfigs.build.openshift.io "${name}"`);
    if (refused !== undefined) return refused;
    const unknown = unknownFields(body, BUILD_REQUEST);
    if (unknown.length > 0) return status(400, `strict decoding error: unknown field "${unknown[0]}"`);
    const asked = body as BuildRequest;
    if (asked.apiVersion !== 'build.openshift.io/v1' || asked.kind !== 'BuildRequest') {
      return status(400, `no kind "${asked.kind}" is registered for version "${asked.apiVersion}"`);
    }
    if (asked.metadata?.name !== name) return status(400, 'the name of the object does not match the name on the URL');
    if (!Object.values(asked.metadata.labels ?? {}).every((value) => LABEL_VALUE.test(value))) {
      return status(422, 'metadata.labels: Invalid value');
    }
    if (name !== this.buildConfig.name) return status(404, `buildconfigs.build.openshift.io "${name}" not found`);
    this.meanwhile();
    if (this.buildConfig.paused)
      return status(400, `can't instantiate from BuildConfig signatures/${name}: BuildConfig is paused`);
    if (asked.lastVersion !== undefined && asked.lastVersion !== this.buildConfig.lastVersion) {
      return status(400, `the LastVersion(${asked.lastVersion}) on build config does not match`);
    }
    return { status: 201, body: this.#create(asked) };
  }

  #webhook({ body, isAnonymous }: ApiRequest, [, secret = '', type]: readonly string[]): ApiAnswer {
    const { name, ref } = this.buildConfig;
    const refused = this.refuse(
      'create buildconfigs/webhooks',
      `path "${API}/buildconfigs/${name}/webhooks/${secret}/generic"`,
    );
    if (refused !== undefined) return refused;
    if (isAnonymous && this.denied.has('anonymous webhooks')) return status(403, 'forbidden: User "system:anonymous"');
    if (type !== 'generic' || decodeURIComponent(secret) !== this.buildConfig.secret) {
      return status(401, `the webhook "generic" for "${name}" did not accept your secret`);
    }
    const unknown = unknownFields(body, GENERIC_WEBHOOK);
    if (unknown.length > 0) return status(400, `unknown field ${unknown[0]}`);
    const { git } = body as { git?: { ref: string; commit: string; message: string } };
    if (git !== undefined && git.ref !== `refs/heads/${ref}`) {
      const skipped = `skipping build. Branch reference from "${git.ref}" does not match configuration`;
      return {
        status: 200,
        body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', message: skipped },
      };
    }
    const revision = git === undefined ? undefined : { git: { commit: git.commit, message: git.message } };
    const cause = { message: 'Generic WebHook', genericWebHook: { revision, secret: '<secret>' } };
    const build = this.#create({ triggeredBy: [cause] });
    // Without git the warning follows the Build, one document after the other.
    if (git !== undefined) return { status: 200, body: build };
    const warning = { kind: 'Status', status: 'Success', message: 'no git information found in payload' };
    return { status: 200, body: `${JSON.stringify(build)}\n${JSON.stringify(warning)}` };
  }

  #create(asked: BuildRequest): StandInBuild {
    this.buildConfig.lastVersion += 1;
    const { name, lastVersion } = this.buildConfig;
    const build: StandInBuild = {
      apiVersion: 'build.openshift.io/v1',
      kind: 'Build',
      metadata: {
        name: `${name}-${lastVersion}`,
        labels: { ...asked.metadata?.labels, buildconfig: name, 'openshift.io/build-config.name': name },
        annotations: { ...asked.metadata?.annotations, 'openshift.io/build.number': String(lastVersion) },
      },
      spec: { triggeredBy: asked.triggeredBy ?? [] },
      status: { phase: 'New' },
    };
    this.builds.push(build);
    return build;
  }

  #list({ query }: ApiRequest): ApiAnswer {
    const refused = this.refuse('list builds', 'builds.build.openshift.io');
    if (refused !== undefined) return refused;
    const [key = '', value] = (query.get('labelSelector') ?? '').split('=');
    const items = this.builds.filter(({ metadata }) => metadata.labels[key] === value);
    return { status: 200, body: { kind: 'BuildList', apiVersion: 'build.openshift.io/v1', metadata: {}, items } };
  }

  #getBuild(name: string): ApiAnswer {
    const refused = this.refuse('get builds', `builds.build.openshift.io "${name}"`);
    if (refused !== undefined) return refused;
    const build = this.builds.find(({ metadata }) => metadata.name === name);
    if (build === undefined) return status(404, `builds.build.openshift.io "${name}" not found`);
    const looks = this.#looks.get(name) ?? 0;
    this.#looks.set(name, looks + 1);
    build.status = this.cancelled.has(name)
      ? { phase: 'Cancelled', reason: 'CancelledBuild', message: 'The build was cancelled by the user.' }
      : this.phases[Math.min(looks, this.phases.length - 1)]!;
    return { status: 200, body: build };
  }

  #getLog(name: string, { query }: ApiRequest): ApiAnswer {
    const refused = this.refuse('get builds/log', `builds.build.openshift.io "${name}"`);
    if (refused !== undefined) return refused;
    const limit = Number(query.get('limitBytes'));
    const lines = Number(query.get('tailLines'));
    if (!(limit > 0 && lines > 0)) return status(400, 'this server gives bounded logs only');
    return { status: 200, body: this.log.split('\n').slice(-lines).join('\n').slice(0, limit) };
  }
}
