import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  ConfigurationError,
  originOf,
  parseConfiguration,
  readConfiguration,
} from '../../worker/configuration/index.ts';

const EXAMPLE = readFileSync(new URL('../../worker/configuration/example.countersign.yaml', import.meta.url), 'utf8');
const MINIMAL = `
route: [dev]
environments:
  dev:
    registry: 127.0.0.1:5000
    signatures:
      publicKeys: [dev.asc]
      repository: { url: 'http://localhost:8080/dev.git' }
      servedAt: http://127.0.0.1:8081/images
    gate: none
    rebuild: none
`;
const DAY = 86_400_000;

describe('parseConfiguration', () => {
  it('accepts the complete example', () => {
    const configuration = parseConfiguration(EXAMPLE, '/etc/countersign/countersign.yaml');
    expect(Object.keys(configuration.environments)).toEqual(['dev', 'qa', 'prod']);
    expect(configuration.environments['prod']).toEqual({
      name: 'prod',
      registry: 'registry.prod.example.com/acme',
      sources: [],
      registries: {},
      secrets: '/run/secrets/countersign-prod',
      copy: { concurrency: 4 },
      signatures: {
        publicKeys: ['/etc/countersign/keys/prod.asc'],
        repository: { url: 'git@git.example.com:acme/signatures-prod.git', branch: 'main', directory: 'images' },
        servedAt: 'https://signatures.prod.example.com/images',
        replicas: {
          kind: 'endpoints',
          api: 'https://api.prod.example.com:6443',
          namespace: 'signature-server',
          service: 'signature-server',
          port: 8080,
          scheme: 'http',
        },
        minimumValidityMs: 30 * DAY,
      },
      gate: {
        before: 'publish',
        quorum: 2,
        approvers: '/etc/countersign/keys/prod-approvers.asc',
        identity: 'claimed',
        deadlineMs: 7 * DAY,
      },
      rebuild: {
        kind: 'rollout',
        api: 'https://api.prod.example.com:6443',
        namespace: 'signature-server',
        deployment: 'signature-server',
      },
      attempts: 20,
      confirm: { withinMs: 1_800_000 },
    });
  });

  it.each([
    ['rollout: { namespace: n, deployment: d }', { kind: 'rollout', namespace: 'n', deployment: 'd' }],
    [
      'openshiftBuild: { api: "https://a.example.com", namespace: n, buildConfig: b }',
      { kind: 'openshiftBuild', api: 'https://a.example.com', namespace: 'n', buildConfig: 'b', start: 'instantiate' },
    ],
    [
      'openshiftBuild: { namespace: n, buildConfig: b, start: webhook }, trigger: push, after: 90 seconds',
      { kind: 'openshiftBuild', namespace: 'n', buildConfig: 'b', start: 'webhook', pushWithinMs: 90_000 },
    ],
    [
      'pipelineRun: { namespace: n, pipeline: p, serviceAccount: s, params: { revision: "{commit}" }, timeout: 20 minutes }',
      {
        kind: 'pipelineRun',
        namespace: 'n',
        pipeline: 'p',
        serviceAccount: 's',
        params: { revision: '{commit}' },
        timeoutMs: 1_200_000,
      },
    ],
    ['pipelineRun: { namespace: n, pipeline: p }', { kind: 'pipelineRun', namespace: 'n', pipeline: 'p', params: {} }],
    [
      'webhook: { url: "https://h.example.com", shape: gitea }, trigger: push',
      { kind: 'webhook', url: 'https://h.example.com', secret: false, shape: 'gitea', pushWithinMs: 300_000 },
    ],
  ])('reads %s', (written, rebuild) => {
    const text = MINIMAL.replace('rebuild: none', `rebuild: { ${written} }`);
    expect(parseConfiguration(text, '/c/countersign.yaml').environments['dev']!.rebuild).toEqual(rebuild);
  });

  it('takes endpoints without api, port and scheme', () => {
    const replicas = '{ endpoints: { namespace: n, service: s } }';
    const text = MINIMAL.replace(
      /^( +)servedAt:.*$/m,
      (line, indent: string) => `${line}\n${indent}replicas: ${replicas}`,
    );
    const { signatures } = parseConfiguration(text, '/c/countersign.yaml').environments['dev']!;
    expect(signatures.replicas).toEqual({ kind: 'endpoints', namespace: 'n', service: 's' });
  });

  it('fills in every default', () => {
    expect(parseConfiguration(MINIMAL, '/c/countersign.yaml')).toEqual({
      file: '/c/countersign.yaml',
      route: ['dev'],
      temporal: { address: '127.0.0.1:7233', namespace: 'default' },
      stalledForMs: 30 * DAY,
      environments: {
        dev: {
          name: 'dev',
          registry: '127.0.0.1:5000',
          sources: [],
          registries: {},
          secrets: '/c/secrets/dev',
          copy: { concurrency: 4 },
          signatures: {
            publicKeys: ['/c/dev.asc'],
            repository: { url: 'http://localhost:8080/dev.git', branch: 'main', directory: 'images' },
            servedAt: 'http://127.0.0.1:8081/images',
            minimumValidityMs: 30 * DAY,
          },
          gate: 'none',
          rebuild: 'none',
          attempts: 20,
          confirm: { withinMs: 1_800_000 },
        },
      },
    });
  });

  it('fills in the defaults of a gate and of a webhook', () => {
    const text = MINIMAL.replace('gate: none', 'gate: { approvers: a.asc, identity: claimed }').replace(
      'rebuild: none',
      "rebuild: { webhook: { url: 'https://hook.example.com' } }",
    );
    const { gate, rebuild } = parseConfiguration(text, '/c/c.yaml').environments['dev']!;
    expect(gate).toEqual({
      before: 'publish',
      quorum: 1,
      approvers: '/c/a.asc',
      identity: 'claimed',
      deadlineMs: 30 * DAY,
    });
    expect(rebuild).toEqual({ kind: 'webhook', url: 'https://hook.example.com', secret: false, shape: 'github' });
  });

  it('resolves the files of TLS, and keeps an empty section', () => {
    const tls = (text: string) => parseConfiguration(`temporal: { tls: ${text} }${MINIMAL}`, '/c/c.yaml').temporal.tls;
    expect(tls('{}')).toEqual({});
    expect(tls('{ ca: ca.crt, certificate: /t/c.crt, key: c.key }')).toEqual({
      ca: '/c/ca.crt',
      certificate: '/t/c.crt',
      key: '/c/c.key',
    });
  });

  it('keeps what the environments are called apart from what every object has', () => {
    const { environments } = parseConfiguration(MINIMAL, '/c/c.yaml');
    expect(environments['constructor']).toBeUndefined();
    const named = parseConfiguration(MINIMAL.replaceAll(/\bdev\b(?=[\]:])/g, 'constructor'), '/c/c.yaml');
    expect(named.environments['constructor']?.registry).toBe('127.0.0.1:5000');
  });

  it('orders the environments by the route, not by the file', () => {
    const text = EXAMPLE.replace('route: [dev, qa, prod]', 'route: [dev, prod, qa]');
    expect(Object.keys(parseConfiguration(text, 'c.yaml').environments)).toEqual(['dev', 'prod', 'qa']);
  });

  it('reads aliases, carriage returns and a byte order mark', () => {
    const aliased = EXAMPLE.replace('gate: { approvers: keys/qa', 'gate: &gate { approvers: keys/qa').replace(
      /gate:\n {6}# The step[\s\S]*?deadline: 7 days/,
      'gate: *gate',
    );
    const { environments } = parseConfiguration(`\ufeff${aliased.replaceAll('\n', '\r\n')}`, 'c.yaml');
    expect(environments['prod']?.gate).toEqual(environments['qa']?.gate);
    expect(environments['prod']?.gate).not.toBe('none');
  });

  it('is plain data, so that it can be printed and sent', () => {
    const configuration = parseConfiguration(EXAMPLE, '/c/c.yaml');
    expect(JSON.parse(JSON.stringify(configuration))).toEqual(configuration);
  });
});

