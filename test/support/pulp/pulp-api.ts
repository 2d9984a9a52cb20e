/** Pulp's own API, as far as the tests prepare repositories with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN } from './pulp-server.ts';
import type { PulpServer } from './pulp-server.ts';

const TASK_TIMEOUT_MS = 60_000;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Calls the API as the administrator; `path` begins with `/`. */
export async function callPulp(pulp: PulpServer, path: string, body?: object): Promise<Answer> {
  const auth = Buffer.from(`${ADMIN.user}:${ADMIN.password}`).toString('base64');
  const answer = await fetch(`http://${pulp.tokenHost}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Basic ${auth}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Pulp ${path}: status ${answer.status}: ${text.slice(0, 500)}`);
  return { status: answer.status, body: JSON.parse(text) as Record<string, unknown> };
}

/** Calls the API and waits for the task that it names. */
export async function runTask(pulp: PulpServer, path: string, body: object): Promise<Record<string, unknown>> {
  const { body: accepted } = await callPulp(pulp, path, body);
  const task = String(accepted['task']);
  const end = Date.now() + TASK_TIMEOUT_MS;
  for (;;) {
    const { body: state } = await callPulp(pulp, task);
    if (state['state'] === 'completed') return state;
    if (state['state'] === 'failed' || state['state'] === 'canceled' || Date.now() > end) {
      throw new Error(`Pulp ${path}: task ${String(state['state'])}: ${JSON.stringify(state['error'])}`);
    }
    await sleep(100);
  }
}

/** Makes a repository to push to and the distribution that serves it; returns the repository's href. */
export async function createRepository(pulp: PulpServer, name: string): Promise<string> {
  const { body } = await callPulp(pulp, '/pulp/api/v3/repositories/container/container/', { name });
  const repository = String(body['pulp_href']);
  await runTask(pulp, '/pulp/api/v3/distributions/container/container/', { name, base_path: name, repository });
  return repository;
}
