import { EXIT } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import type { ImageEye } from '../images/image-eye.ts';
import type { PromotionEngine } from './engine.ts';
import type { WantedImage } from './image-argument.ts';
import { shortDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { ORCHESTRATOR_QUEUE, environmentQueue } from '../../workflows/domain/names.ts';
import { formatReference } from '../../workflows/domain/reference.ts';

/** How long the first environment's worker may take to resolve a tag. */
export const RESOLVE_WITHIN_MS = 60_000;

/** What resolving needs beside the image. */
export interface ResolveTools {
  readonly eye: ImageEye;
  /** Called only where the caller's own credentials do not reach. */
  readonly engine: () => Promise<PromotionEngine>;
  readonly entry: string;
  readonly warn: (text: string) => void;
  readonly note: (text: string) => void;
}

/**
 * The digest of the wanted image. A digest that was given counts, and a tag that points elsewhere by now is only
 * mentioned; else the tag is resolved with the caller's own credentials, and where these do not reach, by the first
 * environment's worker.
 */
export async function resolveDigest(wanted: WantedImage, tools: ResolveTools): Promise<Digest> {
  const looked = await tools.eye.resolve(wanted.reference);
  const written = formatReference(wanted.reference);
  if (wanted.digest !== undefined) {
    if (looked.look === 'found' && looked.digest !== wanted.digest) {
      tools.warn(
        `${written} points to ${shortDigest(looked.digest)} by now; what is promoted is the given digest ${shortDigest(wanted.digest)}`,
      );
    }
    return wanted.digest;
  }
  if (looked.look === 'found') return looked.digest;
  if (looked.look === 'absent') throw unknownImage(written);
  tools.note(`${written} cannot be read from here (${looked.reason}); asking the worker of ${tools.entry}`);
  return await askWorker(wanted, tools);
}

async function askWorker(wanted: WantedImage, { engine: open, entry }: ResolveTools): Promise<Digest> {
  const { name, tag, source } = wanted;
  const engine = await open();
  // Where nobody polls, nobody will answer, and the wait is spared.
  const missing = await findMissing(engine, entry);
  if (missing !== undefined) throw silence(`${missing}; start it`);
  const input = { environment: entry, name, tag, ...(source !== undefined && { source }) };
  const reply = await engine.resolve(input, RESOLVE_WITHIN_MS);
  if (reply.reply === 'resolved') return reply.digest;
  if (reply.reply === 'failed') {
    const code = reply.type === 'image-unknown' ? EXIT.notFound : EXIT.failure;
    throw new CliError(code, `the worker of ${entry} cannot resolve ${name}:${tag}: ${reply.message}`);
  }
  throw silence(`the workers did not answer within ${RESOLVE_WITHIN_MS / 1000} s; look at their logs`);
}

async function findMissing(engine: PromotionEngine, entry: string): Promise<string | undefined> {
  if ((await engine.lastPoll(ORCHESTRATOR_QUEUE, 'workflow')) === null) {
    return `no orchestrator polls the queue ${ORCHESTRATOR_QUEUE}`;
  }
  const queue = environmentQueue(entry);
  const polled = await engine.lastPoll(queue, 'activity');
  return polled === null ? `no worker polls the queue ${queue}` : undefined;
}

function silence(reason: string): CliError {
  const way = 'log in to the registry with "docker login", or give the digest: NAME:TAG@sha256:…';
  return new CliError(EXIT.unreachable, `nobody resolved the tag: ${reason}, ${way}`);
}

function unknownImage(written: string): CliError {
  return new CliError(EXIT.notFound, `there is no ${written}; push it first`);
}