describe('originOf', () => {
  it('gives the environment before, none for the first and for strangers', () => {
    const configuration = parseConfiguration(EXAMPLE, 'c.yaml');
    expect(originOf(configuration, 'prod')?.name).toBe('qa');
    expect(originOf(configuration, 'qa')?.name).toBe('dev');
    expect(originOf(configuration, 'dev')).toBeUndefined();
    expect(originOf(configuration, 'constructor')).toBeUndefined();
  });
});

describe('readConfiguration', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'configuration-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function problemOf(file: string): Promise<string> {
    const error: unknown = await readConfiguration(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  }

  it('reads a file, its paths relative to the file and not to the process', async () => {
    const file = path.join(folder, 'countersign.yaml');
    await writeFile(file, MINIMAL);
    const configuration = await readConfiguration(path.relative(process.cwd(), file));
    expect(configuration.file).toBe(file);
    expect(configuration.environments['dev']?.secrets).toBe(path.join(folder, 'secrets/dev'));
  });

  it('says why a file cannot be read', async () => {
    const missing = path.join(folder, 'missing.yaml');
    expect(await problemOf(missing)).toContain(`${missing}: the configuration cannot be read (ENOENT); expected`);
    await mkdir(path.join(folder, 'folder'));
    expect(await problemOf(path.join(folder, 'folder'))).toContain('not a regular file');
  });

  it('refuses a file that is too large or not UTF-8', async () => {
    const large = path.join(folder, 'large.yaml');
    await writeFile(large, Buffer.alloc(1024 * 1024 + 1, '#'));
    expect(await problemOf(large)).toContain('larger than 1048576 bytes');
    const binary = path.join(folder, 'binary.yaml');
    await writeFile(binary, Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]));
    expect(await problemOf(binary)).toContain('not UTF-8');
  });
});
