import { describe, expect, it } from 'vitest';

import { formatProblem } from '../../worker/configuration/index.ts';
import { problemsOf, tableOf } from './configuration-mistakes.ts';

describe('the keys of the configuration', () => {
  tableOf([
    {
      name: 'a slip is met with what was meant',
      find: 'quorum: 2',
      with: 'quorom: 2',
      path: 'environments.prod.gate.quorom',
      message: /^unknown key; expected before, quorum, .*; did you mean quorum\?$/,
    },
    {
      name: 'a key of another section is sent to its home',
      find: 'confirm: { within: 30 minutes }',
      with: 'deadline: 3 days',
      path: 'environments.dev.deadline',
      message: /it belongs to environments\.NAME\.gate: check the indentation/,
    },
    {
      name: 'a key of the top level inside an environment',
      find: 'confirm: { within: 30 minutes }',
      with: 'stalledFor: 3 days',
      path: 'environments.dev.stalledFor',
      message: /it belongs to the top level/,
    },
    {
      name: 'an environment at the top level',
      find: 'stalledFor: 30 days',
      with: 'stage: { registry: registry.stage.example.com }',
      path: 'stage',
      message: /move it below environments/,
    },
    {
      name: 'a secret in the file',
      find: 'stalledFor: 30 days',
      with: 'passphrase: hunter2',
      path: 'passphrase',
      message: /^(?!.*hunter2)unknown key.*secrets are files/,
    },
    {
      name: 'a merge key',
      find: 'confirm: { within: 30 minutes }',
      with: '<<: { rebuild: none }',
      path: 'environments.dev["<<"]',
      message: /merge keys are not supported/,
    },
    {
      name: 'a key with its value glued to it',
      find: 'copy: { concurrency: 4 }',
      with: "copy: { 'concurrency:4': }",
      path: 'environments.dev.copy["concurrency:4"]',
      message: /put a blank after the colon/,
    },
    {
      name: 'nothing that is known',
      find: 'stalledFor: 30 days',
      with: 'zzz: 1',
      path: 'zzz',
      message: /expected route, temporal, secrets, stalledFor or environments; remove it$/,
    },
  ]);

  it('tells that the keys of an environment lack a level of indentation, once for each', () => {
    const problems = problemsOf(
      'route: [dev]\nenvironments:\n  dev:\n  registry: registry.example.com\n  gate: none\n',
    );
    expect(problems.map(({ path, message }) => `${path}: ${message.split('; ')[0] ?? ''}`)).toEqual([
      'environments.dev: is empty',
      'environments.registry: "registry" is a key of an environment, not the name of one',
      'environments.gate: "gate" is a key of an environment, not the name of one',
    ]);
  });

  it('reports every missing key at the section it is missing from', () => {
    const problems = problemsOf('route: [dev]\nenvironments:\n  dev: {}\n');
    expect(problems.map(formatProblem).map((text) => text.split('; ')[0])).toEqual(
      ['registry', 'signatures', 'gate', 'rebuild'].map((key) => `c.yaml:3:3: environments.dev.${key}: is missing`),
    );
    expect(problemsOf('stalledFor: 1 day\n').map(({ path }) => path)).toEqual(['route', 'environments']);
  });
});
