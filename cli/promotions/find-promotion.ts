import { EXIT } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import { printable, printableShort } from '../output/escape.ts';
import { conditionOfListed } from './condition.ts';
import type { ListedPromotion, PromotionEngine } from './engine.ts';
import { parseId, shortId } from './promotion-ids.ts';
import { PROMOTION_WORKFLOW_QUERY } from './visibility-query.ts';
import { PROMOTION_PREFIX } from '../../workflows/domain/names.ts';

/** How a promotion is looked for. */
export interface FindOptions {
  /** Registry prefixes that may stand before the name. */
  readonly prefixes: readonly string[];
  /** Where the name fits several, the one that runs is meant. */
  readonly preferRunning?: boolean;
}

/** Whatever a name, tag, digest or id can hold; nothing else reaches a query. */
const SEARCHABLE = /^[A-Za-z0-9._/:@~+-]{1,400}$/;
const HEX_PREFIX = /^(?:sha256:)?([0-9a-f]{6,64})$/;
const CANDIDATES = 200;
const SHOWN = 10;
/** From this length on the id may hold a shortened name, of which at least this much is kept. */
const LONG_NAME = 44;
const KEPT_OF_LONG_NAME = 27;

/**
 * The id of the promotion that `text` names: a full id, a unique prefix of one, `NAME:TAG`, or a prefix of the digest.
 * @throws CliError `notFound`, with the candidates where there are several.
 */
export async function findPromotion(engine: PromotionEngine, text: string, options: FindOptions): Promise<string> {
  const wanted = withoutRegistry(text, options.prefixes);
  if (!SEARCHABLE.test(wanted)) throw notFound(text);
  const full = wanted.startsWith(PROMOTION_PREFIX) ? wanted : `${PROMOTION_PREFIX}${wanted}`;
  if (parseId(full) !== undefined && (await engine.describe(full)) !== undefined) return full;
  const found = await engine.list(candidateQuery(wanted), CANDIDATES);
  const candidates = narrow(newestRuns(found), wanted, options);
  const [only, ...others] = candidates;
  if (only === undefined) throw notFound(text);
  if (others.length > 0) throw ambiguous(text, candidates);
  return only.id;
}

/** A reference under one of the registry prefixes names the image as well as its short form. */
function withoutRegistry(text: string, prefixes: readonly string[]): string {
  const longestFirst = prefixes.toSorted((one, other) => other.length - one.length);
  const prefix = longestFirst.find((one) => text.startsWith(`${one}/`));
  return prefix === undefined ? text : text.slice(prefix.length + 1);
}

function candidateQuery(wanted: string): string {
  const bare = wanted.startsWith(PROMOTION_PREFIX) ? wanted.slice(PROMOTION_PREFIX.length) : wanted;
  const name = bare.split(/[:@]/, 1)[0] ?? '';
  const prefix = name.length > LONG_NAME ? name.slice(0, KEPT_OF_LONG_NAME) : bare;
  const byId = `WorkflowId STARTS_WITH '${PROMOTION_PREFIX}${prefix}'`;
  const digest = digestPrefix(wanted);
  const either = digest === undefined ? byId : `(${byId} OR CountersignDigest STARTS_WITH '${digest}')`;
  return `${PROMOTION_WORKFLOW_QUERY} AND ${either}`;
}

function digestPrefix(wanted: string): string | undefined {
  const afterName = wanted.slice(wanted.lastIndexOf('@') + 1);
  const hex = HEX_PREFIX.exec(afterName)?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** Several runs of one id are one promotion: the newest counts. */
function newestRuns(found: readonly ListedPromotion[]): readonly ListedPromotion[] {
  const newest = new Map<string, ListedPromotion>();
  for (const one of found) {
    const known = newest.get(one.id);
    if (known === undefined || known.startedAt < one.startedAt) newest.set(one.id, one);
  }
  return [...newest.values()];
}

/** An exact `NAME:TAG` beats ids that merely begin so: `shop/web:1.2` is not `shop/web:1.20`. */
function narrow(
  found: readonly ListedPromotion[],
  wanted: string,
  { preferRunning = false }: FindOptions,
): readonly ListedPromotion[] {
  const fitting = found.filter((one) => spellings(one).some((spelling) => fits(spelling, wanted)));
  const exact = fitting.filter((one) => spellings(one).some((spelling) => spelling.startsWith(`${wanted}@`)));
  const candidates = exact.length > 0 ? exact : fitting;
  const running = candidates.filter(({ execution }) => execution === 'running');
  return preferRunning && running.length > 0 ? running : candidates;
}

/** All ways to write an id: with and without prefix, and with the full name where the id holds a shortened one. */
function spellings({ id, memo }: ListedPromotion): readonly string[] {
  const { image } = memo;
  const bare = id.slice(PROMOTION_PREFIX.length);
  const full = image === undefined ? bare : `${image.name}:${image.tag}@${image.digest}`;
  return [id, bare, full, `${PROMOTION_PREFIX}${full}`];
}

function fits(spelling: string, wanted: string): boolean {
  const digest = digestPrefix(wanted);
  if (digest !== undefined && !wanted.includes('@')) {
    return spelling.startsWith(wanted) || spelling.includes(`@${digest}`);
  }
  if (spelling.startsWith(wanted)) return true;
  // NAME@sha256:… leaves the tag out.
  const [name = '', hex] = wanted.split('@');
  return (
    hex !== undefined && digest !== undefined && spelling.startsWith(`${name}:`) && spelling.includes(`@${digest}`)
  );
}

function notFound(text: string): CliError {
  return new CliError(
    EXIT.notFound,
    `there is no promotion ${printableShort(text, 200)}; expected an id, a prefix of one, NAME:TAG, or six digits of the digest at least; "countersign list --all" shows what there is`,
  );
}

function ambiguous(text: string, candidates: readonly ListedPromotion[]): CliError {
  const lines = candidates
    .slice(0, SHOWN)
    .map((one) => `  ${printable(shortId(one.id))}  ${printable(conditionOfListed(one))}`);
  const more = candidates.length > SHOWN ? [`  and ${candidates.length - SHOWN} more`] : [];
  return new CliError(EXIT.notFound, `${printableShort(text, 200)} fits ${candidates.length} promotions; name one of`, [
    ...lines,
    ...more,
  ]);
}
