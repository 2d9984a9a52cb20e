import { describe, expect, it } from 'vitest';

import { ConfigurationError, formatProblem } from '../../worker/configuration/index.ts';
import { EXAMPLE, broken, problemsOf, tableOf } from './configuration-mistakes.ts';

describe('the relations in the configuration', () => {
  tableOf([
    {
      name: 'a route to nowhere',
      find: 'route: [dev, qa, prod]',
      with: 'route: [dev, qa, prod, moon]',
      path: 'route[3]',
      message: /^"moon" is not defined; expected one of dev, qa or prod; add moon: below environments/,
    },
    {
      name: 'a slip on the route, reported once',
      find: 'route: [dev, qa, prod]',
      with: 'route: [dev, qa, prdo]',
      path: 'route[2]',
      message: /did you mean prod\?/,
    },
    {
      name: 'an environment twice on the route',
      find: 'route: [dev, qa, prod]',
      with: 'route: [dev, qa, prod, qa]',
      path: 'route[3]',
      message: /stands on the route twice/,
    },
    {
      name: 'an environment beside the route',
      find: 'route: [dev, qa, prod]',
      with: 'route: [dev, prod]',
      path: 'environments.qa',
      message: /"qa" is not on the route \(dev, prod\); .*add it to the route at its place, or remove/,
      line: '  qa:',
    },
    {
      name: 'a route that is text',
      find: 'route: [dev, qa, prod]',
      with: 'route: dev, qa, prod',
      path: 'route',
      message: /expected a list of environment names; write route: \[dev, qa, prod\]/,
    },
    {
      name: 'sources that are not at the beginning of the route',
      find: 'registry: registry.qa.example.com/acme',
      with: 'registry: registry.qa.example.com/acme\n    sources: [quay.example.com/builds]',
      path: 'environments.qa.sources',
      message: /only the first environment of the route \(dev\)/,
      line: 'sources: [quay.example.com/builds]',
    },
    {
      name: 'options for a host with another port',
      find: "'quay.example.com': {",
      with: "'quay.example.com:443': {",
      path: 'environments.dev.registries["quay.example.com:443"]',
      message: /no registry is reached as.*expected quay\.example\.com,/,
    },
    {
      name: 'options for a namespace',
      find: "'quay.example.com': {",
      with: "'quay.example.com/builds': {",
      path: 'environments.dev.registries["quay.example.com/builds"]',
      message: /has a namespace; expected HOST/,
    },
    {
      name: 'one registry for two environments',
      find: 'registry: registry.qa.example.com/acme',
      with: 'registry: registry.dev.example.com/acme',
      path: 'environments.qa.registry',
      message: /^is the same as environments\.dev\.registry; .*a tag of one would move/,
    },
    {
      name: 'one registry under two spellings',
      find: 'registry: registry.qa.example.com/acme',
      with: 'registry: Registry.Dev.example.com:443/acme',
      path: 'environments.qa.registry',
      message: /^is the same as environments\.dev\.registry/,
    },
    {
      name: 'a registry inside another',
      find: 'registry: registry.qa.example.com/acme',
      with: 'registry: registry.dev.example.com/acme/qa',
      path: 'environments.qa.registry',
      message: /^overlaps with environments\.dev\.registry/,
    },
    {
      name: 'a registry around another',
      find: 'registry: registry.qa.example.com/acme',
      with: 'registry: registry.dev.example.com',
      path: 'environments.qa.registry',
      message: /^overlaps with environments\.dev\.registry/,
    },
    {
      name: 'one repository under two spellings',
      find: "{ url: 'ssh://git@git.example.com/acme/signatures-qa.git' }",
      with: "{ url: 'git@GIT.example.com:acme/signatures-dev' }",
      path: 'environments.qa.signatures.repository',
      message: /^is the same as environments\.dev\.signatures\.repository/,
    },
    {
      name: 'a folder inside the folder of another',
      find: "{ url: 'ssh://git@git.example.com/acme/signatures-qa.git' }",
      with: "{ url: 'https://git.example.com/acme/signatures-dev.git', directory: images/qa }",
      path: 'environments.qa.signatures.repository',
      message: /^overlaps with environments\.dev\.signatures\.repository/,
    },
    {
      name: 'one served address',
      find: 'servedAt: https://signatures.qa.example.com/images',
      with: 'servedAt: https://SIGNATURES.dev.example.com:443/images',
      path: 'environments.qa.signatures.servedAt',
      message: /^is the same as environments\.dev\.signatures\.servedAt/,
    },
    {
      name: 'one folder of secrets',
      find: 'secrets: /run/secrets/countersign-prod',
      with: 'secrets: secrets/qa',
      path: 'environments.prod.secrets',
      message: /^is the same as environments\.qa; .*a key stays with its environment/,
    },
    {
      name: 'a name that cannot be one',
      find: /route: \[dev, qa, prod\]/,
      with: 'route: [dev, qa, prod, -x]',
      path: 'route[3]',
      message: /"-x" cannot be the name of an environment/,
    },
  ]);

  it.each([
    ['disjoint prefixes on one host', 'registry.qa.example.com/acme', 'registry.dev.example.com/acme-qa'],
    [
      'another branch of one repository',
      "{ url: 'ssh://git@git.example.com/acme/signatures-qa.git' }",
      "{ url: 'https://git.example.com/acme/signatures-dev.git', branch: qa }",
    ],
    [
      'another folder of one repository',
      "{ url: 'ssh://git@git.example.com/acme/signatures-qa.git' }",
      "{ url: 'https://git.example.com/acme/signatures-dev.git', directory: images-qa }",
    ],
  ])('accepts %s', (_name, find, replacement) => {
    expect(problemsOf(broken(find, replacement))).toEqual([]);
  });

  it('does not take a branch with a slash for a folder', () => {
    const text = broken(
      "{ url: 'ssh://git@git.example.com/acme/signatures-qa.git' }",
      "{ url: 'https://git.example.com/acme/signatures-dev.git', branch: main/images, directory: x }",
    );
    expect(problemsOf(text)).toEqual([]);
  });

  it('reports all problems at once, in the order of the file', () => {
    const text = [
      ['route: [dev, qa, prod]', 'route: [dev, qa, prod, moon]'],
      ['copy: { concurrency: 4 }', 'copy: { concurrency: 400 }'],
      ['registry: registry.qa.example.com/acme', 'registry: registry.dev.example.com/acme'],
      ['rebuild: none', 'rebuild: maybe'],
      ['quorum: 2', 'quorom: 2'],
    ].reduce((text, [find = '', replacement = '']) => text.replace(find, replacement), EXAMPLE);
    const problems = problemsOf(text);
    expect(problems.map(({ path }) => path)).toEqual([
      'route[3]',
      'environments.dev.copy.concurrency',
      'environments.qa.registry',
      'environments.qa.rebuild',
      'environments.prod.gate.quorom',
    ]);
    const error = new ConfigurationError(problems);
    expect(error.message.split('\n')).toEqual(problems.map(formatProblem));
  });

  it('points at line and column, so that a terminal makes a link', () => {
    const [problem] = problemsOf('route: [dev]\nenvironments:\n  dev: { gate: none, rebuild: none, registry: 5 }\n');
    expect(formatProblem(problem!)).toMatch(/^c\.yaml:3:3: environments\.dev\.signatures: is missing/);
    const number = problemsOf(broken('quorum: 2', 'quorum: 2.5'))[0]!;
    const line = broken('quorum: 2', 'quorum: 2.5').split('\n')[number.line! - 1];
    expect(line?.slice(number.column! - 1)).toBe('2.5');
  });
});
