import { describe, expect, it } from 'vitest';

import { formatProblem } from '../../worker/configuration/index.ts';
import { broken, problemsOf, tableOf } from './configuration-mistakes.ts';

describe('the values of the configuration', () => {
  tableOf([
    {
      name: 'no gate',
      find: /gate: none/,
      with: 'x-gate: none'.replace('x-', '#'),
      path: 'environments.dev.gate',
      message: /^is missing; expected none, or.*write gate: none.*must not open by itself/,
      line: '  dev:',
    },
    {
      name: 'an empty gate',
      find: 'gate: none',
      with: 'gate:',
      path: 'environments.dev.gate',
      message: /^is empty; expected none/,
    },
    {
      name: 'another word for none',
      find: 'gate: none',
      with: 'gate: off',
      path: 'environments.dev.gate',
      message: /^is the text "off"; expected none/,
    },
    {
      name: 'no identity',
      find: 'identity: claimed }',
      with: 'quorum: 1 }',
      path: 'environments.qa.gate.identity',
      message: /^is missing; expected identity: claimed; .*any name.*weakness/,
    },
    {
      name: 'a stronger identity than there is',
      find: 'identity: claimed }',
      with: 'identity: signed }',
      path: 'environments.qa.gate.identity',
      message: /any name/,
    },
    {
      name: 'no approvers',
      find: 'approvers: keys/qa-approvers.asc, ',
      with: '',
      path: 'environments.qa.gate.approvers',
      message: /^is missing; expected a path/,
    },
    {
      name: 'a gate before an unknown step',
      find: 'before: publish',
      with: 'before: release',
      path: 'environments.prod.gate.before',
      message: /expected publish, sign or copy/,
    },
    {
      name: 'a quorum of none',
      find: 'quorum: 2',
      with: 'quorum: 0',
      path: 'environments.prod.gate.quorum',
      message: /^is 0; expected a whole number from 1.*or write gate: none/,
    },
    {
      name: 'a broken quorum',
      find: 'quorum: 2',
      with: 'quorum: 1.5',
      path: 'environments.prod.gate.quorum',
      message: /^is 1\.5; expected a whole number/,
    },
    {
      name: 'a quorum in quotes',
      find: 'quorum: 2',
      with: "quorum: '2'",
      path: 'environments.prod.gate.quorum',
      message: /without quotes/,
    },
    {
      name: 'a duration without unit',
      find: 'deadline: 7 days',
      with: 'deadline: 7',
      path: 'environments.prod.gate.deadline',
      message: /^is 7; expected a duration from 1 second to 365 days; write the unit/,
    },
    {
      name: 'a duration beyond its bounds',
      find: 'deadline: 7 days',
      with: 'deadline: 400 days',
      path: 'environments.prod.gate.deadline',
      message: /^"400 days" is longer than 365 days/,
    },
    {
      name: 'no rebuild',
      find: 'rebuild: none',
      with: '# ',
      path: 'environments.qa.rebuild',
      message: /^is missing; .*write rebuild: none/,
      line: '  qa:',
    },
    {
      name: 'two ways to rebuild',
      find: 'rebuild: none',
      with: 'rebuild: { webhook: { url: https://h.example.com }, openshiftBuild: { api: https://a.example.com, namespace: n, buildConfig: b } }',
      path: 'environments.qa.rebuild',
      message: /^has webhook and openshiftBuild; expected none, or exactly one/,
    },
    {
      name: 'after without trigger: push',
      find: 'rebuild: none',
      with: 'rebuild: { rollout: { namespace: n, deployment: d }, after: 5 minutes }',
      path: 'environments.qa.rebuild',
      message: /^has after without trigger: push; .*add trigger: push/,
    },
    {
      name: 'trigger: push with nothing to trigger',
      find: 'rebuild: none',
      with: 'rebuild: { trigger: push }',
      path: 'environments.qa.rebuild',
      message: /^is empty; .*exactly one of webhook, rollout, pipelineRun and openshiftBuild/,
    },
    {
      name: 'a parameter that stands for nothing',
      find: 'rebuild: none',
      with: 'rebuild: { pipelineRun: { namespace: n, pipeline: p, params: { revision: "{sha}" } } }',
      path: 'environments.qa.rebuild.pipelineRun.params.revision',
      message: /holds \{sha\}, which stands for nothing/,
    },
    {
      name: 'two ways to find replicas',
      find: "replicas: { dns: 'signatures-headless.qa.svc:8080' }",
      with: "replicas: { dns: 'a.b:1', addresses: ['10.0.0.1:80'] }",
      path: 'environments.qa.signatures.replicas',
      message: /^has addresses and dns; expected exactly one/,
    },
    {
      name: 'an address without port',
      find: "'10.0.0.2:8080'",
      with: '10.0.0.2',
      path: 'environments.dev.signatures.replicas.addresses[1]',
      message: /"10\.0\.0\.2" is not HOST:PORT/,
    },
    {
      name: 'a single key in the place of a list',
      find: 'publicKeys: [keys/dev.asc]',
      with: 'publicKeys: keys/dev.asc',
      path: 'environments.dev.signatures.publicKeys',
      message: /expected a list of at least one.*in brackets/,
    },
    {
      name: 'no keys',
      find: 'publicKeys: [keys/dev.asc]',
      with: 'publicKeys: []',
      path: 'environments.dev.signatures.publicKeys',
      message: /^is an empty list/,
    },
    {
      name: 'a slash after servedAt',
      find: 'servedAt: https://signatures.qa.example.com/images',
      with: 'servedAt: https://signatures.qa.example.com/images/',
      path: 'environments.qa.signatures.servedAt',
      message: /ends in a slash/,
    },
    {
      name: 'plain http beyond loopback',
      find: 'servedAt: https://signatures.qa.example.com/images',
      with: 'servedAt: http://signatures.qa.example.com/images',
      path: 'environments.qa.signatures.servedAt',
      message: /plain http to a host that is not loopback/,
    },
    {
      name: 'a URL as registry',
      find: 'registry: registry.qa.example.com/acme',
      with: 'registry: https://registry.qa.example.com/acme',
      path: 'environments.qa.registry',
      message: /is a URL; expected HOST/,
    },
    {
      name: 'a number as a branch',
      find: 'branch: main,',
      with: 'branch: 1.0,',
      path: 'environments.dev.signatures.repository.branch',
      message: /^is 1; expected the name of a branch; put the value in quotes/,
    },
    {
      name: 'a home folder that nobody expands',
      find: 'secrets: secrets',
      with: 'secrets: ~/secrets',
      path: 'secrets',
      message: /~ and \$VARIABLES are not expanded/,
    },
    {
      name: 'yes for true',
      find: '{ plainHttp: true }',
      with: '{ plainHttp: yes }',
      path: 'environments.dev.registries["registry.lab.example.com:5000"].plainHttp',
      message: /^is the text "yes"; expected true or false/,
    },
    {
      name: 'plain http with certificates',
      find: '{ plainHttp: true }',
      with: '{ plainHttp: true, ca: a.crt }',
      path: 'environments.dev.registries["registry.lab.example.com:5000"]',
      message: /has plainHttp and ca/,
    },
    {
      name: 'plain http with a client certificate',
      find: '{ plainHttp: true }',
      with: '{ plainHttp: true, clientCertificate: tls }',
      path: 'environments.dev.registries["registry.lab.example.com:5000"]',
      message: /has plainHttp and clientCertificate/,
    },
    {
      name: 'a client certificate by its path',
      find: '{ plainHttp: true }',
      with: '{ clientCertificate: ../qa/tls }',
      path: 'environments.dev.registries["registry.lab.example.com:5000"].clientCertificate',
      message: /cannot be the name of a certificate; expected the name of two files in the secrets folder/,
    },
    {
      name: 'the realm of a challenge as token server',
      find: '{ plainHttp: true }',
      with: '{ tokenServers: ["https://gitlab.example.com/jwt/auth"] }',
      path: 'environments.dev.registries["registry.lab.example.com:5000"].tokenServers[0]',
      message: /has a path, which does not count; expected an https URL of host and port alone/,
    },
    {
      name: 'a token server in clear',
      find: '{ plainHttp: true }',
      with: '{ tokenServers: ["http://gitlab.example.com"] }',
      path: 'environments.dev.registries["registry.lab.example.com:5000"].tokenServers[0]',
      message: /is plain http to a host that is not loopback/,
    },
    {
      name: 'half a client certificate',
      find: '  # tls: {',
      with: '  tls: { certificate: a.crt }\n  # tls: {',
      path: 'temporal.tls',
      message: /^has no key; expected certificate and key together/,
    },
  ]);

  it('never shows user, password, query or fragment of a URL', () => {
    const urls = [
      'https://user:hunter2@git.example.com/a.git',
      'https://hunter2@git.example.com/a.git',
      'https:user:hunter2@git.example.com/a.git',
      'https://user:hun@ter2@git.example.com/a.git',
      'https://git.example.com/a.git?token=hunter2',
      'https://git.example.com/a.git#hunter2',
      'ssh://git:hunter2@git.example.com/a.git',
      'http://user:hunter2@git.example.com/a.git',
    ];
    for (const url of urls) {
      const keys = [
        [/repository: \{ url: 'ssh[^']*'/, `repository: { url: '${url}'`],
        ['servedAt: https://signatures.qa.example.com/images', `servedAt: '${url}'`],
        ['registry: registry.qa.example.com/acme', `registry: '${url}'`],
        ['route: [dev, qa, prod]', `route: [dev, qa, prod, '${url}']`],
        ['stalledFor: 30 days', `'${url}': 1`],
        ["'quay.example.com': {", `'${url}': {`],
        ["dns: 'signatures-headless.qa.svc:8080'", `dns: '${url}'`],
        ['deadline: 7 days', `deadline: '${url}'`],
        ['gate: none', `gate: '${url}'`],
      ] as const;
      for (const [find, replacement] of keys) {
        const problems = problemsOf(broken(find, replacement)).map(formatProblem);
        expect(problems).not.toEqual([]);
        expect(problems.join('\n')).not.toMatch(/hunter2|ter2/);
      }
    }
  });

  it('shows characters that would change the terminal as escapes', () => {
    const text = problemsOf(broken('gate: none', 'gate: "\\e[2J\\u202e"')).map(formatProblem).join('\n');
    expect(text).toContain(String.raw`\u001b[2J\u202e`);
  });
});
