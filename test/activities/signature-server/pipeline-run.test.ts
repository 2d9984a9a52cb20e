import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRebuildTrigger } from '../../../activities/signature-server/index.ts';
import type { PipelineRunTarget, RebuildRequest } from '../../../activities/signature-server/index.ts';
import type { RebuildOutcome } from '../../../workflows/domain/rebuild.ts';
import { TOKEN } from '../../support/loopback-api.ts';
import { TektonApiServer } from '../../support/tekton-api.ts';

let server: TektonApiServer;
beforeEach(async () => {
  server = await new TektonApiServer().listen();
});
afterEach(() => server.stop());

const COMMIT = 'c'.repeat(40);
const REQUEST = '0123456789abcdef0123456789abcdef';
const NAME = 'rebuild-0123456789ab';
const push = { repositoryUrl: 'https://g.example.com/s.git', branch: 'main', before: '0'.repeat(40), after: COMMIT };
const FAILED = { type: 'Succeeded', status: 'False', reason: 'Failed', message: 'Tasks Completed: 1 (Failed: 1)' };

function trigger(
  target: Partial<PipelineRunTarget> = {},
  request: Partial<RebuildRequest> = {},
): Promise<RebuildOutcome> {
  const access = { api: server.url, readToken: () => Promise.resolve(TOKEN) };
  const common = { kind: 'pipelineRun', access, namespace: 'signatures', pipeline: 'rebuild', pollMs: 5 } as const;
  return createRebuildTrigger({ ...common, ...target }).trigger({ ...push, delivery: REQUEST, ...request });
}

function failed(fields: object = {}): void {
  server.conditions = [FAILED];
  const conditions = [{ type: 'Succeeded', status: 'False', message: '"step-build" exited with code 3' }];
  const steps = [
    { name: 'clone', container: 'step-clone', terminated: { exitCode: 0 } },
    { name: 'build', container: 'step-build', terminated: { exitCode: 3, reason: 'Error' } },
  ];
  server.taskRuns = [
    { metadata: { name: `${NAME}-fetch` }, status: { conditions: [{ type: 'Succeeded', status: 'True' }] } },
    { metadata: { name: `${NAME}-build` }, status: { podName: `${NAME}-build-pod`, conditions, steps, ...fields } },
  ];
  server.logs.set(`${NAME}-build-pod/step-build`, `${'noise\n'.repeat(3_000)}fatal: \u0007no such branch\n`);
}

describe('a PipelineRun', () => {
  it('is created with a name made from the request, and followed to its end', async () => {
    const params = { revision: '{commit}', where: '{repository}#{branch}', plain: 'x' };
    expect(await trigger({ params, serviceAccount: 'builder', timeoutMs: 90_500 })).toEqual({
      kind: 'pipelineRun',
      subject: `PipelineRun "${NAME}" in namespace "signatures"`,
      outcome: 'rebuilt',
      name: NAME,
    });
    expect(server.runs.get(NAME)).toMatchObject({
      metadata: { labels: { 'countersign/request': REQUEST }, annotations: { 'countersign/commit': COMMIT } },
      spec: {
        pipelineRef: { name: 'rebuild' },
        params: [
          { name: 'revision', value: COMMIT },
          { name: 'where', value: 'https://g.example.com/s.git#main' },
          { name: 'plain', value: 'x' },
        ],
        taskRunTemplate: { serviceAccountName: 'builder' },
        timeouts: { pipeline: '91s' },
      },
    });
  });

  it('is met by a repeated attempt, also where the answer to the first was lost', async () => {
    server.losesAnswer = ({ method }) => method === 'POST';
    await expect(trigger()).rejects.toMatchObject({ code: 'rebuild-unavailable' });
    server.losesAnswer = () => false;
    expect(await trigger()).toMatchObject({ name: NAME });
    expect(await trigger()).toMatchObject({ outcome: 'already-rebuilt' });
    expect(server.runs.size).toBe(1);
    await trigger({}, { delivery: 'f'.repeat(32) });
    expect(server.runs.size).toBe(2);
  });

  it('of a long Pipeline has a name that a pod can have', async () => {
    const { name } = await trigger({ pipeline: `${'a'.repeat(39)}.${'b'.repeat(60)}` });
    expect(name).toBe(`${'a'.repeat(39)}-0123456789ab`);
  });

  it('of somebody else under the same name is no answer', async () => {
    await trigger();
    await expect(trigger({}, { delivery: `${REQUEST.slice(0, 12)}${'9'.repeat(20)}` })).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringContaining('was not made by this request') as string,
    });
  });

  it('that fails names its TaskRun, what it says, and the end of the log of its step', async () => {
    failed();
    await expect(trigger()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(
        new RegExp(
          `^PipelineRun "${NAME}" in namespace "signatures" failed: Failed, "Tasks Completed: 1 \\(Failed: 1\\)"; ` +
            `TaskRun "${NAME}-build" says "\\\\"step-build\\\\" exited with code 3"; step "build" ended with exit code 3, ` +
            `its log ends with "noise .*fatal: \\?no such branch"$`,
        ),
      ) as string,
    });
  });

  it.each([
    ['list taskruns', /failed: Failed, .*; more could not be read: .*resources: \[taskruns\], verbs: \[list\]/],
    ['get pods/log', /ended with exit code 3; more could not be read: .*resources: \[pods\/log\], verbs: \[get\]/],
  ])('that fails says so also without the right to %s', async (right, message) => {
    failed();
    server.denied.add(right);
    await expect(trigger()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(message) as string,
    });
  });

  it('that fails before any pod, or without a TaskRun, says what is known', async () => {
    failed({ podName: undefined, steps: undefined });
    await expect(trigger()).rejects.toThrow(/exited with code 3"$/);
    server.taskRuns = [];
    await expect(trigger()).rejects.toThrow(/Failed: 1\)"$/);
  });

  it('that takes longer than one attempt, or is not seen by Tekton yet, is under way', async () => {
    server.conditions = [server.conditions[0]!];
    await expect(trigger({ followMs: 20 })).rejects.toMatchObject({
      code: 'rebuild-unavailable',
      message: expect.stringContaining('is under way: Tasks Completed: 0') as string,
    });
    server.conditions = [];
    await expect(trigger({ followMs: 20 })).rejects.toThrow('Tekton has not seen it yet');
  });

  it('that is deleted while it runs is made anew by the next attempt', async () => {
    server.conditions = [server.conditions[0]!];
    const first = trigger();
    await expect.poll(() => server.count('GET', NAME)).toBeGreaterThan(1);
    server.runs.clear();
    await expect(first).rejects.toMatchObject({ code: 'rebuild-unavailable' });
    server.conditions = [{ type: 'Succeeded', status: 'True' }];
    await trigger();
    expect(server.runs.size).toBe(1);
  });

  it.each([
    ['create pipelineruns', 'verbs: [create]'],
    ['get pipelineruns', 'verbs: [get]'],
  ])('names the right that is missing: %s', async (right, verbs) => {
    server.denied.add(right);
    await expect(trigger()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringContaining(`{apiGroups: [tekton.dev], resources: [pipelineruns], ${verbs}}`) as string,
    });
  });
});
