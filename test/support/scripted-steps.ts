import type { EnvironmentSteps } from '../../activities/steps/index.ts';
import { StepError } from '../../activities/steps/step-error.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { FailureType } from '../../workflows/domain/failure.ts';
import type { Gate } from '../../workflows/domain/gate.ts';
import type { EnvironmentFacts, Standing } from '../../workflows/domain/steps.ts';

export const DIGEST = `sha256:${'a'.repeat(64)}` as Digest;
export const OTHER_DIGEST = `sha256:${'b'.repeat(64)}` as Digest;
export const ANN = 'Ann Lee <ann@example.com>';
export const BOB = 'Bob <bob@example.com>';

/** A gate of people, with what a test wants otherwise. */
export function peopleGate(changes: Partial<Extract<Gate, { kind: 'people' }>> = {}): Gate {
  const approvers = [{ userIds: [ANN] }, { userIds: [BOB] }];
  const basics = { kind: 'people', before: 'publish', quorum: 1, identity: 'claimed', deadlineMs: 60_000 } as const;
  return { ...basics, approvers, group: 'approvers', ...changes };
}

/** One environment whose steps succeed unless a test says otherwise; every call is written down. */
export interface ScriptedEnvironment {
  readonly environment: string;
  readonly steps: EnvironmentSteps;
  /** Names of the steps called so far, in order. */
  readonly calls: string[];
  /** The inputs of one step, in order. */
  inputs<Name extends keyof EnvironmentSteps>(name: Name): Parameters<EnvironmentSteps[Name]>[0][];
  /** The next `times` calls of `step` fail with this kind, after `meanwhile`. */
  fail(step: keyof EnvironmentSteps, type: FailureType, times?: number, meanwhile?: () => void): void;
  facts: EnvironmentFacts;
  standing: Standing;
}

/** Scripts an environment on `route`. */
export function scriptEnvironment(environment: string, route: readonly string[], gate: Gate): ScriptedEnvironment {
  const calls: string[] = [];
  const inputs = new Map<string, unknown[]>();
  const failures = new Map<string, Failure>();
  const called = (name: string, input: unknown): void => {
    calls.push(name);
    inputs.set(name, [...(inputs.get(name) ?? []), input]);
    const failure = failures.get(name);
    if (failure === undefined || failure.times <= 0) return;
    failure.times -= 1;
    failure.meanwhile?.();
    throw new StepError(failure.type, `${name} failed as scripted`);
  };
  const registry = `r.example.com/${environment}`;
  const limits = { attempts: 1, confirmWithinMs: 0, stalledForMs: 60_000 };
  const scripted: ScriptedEnvironment = {
    environment,
    calls,
    facts: { environment, route, registry, gate, sources: [], ...limits },
    standing: { standing: 'none' },
    inputs: (name) => (inputs.get(name) ?? []) as never,
    fail: (name, type, times = 1, meanwhile) => void failures.set(name, { type, times, meanwhile }),
    steps: scriptSteps(called, () => scripted),
  };
  return scripted;
}

interface Failure {
  readonly type: FailureType;
  times: number;
  readonly meanwhile: (() => void) | undefined;
}

function scriptSteps(called: (name: string, input: unknown) => void, one: () => ScriptedEnvironment): EnvironmentSteps {
  const step = <Output>(name: string, output: () => Output) => {
    return (input: unknown): Promise<Output> =>
      new Promise((resolve) => {
        called(name, input);
        resolve(output());
      });
  };
  const blobs = { blobsCopied: 1, blobsSkipped: 0, blobsMounted: 0 };
  const copied = { manifests: [DIGEST], bytesCopied: 1, bytesTotal: 1, ...blobs, tagBefore: null };
  const signatures = [{ digest: DIGEST, blob: 'c2lnbmF0dXJl' }];
  return {
    describe: step('describe', () => one().facts),
    resolve: step('resolve', () => ({ digest: DIGEST })),
    assess: step('assess', () => one().standing),
    verify: step('verify', () => ({ manifests: 1 })),
    copy: step('copy', () => copied),
    sign: step('sign', () => ({ signatures, made: 1 })),
    propose: step('propose', () => ({ branch: `countersign/${one().environment}/1`, commit: 'c'.repeat(40) })),
    publish: step('publish', () => ({ commit: 'd'.repeat(40) })),
    rebuild: step('rebuild', () => undefined),
    keepSignatures: step('keepSignatures', () => undefined),
    triggerRebuild: step(
      'triggerRebuild',
      () => ({ kind: 'webhook', subject: 'a webhook', outcome: 'accepted' }) as const,
    ),
    confirm: step('confirm', () => ({ replicas: 1 })),
    release: step('release', () => ({ release: 'moved', tagBefore: null }) as const),
    discard: step('discard', () => undefined),
  };
}
