import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readSignatureClaimUntrusted, signDigest } from '../../activities/signing/index.ts';
import type { SignatureClaim, SigningKey } from '../../activities/signing/index.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import { MAX_SIGNATURES, signaturePath } from '../../workflows/domain/signature-path.ts';
import { CliError } from '../failure.ts';
import { EXIT } from '../exit-codes.ts';

/** One signature in a directory of lookaside layout. */
export interface WrittenSignature {
  /** Relative to the directory. */
  readonly path: string;
  readonly number: number;
  /** False where the same signature was there already. */
  readonly added: boolean;
}

/**
 * Signs, and adds the signature as the next free number. A file that is there is never replaced, also not by somebody
 * who adds at the same time; an equal signature is not added twice.
 * @throws CliError where no number is left.
 */
export async function addSignature(
  directory: string,
  key: SigningKey,
  claim: SignatureClaim,
): Promise<WrittenSignature> {
  const blob = await signDigest(key, claim);
  for (let number = 1; number <= MAX_SIGNATURES; number++) {
    const relative = signaturePath(claim.reference.path, claim.digest, number);
    const file = path.join(directory, relative);
    const existing = await readIfThere(file);
    if (existing !== undefined) {
      if (await isEqual(existing, key, claim)) return { path: relative, number, added: false };
    } else if (await createFile(file, blob)) {
      return { path: relative, number, added: true };
    }
  }
  throw new CliError(
    EXIT.failure,
    `${claim.digest} has ${MAX_SIGNATURES} signatures in ${directory}; readers refuse more, remove those that are expired`,
  );
}

/** Signing is reproducible: the same key, claim and time give the same bytes, and nobody else can make them. */
async function isEqual(untrustedBlob: Uint8Array, key: SigningKey, claim: SignatureClaim): Promise<boolean> {
  const untrusted = readClaim(untrustedBlob);
  if (untrusted?.untrustedDigest !== claim.digest) return false;
  if (untrusted.untrustedReference !== formatReference(claim.reference)) return false;
  const again = await signDigest(key, { ...claim, time: untrusted.untrustedCreated }).catch(() => undefined);
  return again !== undefined && Buffer.from(again).equals(untrustedBlob);
}

function readClaim(untrustedBlob: Uint8Array): ReturnType<typeof readSignatureClaimUntrusted> {
  try {
    return readSignatureClaimUntrusted(untrustedBlob);
  } catch {
    return undefined;
  }
}

/** Whole or not at all, and only where nothing is: a link to a finished file fails where the name is taken. */
async function createFile(file: string, content: Uint8Array): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, content, { flag: 'wx' });
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
