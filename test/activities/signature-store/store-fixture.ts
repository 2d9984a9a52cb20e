import { afterEach, beforeEach } from 'vitest';
import { createGitSignatureStore, proposalBranch } from '../../../activities/signature-store/index.ts';
import type {
  GitSignatureStoreOptions,
  PromotionRecord,
  PublishInput,
  SignatureStore,
  StoredSignature,
} from '../../../activities/signature-store/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { startGitHost } from '../../support/git-host.ts';
import type { GitHost, GitHostRepository, RepositoryOptions } from '../../support/git-host.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

export const PATH = 'acme/shop/web';
export const TIME = '2024-05-06T07:08:09.000Z';

/** A host with one repository, and stores on it; everything is gone after each test. */
export interface StoreFixture {
  readonly host: GitHost;
  readonly repository: GitHostRepository;
  readonly join: (...segments: readonly string[]) => string;
  /** A store with a cache of its own, as another process would have one. */
  open(options?: Partial<GitSignatureStoreOptions>): Promise<SignatureStore>;
}

export function useStores(
  options: RepositoryOptions & { readonly files?: Record<string, string>; readonly isEmpty?: true } = {},
): StoreFixture {
  const folder = useTempFolder();
  let host: GitHost | undefined;
  let repository: GitHostRepository | undefined;
  let opened = 0;
  const there = <T>(thing: T | undefined): T => {
    if (thing === undefined) throw new Error('the fixture exists only while a test runs');
    return thing;
  };
  beforeEach(async () => {
    host = await startGitHost({ root: folder.join('host') });
    repository = await host.createRepository('signatures', options);
    if (options.isEmpty !== true) await repository.commit('main', options.files ?? { 'README.md': 'signatures\n' });
  });
  afterEach(() => host?.stop());
  return {
    get host() {
      return there(host);
    },
    get repository() {
      return there(repository);
    },
    join: folder.join,
    open: async (changed = {}) =>
      createGitSignatureStore({
        url: there(repository).url,
        branch: 'main',
        directory: 'images',
        cacheDirectory: folder.join(`cache-${++opened}`),
        credentialsFile: await there(host).writeCredentials(folder.join('git-credentials')),
        identity: { name: 'Countersign', email: 'countersign@prod.example' },
        ...changed,
      }),
  };
}

export function digestOf(character: string): Digest {
  return parseDigest(`sha256:${character.repeat(64)}`);
}

export function signature(text: string, digest: Digest = digestOf('a')): StoredSignature {
  return { digest, blob: Buffer.from(`signature ${text}`) };
}

export function recordOf(changed: Partial<PromotionRecord> = {}): PromotionRecord {
  return {
    promotion: `promotion/acme/shop/web:1.0@${digestOf('a')}`,
    run: 'run-1',
    environment: 'prod',
    reference: `registry.prod.example.com/${PATH}:1.0`,
    digest: digestOf('a'),
    started: '2024-05-06T07:00:00.000Z',
    requestedBy: 'Dev <dev@acme.example>',
    ...changed,
  };
}

export function publishInput(changed: Partial<PublishInput> = {}): PublishInput {
  return {
    record: recordOf(),
    repositoryPath: PATH,
    signatures: [signature('one')],
    decisions: [{ verdict: 'approve', by: 'Ann <ann@acme.example>', at: TIME, identity: 'claimed' }],
    gate: 'quorum 1, identity claimed',
    time: TIME,
    isEqual: () => Promise.resolve(false),
    ...changed,
  };
}

/** An input of its own promotion, reference and signature for every number. */
export function numbered(number: number, changed: Partial<PublishInput> = {}): PublishInput {
  const record = recordOf({
    promotion: `promotion/web:${number}`,
    run: `run-${number}`,
    reference: `registry.prod.example.com/${PATH}:${number}`,
  });
  return publishInput({ record, signatures: [signature(String(number))], ...changed });
}

export function pathOf(number: number, digest: Digest = digestOf('a')): string {
  return `images/${PATH}@sha256=${digest.slice(7)}/signature-${number}`;
}

export function branchOf(record: PromotionRecord): string {
  return proposalBranch(record);
}
