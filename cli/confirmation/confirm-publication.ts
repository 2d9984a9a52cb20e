import { checkServedByAll, resolveReplicas } from '../../activities/signature-server/index.ts';
import type { ServedExpectation } from '../../activities/signature-server/index.ts';
import type { CommitSignatures } from '../../activities/signature-store/index.ts';
import type { Call } from '../call.ts';
import type { HostOptions } from '../commands/registry-options.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { GitSecretOptions } from '../publishing/git-secrets.ts';
import { openNamedStore } from '../publishing/named-store.ts';
import { pollUntilFinal } from './poll.ts';
import type { Seen } from './poll.ts';
import { authorityOf } from './server-authority.ts';

/** Where a commit is read, and where it must be served. */
export interface PublicationOptions extends GitSecretOptions, HostOptions {
  readonly repository: string;
  readonly branch: string;
  readonly directory: string;
  readonly servedAt: string;
  readonly replica?: readonly string[];
}

/** Which commit, and how long is waited. */
export interface PublicationWish {
  readonly commit: string;
  /** What was published up to here was confirmed before. */
  readonly since?: string;
  /** 0 for one look. */
  readonly withinMs: number;
}

/** The JSON of `confirm-publication`. */
export interface PublicationConfirmation {
  readonly commit: string;
  readonly repository: string;
  readonly servedAt: string;
  /** The addresses that were asked beside `servedAt`. */
  readonly replicas: readonly string[];
  /** How many signatures the commit published. */
  readonly signatures: number;
  readonly served: boolean;
  readonly reason: string;
  readonly waitedMs: number;
  readonly attempts: number;
}

interface Look extends Seen {
  readonly replicas: readonly string[];
}

/**
 * Waits until every server serves the bytes of the signatures that a commit published. Nothing of them is judged.
 * @throws SignatureStoreError, CliError.
 */
export async function confirmPublication(
  call: Call,
  options: PublicationOptions,
  wish: PublicationWish,
): Promise<{ readonly confirmation: PublicationConfirmation; readonly exitCode: ExitCode }> {
  const { terminal, report } = call;
  const { commit, since } = wish;
  const { repository, servedAt, replica: addresses = [] } = options;
  // What is no address is told before anything is waited for.
  await resolveReplicas({ addresses });
  const store = await openNamedStore(call, { ...options, url: repository });
  const range = { commit, ...(since !== undefined && { since }) };
  const published = await store.added(range, { signal: terminal.signal });
  if (since !== undefined && published.isWhole) {
    report.note(`the branch has no commit ${since}: everything that ${commit} has is confirmed`);
  }
  const ca = await authorityOf(call, options, servedAt);
  const { look, attempts, waitedMs } = await pollUntilFinal<Look>(terminal, {
    withinMs: wish.withinMs,
    look: () => lookOnce({ servedAt, addresses, published, signal: terminal.signal, ...(ca !== undefined && { ca }) }),
    unseen: (reason, last) => ({ isFinal: false, reason, replicas: last?.replicas ?? [] }),
    onLook: (text) => report.note(text),
  });
  const { isFinal: served, reason, replicas } = look;
  const signatures = published.signatures.length;
  return {
    confirmation: { commit, repository, servedAt, replicas, signatures, served, reason, waitedMs, attempts },
    exitCode: served ? EXIT.success : EXIT.unfinished,
  };
}

async function lookOnce(place: {
  readonly servedAt: string;
  readonly addresses: readonly string[];
  readonly published: CommitSignatures;
  readonly ca?: string;
  readonly signal: AbortSignal;
}): Promise<Look> {
  const { servedAt, addresses, published, ca, signal } = place;
  const replicas = await resolveReplicas({ addresses }, { signal });
  const files = published.signatures.map(({ path, blob }): ServedExpectation => ({ path, is: 'bytes', blob }));
  await checkServedByAll({ servedAt, replicas, files, ...(ca !== undefined && { ca }) }, { signal });
  const asked = replicas.length === 0 ? 'at the address' : `at the address and ${replicas.length} replicas`;
  const reason = `${files.length} signatures of the commit are served ${asked}`;
  return { isFinal: true, reason, replicas: replicas.map(({ address }) => address) };
}
