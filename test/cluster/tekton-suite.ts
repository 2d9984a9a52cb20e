/** Tekton in the test cluster: what the task library builds on. */
import { expect, it } from 'vitest';
import { waitUntil } from '../support/parts/index.mjs';
import { applyAll, kube } from './pods.ts';

interface TaskRun {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly results?: readonly { readonly name: string; readonly value: string }[];
  };
}

it('runs a task with a script in a pod of the node, and keeps its result', async () => {
  const script = '#!/bin/sh\nprintf hello > "$(results.greeting.path)"\n';
  const task = {
    results: [{ name: 'greeting' }],
    steps: [{ name: 'greet', image: 'localhost/debian:1', script }],
  };
  await applyAll([
    {
      apiVersion: 'tekton.dev/v1',
      kind: 'TaskRun',
      metadata: { name: 'greet', namespace: 'default' },
      spec: { taskSpec: task },
    },
  ]);
  let run: TaskRun = {};
  const ended = async (): Promise<boolean> => {
    run = JSON.parse(await kube(['get', 'taskrun', 'greet', '-n', 'default', '-o', 'json'])) as TaskRun;
    return run.status?.conditions?.some(({ status }) => status !== 'Unknown') === true;
  };
  await waitUntil(ended, { what: 'the TaskRun to end', timeoutMs: 120_000, pollMs: 500 });
  expect(run.status?.conditions).toMatchObject([{ type: 'Succeeded', status: 'True' }]);
  expect(run.status?.results).toMatchObject([{ name: 'greeting', value: 'hello' }]);
});

it('refuses a TriggerTemplate without resources by the webhook of Triggers', async () => {
  const template = { apiVersion: 'triggers.tekton.dev/v1beta1', kind: 'TriggerTemplate', spec: {} };
  const applied = applyAll([{ ...template, metadata: { name: 'empty', namespace: 'default' } }]);
  await expect(applied).rejects.toThrow(/denied the request/);
});
