/** The commit messages: git is the evidence, so what is written here is read back strictly or not at all. */
import { isDigest } from '../../workflows/domain/digest.ts';
import { isTime } from './record.ts';
import type { DecisionRecord, OneShotRecord, PromotionRecord } from './types.ts';

/** What a publication's message says. */
export interface PublicationMessage extends PromotionRecord {
  readonly decisions: readonly DecisionRecord[];
  readonly gate: string;
}

const APPROVAL = /^(?<by>[^;]+); at=(?<at>[^;]+); identity=claimed(?:; reason=(?<reason>.+))?$/;
/** What `oneLine` never leaves in a value. */
const FORBIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]/u;
const RECORD_KEYS = ['Promotion', 'Run', 'Environment', 'Image', 'Digest', 'Started', 'Requested-By'] as const;

/** The message of a proposal; `record` must be clean. */
export function proposalMessage(record: PromotionRecord): string {
  return `${subject('Propose', record)}\n\n${recordLines(record).join('\n')}\n`;
}

/** The message of a publication; record, gate and decisions must be clean. */
export function publicationMessage(
  record: PromotionRecord,
  gate: string,
  decisions: readonly DecisionRecord[],
): string {
  const approvals = decisions.map(({ by, at, reason }) => {
    const because = reason === undefined ? '' : `; reason=${reason}`;
    return `Approved-By: ${by}; at=${at}; identity=claimed${because}`;
  });
  const lines = [...recordLines(record), `Gate: ${gate}`, ...approvals];
  return `${subject('Publish', record)}\n\n${lines.join('\n')}\n`;
}

/**
 * The message for signatures that no promotion stands behind; `record` must be clean. It has more than two paragraphs and
 * names no promotion, so that neither reader below takes it for a gate's evidence.
 */
export function oneShotMessage({ reference, digest, publishedBy, message }: OneShotRecord): string {
  const lines = [`Image: ${reference}`, `Digest: ${digest}`, `Published-By: ${publishedBy}`];
  const paragraphs = [
    `Publish ${withoutHost(reference)} without a promotion`,
    'No promotion stands behind these signatures, and no gate was passed for them.',
    ...(message === undefined ? [] : [message]),
    lines.join('\n'),
  ];
  return `${paragraphs.join('\n\n')}\n`;
}

/** The record of a proposal's message, or undefined when it is not exactly one of ours. */
export function parseProposalMessage(untrusted: string): PromotionRecord | undefined {
  const trailers = parseTrailers(untrusted);
  const record = trailers && parseRecord(trailers);
  return record && trailers.length === RECORD_KEYS.length && proposalMessage(record) === ended(untrusted)
    ? record
    : undefined;
}

/** What a publication's message says, or undefined when it is not exactly one of ours. */
export function parsePublicationMessage(untrusted: string): PublicationMessage | undefined {
  const trailers = parseTrailers(untrusted);
  const record = trailers && parseRecord(trailers);
  const [gate, ...approvals] = trailers?.slice(RECORD_KEYS.length) ?? [];
  if (record === undefined || gate?.key !== 'Gate') return undefined;
  const decisions = approvals.map(({ key, value }) => (key === 'Approved-By' ? parseDecision(value) : undefined));
  const known = decisions.filter((decision) => decision !== undefined);
  if (known.length !== decisions.length) return undefined;
  // Written again it must be the same text, or something in it was read in another sense than it was written.
  return publicationMessage(record, gate.value, known) === ended(untrusted)
    ? { ...record, gate: gate.value, decisions: known }
    : undefined;
}

interface Trailer {
  readonly key: string;
  readonly value: string;
}

/** The lines of a message of exactly two paragraphs: subject and trailers. */
function parseTrailers(untrusted: string): readonly Trailer[] | undefined {
  const [, paragraph, ...more] = ended(untrusted).slice(0, -1).split('\n\n');
  if (paragraph === undefined || more.length > 0) return undefined;
  const trailers = paragraph.split('\n').map((line) => {
    const [, key, value] = /^([A-Z][A-Za-z-]*): (.+)$/u.exec(line) ?? [];
    return key !== undefined && value !== undefined && !FORBIDDEN.test(value) ? { key, value } : undefined;
  });
  const known = trailers.filter((trailer) => trailer !== undefined);
  return known.length === trailers.length ? known : undefined;
}

function parseRecord(trailers: readonly Trailer[]): PromotionRecord | undefined {
  const values = RECORD_KEYS.map((key, index) => (trailers[index]?.key === key ? trailers[index].value : undefined));
  const [promotion, run, environment, reference, digest, started, requestedBy] = values;
  if (promotion === undefined || run === undefined || environment === undefined || reference === undefined) {
    return undefined;
  }
  if (!isDigest(digest) || started === undefined || !isTime(started) || requestedBy === undefined) return undefined;
  return { promotion, run, environment, reference, digest, started, requestedBy };
}

function parseDecision(value: string): DecisionRecord | undefined {
  const { by, at, reason } = APPROVAL.exec(value)?.groups ?? {};
  if (by === undefined || at === undefined || !isTime(at)) return undefined;
  return { verdict: 'approve', by, at, identity: 'claimed', ...(reason !== undefined && { reason }) };
}

function recordLines(record: PromotionRecord): string[] {
  return [
    `Promotion: ${record.promotion}`,
    `Run: ${record.run}`,
    `Environment: ${record.environment}`,
    `Image: ${record.reference}`,
    `Digest: ${record.digest}`,
    `Started: ${record.started}`,
    `Requested-By: ${record.requestedBy}`,
  ];
}

function subject(verb: 'Propose' | 'Publish', record: PromotionRecord): string {
  return `${verb} ${withoutHost(record.reference)} for ${record.environment}`;
}

function withoutHost(reference: string): string {
  return reference.slice(reference.indexOf('/') + 1);
}

/** Git's own commands end a message with one line feed or none. */
function ended(message: string): string {
  return message.endsWith('\n') ? message : `${message}\n`;
}
