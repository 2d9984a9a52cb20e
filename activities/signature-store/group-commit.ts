import { setTimeout as delay } from 'node:timers/promises';
import { readyState } from './bootstrap.ts';
import { SignatureStoreError } from './error.ts';
import type { GitRepository } from './git-repository.ts';
import type { History } from './history.ts';
import { unlessAborted } from './lock.ts';
import type { StoreSettings } from './options.ts';
import { addPublication, cleanInput, readBack } from './publication.ts';
import type { Chain, Placed } from './publication.ts';
import type { PublishInput, PublishResult } from './types.ts';
import type { Workspace } from './workspace.ts';

/** Publishes; calls that arrive while a push is under way share the next one. */
export type Publisher = (input: PublishInput, signal?: AbortSignal) => Promise<PublishResult>;

interface Request {
  readonly input: PublishInput;
  readonly signal: AbortSignal | undefined;
  readonly answer: Answer;
  readonly attempted: Set<string>;
  settled: boolean;
  lostRaces: number;
}

interface Answer {
  readonly promise: Promise<PublishResult>;
  readonly resolve: (value: PublishResult) => void;
  readonly reject: (reason: unknown) => void;
}

/** Carries what the caller's own `isEqual` threw past everything that has a meaning for the others. */
class CallerError extends Error {}

/** A branch that moves this often between our reading and our push has a writer that does not sleep. */
const RACE_LIMIT = 20;

/** Makes the publisher of one store. Each caller gets its own answer; one that fails does not fail the others. */
export function createPublisher(settings: StoreSettings, workspace: Workspace, history: History): Publisher {
  const queue: Request[] = [];
  let running = false;

  const drain = async (): Promise<void> => {
    running = true;
    try {
      while (queue.length > 0) await runCycle({ settings, workspace, history, queue });
    } finally {
      running = false;
    }
  };
  return async (input, signal) => {
    signal?.throwIfAborted();
    const request = createRequest(guarded(cleanInput(input)), signal);
    queue.push(request);
    if (!running) void drain();
    try {
      return await unlessAborted(request.answer.promise, signal);
    } finally {
      request.settled = true;
    }
  };
}

interface CycleContext {
  readonly settings: StoreSettings;
  readonly workspace: Workspace;
  readonly history: History;
  readonly queue: Request[];
}

async function runCycle(context: CycleContext): Promise<void> {
  const batch: Request[] = [];
  const stop = new AbortController();
  // The work is given up only when nobody waits for it any more.
  const onAbort = (): void => {
    if (batch.every(({ signal }) => signal?.aborted === true)) stop.abort(batch[0]?.signal?.reason);
  };
  try {
    await context.workspace(async (repository) => {
      // Taken as late as possible, so that whoever came while we waited is in. Run again: the same batch.
      const taken = context.queue.splice(0).filter(({ settled }) => !settled);
      for (const { signal } of taken) signal?.addEventListener('abort', onAbort, { once: true });
      batch.push(...taken);
      await publishTogether(repository, context, batch.filter(isOpen));
    }, stop.signal);
  } catch (error) {
    for (const request of batch.filter(isOpen)) fail(request, error);
    // Nothing was taken: the workspace itself could not be had.
    if (batch.length === 0) for (const request of context.queue.splice(0)) fail(request, error);
  } finally {
    for (const { signal } of batch) signal?.removeEventListener('abort', onAbort);
  }
  await rest(batch.filter(isOpen), context.queue);
}

