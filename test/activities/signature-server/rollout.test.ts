import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRebuildTrigger } from '../../../activities/signature-server/index.ts';
import type { RebuildRequest } from '../../../activities/signature-server/index.ts';
import { KubernetesApiServer, TOKEN } from '../../support/kubernetes-api.ts';
import type { Deployment } from '../../support/kubernetes-api.ts';

let server: KubernetesApiServer;
beforeEach(async () => {
  server = await KubernetesApiServer.start();
  server.deployment = rolledOut();
  server.onPatch = () => setTimeout(finish, 30);
});
afterEach(() => server.stop());

function rolledOut(): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'signatures', generation: 1, resourceVersion: '7' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { annotations: { kept: 'yes' } }, spec: { containers: [{ name: 'web', image: 'web' }] } },
    },
    status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
  };
}

/** The controller has done its work. */
function finish(): void {
  server.change((deployment) => {
    const { generation } = deployment.metadata!;
    deployment.status = { observedGeneration: generation!, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  });
}

const COMMIT = 'c'.repeat(40);
const AT = Date.parse('2026-11-21T08:00:00Z');

function trigger(fields: Partial<RebuildRequest> = {}, { deployment = 'web', followMs = 5_000 } = {}) {
  const access = { api: server.url, readToken: () => Promise.resolve(TOKEN) };
  const target = { access, namespace: 'signatures', deployment, pollMs: 10, followMs };
  const push = { repositoryUrl: 'https://g.example.com/s.git', branch: 'main', before: '0'.repeat(40), after: COMMIT };
  return createRebuildTrigger({ kind: 'rollout', ...target }).trigger({
    ...push,
    delivery: 'd',
    requestedAt: AT,
    ...fields,
  });
}

const annotations = () => server.deployment!.spec!.template.metadata!.annotations!;

describe('a rollout', () => {
  it('restarts as kubectl does, keeps other annotations, and ends when all replicas are new', async () => {
    await trigger();
    expect(annotations()).toMatchObject({ kept: 'yes', 'countersign/commit': COMMIT });
    expect(Date.parse(annotations()['kubectl.kubernetes.io/restartedAt']!)).toBeGreaterThan(AT);
    expect(server.deployment!.status!.observedGeneration).toBe(2);
    expect(server.bodies).toHaveLength(1);
  });

  it('restarts nothing again for another attempt, nor for a request that came before', async () => {
    await trigger();
    await trigger();
    await trigger({ requestedAt: AT - 1_000, after: 'd'.repeat(40) });
    expect(server.bodies).toHaveLength(1);
  });

  it('restarts again for a request that came later, also of the same commit', async () => {
    await trigger();
    await trigger({ requestedAt: AT + 1_000 });
    expect(server.bodies).toHaveLength(2);
  });

  it('follows a rollout that an attempt before has begun', async () => {
    server.onPatch = () => undefined;
    await expect(trigger({}, { followMs: 30 })).rejects.toMatchObject({
      code: 'rebuild-unavailable',
      message: expect.stringContaining('is under way: the controller has not seen it yet') as string,
    });
    const again = trigger();
    setTimeout(finish, 50);
    await again;
    expect(server.bodies).toHaveLength(1);
  });

  it.each([
    [{ replicas: 3, updatedReplicas: 1, availableReplicas: 2 }, '1 of 2 replicas are new'],
    [{ replicas: 3, updatedReplicas: 2, availableReplicas: 3 }, '1 old replicas are still there'],
    [{ replicas: 2, updatedReplicas: 2, availableReplicas: 1 }, '1 of 2 are available'],
    [{}, '0 of 2 replicas are new'],
  ])('is under way with %j', async (status, why) => {
    server.onPatch = () =>
      server.change((deployment) => {
        deployment.status = { observedGeneration: 2, ...status };
      });
    await expect(trigger({}, { followMs: 20 })).rejects.toThrow(why);
  });

  it('fails where the progress deadline is exceeded, and says what the controller says', async () => {
    server.onPatch = () =>
      server.change((deployment) => {
        const stuck = {
          type: 'Progressing',
          status: 'False',
          reason: 'ProgressDeadlineExceeded',
          message: 'timed out',
        };
        deployment.status = { observedGeneration: 2, replicas: 3, updatedReplicas: 1, conditions: [stuck] };
      });
    await expect(trigger()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringContaining('its progress deadline is exceeded: "timed out"') as string,
    });
  });

  it('looks again where somebody changed the Deployment meanwhile', async () => {
    let reads = 0;
    server.interfere = ({ method }) => {
      // Between our look and our change, once.
      if (method === 'PATCH' && reads++ === 0) server.change(() => undefined);
      return undefined;
    };
    await trigger();
    expect(server.requests.filter((line) => line.startsWith('PATCH'))).toHaveLength(2);
    expect(annotations()['countersign/commit']).toBe(COMMIT);
  });

  it.each([
    ['paused', { paused: true }, 'it is paused'],
    ['scaled to nothing', { replicas: 0 }, 'it has no replica'],
  ])('refuses a Deployment that is %s, and changes nothing', async (_, spec, message) => {
    server.change((deployment) => Object.assign(deployment.spec!, spec));
    await expect(trigger()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringContaining(message) as string,
    });
    expect(server.bodies).toHaveLength(0);
  });

  it('names the right that is missing', async () => {
    server.interfere = ({ method }) =>
      method === 'PATCH' ? { status: 403, body: '{"message":"forbidden"}' } : undefined;
    await expect(trigger()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringContaining('{apiGroups: [apps], resources: [deployments], verbs: [patch]}') as string,
    });
  });

  it('refuses a Deployment that is not there', async () => {
    await expect(trigger({}, { deployment: 'wbe' })).rejects.toMatchObject({ code: 'rebuild-refused', status: 404 });
  });

  it('is worth another try where the API is down', async () => {
    server.interfere = () => ({ status: 503, body: '' });
    await expect(trigger()).rejects.toMatchObject({ code: 'rebuild-unavailable', status: 503 });
  });
});
