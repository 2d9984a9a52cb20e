import {
  evaluatePolicy,
  lookasideFor,
  parsePolicy,
  readLookaside,
  readRegistriesD,
} from '../../activities/trust/index.ts';
import type { Policy, RegistriesD, Verdict } from '../../activities/trust/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { usageError } from '../failure.ts';
import { readBytes, readBytesList, readDigest, readTime, refuseUnknown, textOf } from './given-material.ts';
import type { Material, MaterialReader } from './given-material.ts';

const MEMBERS = ['policy', 'image', 'digest', 'manifest', 'signatures', 'registriesD', 'time'];
const MAX_CACHED = 256;

/** The JSON of `trust evaluate`. */
export interface EvaluatedCase extends Verdict {
  /** The store that signatures were read from; null where they were given. */
  readonly store: string | null;
}

/** Evaluates policies on images that need not exist; policies and directories are read once each. */
export class CaseEvaluator {
  readonly #reader: MaterialReader;
  readonly #now: () => number;
  readonly #policies = new Map<string, Promise<Policy>>();
  readonly #directories = new Map<string, Promise<RegistriesD>>();

  constructor(reader: MaterialReader, now: () => number) {
    this.#reader = reader;
    this.#now = now;
  }

  /** @throws CliError for members that are missing or wrong, TrustError for what readers refuse as a whole. */
  async evaluate(material: Material): Promise<EvaluatedCase> {
    refuseUnknown(material, MEMBERS);
    const reference = parseReference(textOf(material['image'], 'image'));
    const manifestDigest = await readDigest(material, this.#reader);
    const policy = await this.#policy(material['policy']);
    const { signatures, store } = await this.#signatures(material, reference, manifestDigest);
    const now = readTime(material, this.#now());
    return { ...(await evaluatePolicy(policy, { reference, manifestDigest }, signatures, { now })), store };
  }

  async #signatures(
    { signatures, registriesD }: Material,
    reference: ImageReference,
    digest: Digest,
  ): Promise<{ readonly signatures: readonly Uint8Array[]; readonly store: string | null }> {
    if ((signatures === undefined) === (registriesD === undefined)) {
      throw usageError('expected either signatures or registriesD');
    }
    if (signatures !== undefined) {
      const files = await readBytesList(signatures, 'signatures', this.#reader);
      return { signatures: files.map(({ bytes }) => bytes), store: null };
    }
    const directory = this.#reader.resolvePath(textOf(registriesD, 'registriesD'));
    const config = await cached(this.#directories, directory, () => readRegistriesD(directory));
    const store = lookasideFor(config, reference, 'read');
    if (store === undefined) return { signatures: [], store: null };
    return { signatures: await readLookaside(store, reference.path, digest), store };
  }

  async #policy(given: unknown): Promise<Policy> {
    if (given === undefined) throw usageError('expected policy');
    return await cached(this.#policies, JSON.stringify(given), async () => {
      const file = await readBytes(given, 'policy', this.#reader);
      if (file === undefined) throw usageError('expected policy');
      return parsePolicy(file.bytes, file.name);
    });
  }
}

async function cached<Value>(
  cache: Map<string, Promise<Value>>,
  name: string,
  read: () => Promise<Value>,
): Promise<Value> {
  const known = cache.get(name);
  if (known !== undefined) return await known;
  if (cache.size >= MAX_CACHED) cache.clear();
  const value = read();
  cache.set(name, value);
  return await value;
}
