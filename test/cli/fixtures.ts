import type { EnvironmentStatus, PromotionStatus } from '../../workflows/domain/promotion.ts';
import type { Gate } from '../../workflows/domain/gate.ts';
import type { Configuration, EnvironmentConfiguration } from '../../worker/configuration/index.ts';
import type { CliServices } from '../../cli/services.ts';
import type { ImageEye } from '../../cli/images/image-eye.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { runCli } from '../../cli/program.ts';
import { DIGEST, ID } from './fake-engine.ts';
import type { FakeEngine } from './fake-engine.ts';
import { NOW } from './fake-terminal.ts';

export const GATE: Gate = {
  kind: 'people',
  before: 'publish',
  quorum: 2,
  approvers: [{ userIds: ['Ann Lee <ann@example.com>'] }, { userIds: ['Bob Ray <bob@example.com>'] }],
  identity: 'claimed',
  deadlineMs: 7 * 24 * 3600 * 1000,
  group: 'prod-approvers',
};

export function anEnvironment(name: string, fields: Partial<EnvironmentStatus> = {}): EnvironmentStatus {
  return {
    environment: name,
    phase: 'pending',
    step: null,
    done: [],
    reference: `registry.${name}.example.com/acme/shop/web:1.4.2`,
    gate: { kind: 'none' },
    gateState: null,
    deadline: null,
    decisions: [],
    copy: null,
    proposal: null,
    publication: null,
    stood: false,
    rebuild: null,
    release: null,
    replicas: null,
    ...fields,
  };
}

/** Passed dev, waits in prod for two approvals, of which one is there. */
export function aStatus(fields: Partial<PromotionStatus> = {}): PromotionStatus {
  return {
    id: ID,
    run: 'run-first',
    image: { name: 'shop/web', tag: '1.4.2', digest: DIGEST },
    condition: 'deciding',
    to: 'prod',
    started: new Date(NOW - 3_600_000).toISOString(),
    requesters: ['ci@example.com'],
    route: ['dev', 'prod'],
    environments: [passedDev(), decidingProd()],
    stall: null,
    refused: 0,
    refusals: [],
    result: null,
    ...fields,
  };
}

function passedDev(): EnvironmentStatus {
  const blobs = { blobsCopied: 0, blobsSkipped: 4, blobsMounted: 0 };
  return anEnvironment('dev', {
    phase: 'passed',
    done: ['copy', 'sign', 'propose', 'publish', 'rebuild', 'confirm', 'release'],
    publication: '1111111111111111111111111111111111111111',
    copy: { manifests: [DIGEST], bytesCopied: 0, bytesTotal: 1000, ...blobs, tagBefore: DIGEST },
    release: { release: 'untouched' },
    replicas: 2,
  });
}

function decidingProd(): EnvironmentStatus {
  const at = new Date(NOW - 600_000).toISOString();
  const reason = 'tested \u202ein qa\u001b[31m';
  return anEnvironment('prod', {
    phase: 'deciding',
    step: 'decide',
    done: ['verify', 'copy', 'sign', 'propose'],
    gate: GATE,
    gateState: 'open',
    deadline: NOW + 6 * 24 * 3600 * 1000,
    decisions: [{ verdict: 'approve', by: 'Ann Lee <ann@example.com>', at, reason }],
  });
}

export function aConfiguration(): Configuration {
  const environment = (name: string): EnvironmentConfiguration =>
    ({
      name,
      registry: `registry.${name}.example.com/acme`,
      sources: name === 'dev' ? ['quay.example.com/builds', 'quay.example.com/builds/deep'] : [],
      registries: {},
      secrets: `/secrets/${name}`,
      signatures: { publicKeys: [`/keys/${name}.asc`], servedAt: `https://signatures.${name}.example.com/images` },
      gate: 'none',
      rebuild: 'none',
    }) as unknown as EnvironmentConfiguration;
  const environments = { dev: environment('dev'), qa: environment('qa'), prod: environment('prod') };
  const temporal = { address: '127.0.0.1:7233', namespace: 'default' };
  return {
    file: '/work/place/countersign.yaml',
    route: ['dev', 'qa', 'prod'],
    temporal,
    stalledForMs: 1,
    environments,
  };
}

/** A look at registries that finds what it was told. */
export function fakeEye(fields: Partial<ImageEye> = {}): ImageEye {
  return {
    resolve: () => Promise.resolve({ look: 'found', digest: DIGEST }),
    isPromoted: () => Promise.resolve(false),
    close: () => Promise.resolve(),
    ...fields,
  };
}

/** Runs the command in this process against fakes. */
export async function runFake(
  args: readonly string[],
  {
    terminal,
    engine,
    eye = fakeEye(),
    services = {},
  }: {
    readonly terminal: Terminal;
    readonly engine?: FakeEngine;
    readonly eye?: ImageEye;
    readonly services?: Partial<CliServices>;
  },
): Promise<number> {
  return await runCli(args, terminal, {
    readConfiguration: () => Promise.resolve(aConfiguration()),
    openEngine: () => {
      if (engine === undefined) throw new Error('this test has no Temporal');
      return Promise.resolve({ engine, close: () => Promise.resolve() });
    },
    openEye: () => Promise.resolve(eye),
    findCaller: () => Promise.resolve('caller@example.com'),
    ...services,
  });
}