/** One fetch, one commit for each request, one push. Requests that are not settled afterwards go into the next cycle. */
async function publishTogether(
  repository: GitRepository,
  { settings, history }: CycleContext,
  requests: readonly Request[],
): Promise<void> {
  const [first] = requests;
  if (first === undefined) return;
  const state = await readyState(repository, settings, first.input.time);
  const [head] = await repository.log({ from: state.served, limit: 1 });
  const published = await history(repository, state.served);
  let chain: Chain = { tip: state.served, tree: head?.tree ?? '', publications: published };
  const placed = new Map<Request, Placed>();

  for (const request of requests) {
    const isFirst = chain.tip === state.served;
    try {
      const one = await addPublication(repository, settings, { chain, state, input: request.input });
      if (!one.result.alreadyThere) placed.set(request, one);
      else if (isFirst) succeed(request, one);
      chain = one.chain;
    } catch (error) {
      // What rests on a commit that is not pushed yet may be otherwise in the end: judged again in the next cycle.
      if (error instanceof CallerError) fail(request, error.cause);
      else if (!isOwnFailure(error)) throw error;
      else if (isFirst) fail(request, error);
    }
  }
  if (chain.tip === state.served) return;
  // Somebody's commit may no longer be wanted; the others' are made anew without it.
  if (![...placed.keys()].every(isOpen)) return;
  for (const [request, { result }] of placed) request.attempted.add(result.commit);
  const after = await repository.push({ branch: settings.branch, expected: state.served, commit: chain.tip });
  await settle(repository, { history, placed, served: after.served });
}

/** Believes only what the remote shows: the commit in its history and each file under its exact id. */
async function settle(
  repository: GitRepository,
  { history, placed, served }: { history: History; placed: ReadonlyMap<Request, Placed>; served: string | undefined },
): Promise<void> {
  if (served !== undefined) await repository.requireCommits([served]);
  const commits = new Set((await history(repository, served)).map(({ commit }) => commit));
  for (const [request, one] of placed) {
    const { commit } = one.result;
    if (served === undefined || !commits.has(commit)) {
      request.lostRaces++;
      if (request.lostRaces >= RACE_LIMIT) fail(request, tooManyRaces(request.input));
      continue;
    }
    try {
      await readBack(repository, { head: served, commit, files: one.files });
      succeed(request, one);
    } catch (error) {
      if (!(error instanceof SignatureStoreError)) throw error;
      fail(request, error);
    }
  }
}

/** Puts what is left back to the front of the queue and, after a lost race, lets the rival go first. */
async function rest(left: readonly Request[], queue: Request[]): Promise<void> {
  queue.unshift(...left);
  const races = Math.max(0, ...left.map(({ lostRaces }) => lostRaces));
  if (races > 0) await delay(Math.random() * Math.min(25 * 2 ** races, 1000));
}

/** Failures that concern one request; what the remote or the cache does concerns all. */
function isOwnFailure(error: unknown): boolean {
  return (
    error instanceof SignatureStoreError &&
    (error.code === 'superseded' ||
      error.code === 'proposal-foreign' ||
      error.code === 'signature-limit' ||
      error.code === 'repository-conflict' ||
      error.code === 'configuration-invalid')
  );
}

function guarded(input: PublishInput): PublishInput {
  return {
    ...input,
    isEqual: async (existing, ours) => {
      try {
        return await input.isEqual(existing, ours);
      } catch (cause) {
        throw new CallerError('isEqual failed', { cause });
      }
    },
  };
}

function createRequest(input: PublishInput, signal: AbortSignal | undefined): Request {
  let resolve: (value: PublishResult) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<PublishResult>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // An aborted caller has gone; its answer may then fail unheard.
  promise.catch(() => undefined);
  return { input, signal, answer: { promise, resolve, reject }, attempted: new Set(), settled: false, lostRaces: 0 };
}

function isOpen(request: Request): boolean {
  return !request.settled && request.signal?.aborted !== true;
}

function succeed(request: Request, { result }: Placed): void {
  request.settled = true;
  // Found on a later look, but made by this very call: not "already there" to the caller.
  request.answer.resolve({ ...result, alreadyThere: result.alreadyThere && !request.attempted.has(result.commit) });
}

function fail(request: Request, error: unknown): void {
  request.settled = true;
  request.answer.reject(error);
}

function tooManyRaces({ record }: PublishInput): SignatureStoreError {
  return new SignatureStoreError(
    'repository-conflict',
    `publish ${record.reference} for ${record.environment}: the served branch changed under each of ${RACE_LIMIT} ` +
      'attempts; find out who else writes to it',
  );
}
