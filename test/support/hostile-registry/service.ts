/** The registry as it would be if it behaved, with a behaviour in front of it. */
import { fill } from './behaviour.ts';
import type { Behaviour, Endpoint, Service } from './behaviour.ts';
import { INDEX, INDEX_TAG, MANIFEST, PIECES } from './content.ts';
import type { RawExchange } from './raw-server.ts';
import { basicOf } from './stage.ts';
import type { Stage } from './stage.ts';

/** Answers one request of a case; tells whether it was the one that matters. */
export async function serve(behaviour: Behaviour, stage: Stage, exchange: RawExchange): Promise<boolean> {
  const { request, reply } = exchange;
  const endpoint = endpointOf(request.method, request.target);
  const registryOrigin = `https://${stage.registry.host}`;
  const service = { stage, endpoint, registryOrigin, proper: () => properly(exchange, endpoint, stage) };
  if (request.origin !== registryOrigin) {
    if (behaviour.elsewhere !== undefined) await behaviour.elsewhere(exchange, service);
    else if (endpoint === 'token') reply(200, {}, '{"token":"token-of-the-attacker"}');
    else reply(401, { 'www-authenticate': 'Basic realm="attacker"' });
    return true;
  }
  const answer = behaviour.at?.includes(endpoint) === true ? behaviour.answer : undefined;
  if (endpoint !== 'token' && !isAuthorized(behaviour, exchange, service)) {
    reply(401, { 'www-authenticate': challengesOf(behaviour, service) });
    return behaviour.challenges !== undefined;
  }
  if (answer !== undefined) await answer(exchange, service);
  else if (endpoint !== 'token') service.proper();
  else reply(200, {}, JSON.stringify({ token: stage.canary.bearer, access_token: stage.canary.bearer }));
  return answer !== undefined;
}

function isAuthorized({ auth = 'basic' }: Behaviour, { request }: RawExchange, { stage, endpoint }: Service): boolean {
  if (auth === 'none' || endpoint === 'lookaside') return true;
  const said = request.headers.get('authorization');
  return said === (auth === 'basic' ? `Basic ${basicOf(stage.canary)}` : `Bearer ${stage.canary.bearer}`);
}

function challengesOf({ auth = 'basic', challenges }: Behaviour, { stage, registryOrigin }: Service): string[] {
  if (challenges !== undefined) return challenges.map((line) => fill(line, stage));
  return [auth === 'basic' ? 'Basic realm="registry"' : `Bearer realm="${registryOrigin}/token",service="registry"`];
}

function endpointOf(method: string, target: string): Endpoint {
  const [path = ''] = target.split('?');
  if (/^\/v2\/?$/.test(path)) return 'ping';
  if (path.endsWith('/token')) return 'token';
  if (path.startsWith('/lookaside/')) return 'lookaside';
  if (path.startsWith('/extensions/')) return 'signatures';
  if (path.includes('/tags/list')) return 'tags';
  if (path.includes('/referrers/')) return 'referrers';
  if (path.includes('/manifests/')) {
    if (method === 'PUT') return 'put-manifest';
    return method === 'DELETE' ? 'delete-manifest' : 'manifest';
  }
  if (path.includes('/blobs/uploads/')) return method === 'POST' ? 'open-upload' : 'upload';
  return path.includes('/blobs/') ? 'blob' : 'other';
}

function properly({ request, reply }: RawExchange, endpoint: Endpoint, { registry, isEmpty }: Stage): void {
  const { target, method } = request;
  const name = decodeURIComponent(/\/([^/?]+)(?:\?.*)?$/.exec(target)?.[1] ?? '');
  const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(target)?.[1] ?? '';
  const tagged = name === INDEX_TAG ? INDEX : MANIFEST;
  const found = endpoint === 'manifest' && !name.includes(':') ? tagged : PIECES.get(name);
  if (endpoint === 'ping') reply(200);
  else if (isEmpty === true && method === 'HEAD') reply(404);
  else if ((endpoint === 'manifest' || endpoint === 'blob') && found !== undefined) {
    reply(200, { 'content-type': found.mediaType, 'docker-content-digest': found.digest }, found.bytes);
  } else if (endpoint === 'open-upload') {
    reply(202, { location: `https://${registry.host}/v2/${repository}/blobs/uploads/1?state=a%2Bb` });
  } else if (endpoint === 'upload') reply(method === 'PUT' ? 201 : 202, { location: target });
  else if (endpoint === 'put-manifest') reply(201);
  else if (endpoint === 'delete-manifest') reply(202);
  else if (endpoint === 'tags') reply(200, {}, JSON.stringify({ name: repository, tags: ['1'] }));
  else reply(404, {}, '{"errors":[{"code":"NOT_FOUND"}]}');
}
