import { createHash } from 'node:crypto';
import { isDigest, quote } from '../../workflows/domain/digest.ts';
import { SignatureStoreError } from './error.ts';
import { isRefName, PROPOSAL_PREFIX } from './options.ts';
import type { DecisionRecord, PromotionRecord, Proposal, ProposeInput } from './types.ts';

const VALUE_LIMIT = 500;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Tells whether `text` is a time as `Date.toISOString` writes it, so that text order is time order. */
export function isTime(text: string): boolean {
  return TIME.test(text) && !Number.isNaN(Date.parse(text));
}

/**
 * One line without control, direction or separator characters: a value must neither begin a line of its own in a
 * commit message nor show a reader something else than a program reads.
 */
export function oneLine(untrusted: string): string {
  const line = Buffer.from(untrusted)
    .toString()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]+/gu, ' ')
    .replace(/ +/g, ' ')
    .trim();
  // By characters, not code units: half a character would be read back as another one.
  const cut =
    line.length > VALUE_LIMIT
      ? `${Array.from(line)
          .slice(0, VALUE_LIMIT - 1)
          .join('')
          .trim()}…`
      : line;
  return cut === '' ? '-' : cut;
}

/**
 * The record as it will be read back from a commit.
 * @throws SignatureStoreError `configuration-invalid` where a value has not the form that its field needs.
 */
export function cleanRecord(record: PromotionRecord): PromotionRecord {
  if (!isDigest(record.digest)) throw invalid('digest', record.digest, 'sha256: and 64 hex digits');
  if (!isTime(record.started)) throw invalid('start time', record.started, 'ISO 8601 with milliseconds in UTC');
  if (!isRefName(record.environment) || record.environment.includes('/')) {
    throw invalid('environment', record.environment, 'a name that can be part of a branch');
  }
  return {
    promotion: oneLine(record.promotion),
    run: oneLine(record.run),
    environment: record.environment,
    reference: oneLine(record.reference),
    digest: record.digest,
    started: record.started,
    requestedBy: oneLine(record.requestedBy),
  };
}

/** The decision as it will be read back from a commit. */
export function cleanDecision(decision: DecisionRecord): DecisionRecord {
  if (!isTime(decision.at)) throw invalid('time of a decision', decision.at, 'ISO 8601 with milliseconds in UTC');
  return {
    verdict: 'approve',
    // Semicolons part the fields of the line.
    by: oneLine(decision.by.replaceAll(';', ',')),
    at: decision.at,
    identity: 'claimed',
    ...(decision.reason !== undefined && { reason: oneLine(decision.reason) }),
  };
}

/** The branch on which a promotion's signatures for one environment are proposed. */
export function proposalBranch(record: Pick<PromotionRecord, 'environment' | 'promotion' | 'run'>): string {
  const unique = createHash('sha256').update(`${record.promotion}\n${record.run}`).digest('hex').slice(0, 20);
  return `${PROPOSAL_PREFIX}${record.environment}/${unique}`;
}

/**
 * Checks what becomes a commit: its time and its signatures.
 * @throws SignatureStoreError `configuration-invalid`.
 */
export function checkContent({ time, signatures }: Pick<ProposeInput, 'time' | 'signatures'>): void {
  if (!isTime(time)) throw invalid('commit time', time, 'ISO 8601 with milliseconds in UTC');
  if (signatures.length === 0) throw invalid('signatures', 'none', 'at least one');
  for (const { digest } of signatures) {
    if (!isDigest(digest)) throw invalid('digest of a signature', digest, 'sha256: and 64 hex digits');
  }
}

/**
 * As `checkContent`, and the proposal's commit, which git gets as an argument.
 * @throws SignatureStoreError `configuration-invalid`.
 */
export function checkInput(input: ProposeInput & { readonly proposal?: Proposal }): void {
  checkContent(input);
  if (input.proposal === undefined) return;
  checkCommitId(input.proposal.commit);
  const branch = proposalBranch(cleanRecord(input.record));
  if (input.proposal.branch !== branch) throw invalid('branch of the proposal', input.proposal.branch, branch);
}

/** @throws SignatureStoreError `configuration-invalid` for anything but 40 hex digits. */
export function checkCommitId(commit: string): void {
  if (!/^[0-9a-f]{40}$/.test(commit)) throw invalid('commit', commit, '40 hex digits');
}

/** Whether both records are of one run of one promotion, for one environment, reference and digest. */
export function isSameRun(one: PromotionRecord, other: PromotionRecord): boolean {
  return (
    one.promotion === other.promotion &&
    one.run === other.run &&
    one.environment === other.environment &&
    one.reference === other.reference &&
    one.digest === other.digest
  );
}

function invalid(field: string, received: string, expected: string): SignatureStoreError {
  return new SignatureStoreError('configuration-invalid', `${field} ${quote(received)}: expected ${expected}`);
}
