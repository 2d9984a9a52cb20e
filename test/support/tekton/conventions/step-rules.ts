/** What runs: scripts, rights and limits of a step. */
import { isDeepStrictEqual } from 'node:util';
import type { Entry, Step } from '../library.ts';
import { failing, stepsOf } from './rule.ts';
import type { Rule } from './rule.ts';

const SCRIPT_LINES = 30;

/** Everything that an attacker in a step would like to have otherwise. */
const SECURITY = {
  runAsNonRoot: true,
  runAsUser: 65532,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

/** What Tekton writes into a script before it runs: a value from outside would be code. */
const INTERPOLATION = /\$\((params|workspaces|steps|tasks|context|credentials|inputs|outputs)\b[^)]*\)/;

export const STEP_RULES: readonly Rule[] = [
  { name: 'interpolates nothing into a script', check: ofSteps(interpolation) },
  { name: 'begins every script in the same strict way', check: ofSteps(head) },
  { name: 'keeps scripts short', check: ofSteps(length) },
  { name: 'shows no command of a script in the log', check: ofSteps(trace) },
  { name: 'uses every variable of its environment', check: ofSteps(environment) },
  { name: 'gives a step no right that it does not need', check: ofSteps(security) },
  { name: 'limits what a step uses', check: limits },
  { name: 'ends a step in time', check: timeout },
  { name: 'gives a reason where a failure is ignored', check: onError },
];

function ofSteps(problem: (step: Step) => string | undefined): Rule['check'] {
  return (entry) =>
    failing(
      stepsOf(entry).filter(({ ref }) => ref === undefined),
      problem,
    );
}

function interpolation({ script = '' }: Step): string | undefined {
  const found = INTERPOLATION.exec(script);
  return found === null ? undefined : `expected env instead of ${found[0]} in the script`;
}

function head({ script = '' }: Step): string | undefined {
  const expected = ['#!/usr/bin/env bash', 'set -euo pipefail', 'umask 077'];
  const lines = script.split('\n').slice(0, expected.length);
  return isDeepStrictEqual(lines, expected) ? undefined : `expected the script to begin with ${expected.join('; ')}`;
}

function length({ script = '' }: Step): string | undefined {
  const lines = script.trimEnd().split('\n').length;
  return lines < SCRIPT_LINES ? undefined : `expected fewer than ${SCRIPT_LINES} lines, received ${lines}`;
}

function trace({ script = '' }: Step): string | undefined {
  const isTraced = /^\s*set\s+-[a-z]*x|xtrace|bash\s+-[a-z]*x/m.test(script);
  return isTraced ? 'expected no -x: it would show secrets' : undefined;
}

function environment({ env = [], script = '' }: Step): string | undefined {
  const unused = env.filter(({ name }) => /^(PARAM|WORKSPACE|RESULT)_/.test(name) && !script.includes(name));
  return unused.length === 0 ? undefined : `${unused.map(({ name }) => name).join(', ')} is not used`;
}

function security({ securityContext = {} }: Step): string | undefined {
  const wrong = Object.entries(SECURITY).filter(([name, value]) => !isDeepStrictEqual(securityContext[name], value));
  return wrong.length === 0 ? undefined : `expected securityContext ${JSON.stringify(Object.fromEntries(wrong))}`;
}

/** A StepAction cannot say it; the Task that refers to it does. */
function limits(entry: Entry): readonly string[] {
  return failing(entry.resource.spec.steps, ({ computeResources: { requests, limits: most } = {} }) =>
    requests?.['cpu'] && requests['memory'] && most?.['memory']
      ? undefined
      : 'expected requests for cpu and memory, and a limit for memory',
  );
}

function timeout(entry: Entry): readonly string[] {
  return failing(entry.resource.spec.steps, (step) => (step.timeout === undefined ? 'expected a timeout' : undefined));
}

function onError({ text }: Entry): readonly string[] {
  const lines = text.split('\n');
  const bare = lines.filter((line, index) => /^\s*onError:/.test(line) && !/^\s*#/.test(lines[index - 1] ?? ''));
  return bare.map(() => 'expected a comment with the reason above onError');
}
