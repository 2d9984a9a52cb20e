import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { generateKey, loadSigningKey, signDigest } from '../../../activities/signing/index.ts';
import type { GeneratedKey, SigningKey } from '../../../activities/signing/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { ensureParts } from '../../support/parts/index.mjs';
import { generateOther } from './crafting.ts';
import { GpgHome } from './gpg-home.ts';

/** Every kind of key that we sign with. */
const KINDS = {
  'RSA 2048': () => generateOther({ type: 'rsa', rsaBits: 2048 }),
  'RSA 3072': () => generateKey({ userId, type: 'rsa3072' }),
  'RSA 4096': () => generateKey({ userId, type: 'rsa4096' }),
  'EdDSA Ed25519': () => generateKey({ userId, type: 'ed25519' }),
  'ECDSA P-256': () => generateOther({ type: 'ecc', curve: 'nistP256' }),
  'ECDSA P-384': () => generateOther({ type: 'ecc', curve: 'nistP384' }),
  'ECDSA P-521': () => generateOther({ type: 'ecc', curve: 'nistP521' }),
} as const;
const userId = { name: 'Acceptance', email: 'acceptance@example.com' };
const run = promisify(execFile);

/** Signs with keys of every kind, and asks the programs that clusters are built from. */
export class Acceptance {
  readonly #gpg: GpgHome;
  readonly #folder: string;
  readonly #skopeo: string;
  readonly #keys: readonly { readonly kind: string; readonly key: SigningKey; readonly publicKey: string }[];

  private constructor(gpg: GpgHome, folder: string, skopeo: string, keys: Acceptance['kinds']) {
    this.#gpg = gpg;
    this.#folder = folder;
    this.#skopeo = skopeo;
    this.#keys = keys;
  }

  static async create(): Promise<Acceptance> {
    const { skopeo } = await ensureParts(['skopeo']);
    const gpg = await GpgHome.create();
    const folder = await mkdtemp(path.join(os.tmpdir(), 'acceptance-'));
    const keys = [];
    for (const [kind, generate] of Object.entries(KINDS)) {
      const made: Pick<GeneratedKey, 'privateKey' | 'publicKey'> = await generate();
      await gpg.run(['--import'], made.publicKey);
      const key = await loadSigningKey({ armoredKey: made.privateKey, name: kind });
      keys.push({ kind, key, publicKey: made.publicKey });
    }
    return new Acceptance(gpg, folder, skopeo, keys);
  }

  get kinds(): readonly { readonly kind: string; readonly key: SigningKey; readonly publicKey: string }[] {
    return this.#keys;
  }

  /** Makes the signature number `index` and returns what refuses it; nothing when both accept. */
  async refusals(index: number): Promise<string[]> {
    const signer = this.#keys[index % this.#keys.length];
    if (signer === undefined) throw new Error('no key was made');
    const manifest = Buffer.from(`{"schemaVersion":2,"index":${index}}`);
    const reference = `registry.example.com/acme/web-${index}:v${index}`;
    const digest = parseDigest(`sha256:${createHash('sha256').update(manifest).digest('hex')}`);
    const claim = { digest, reference: parseReference(reference), time: new Date() };
    const blob = Buffer.from(await signDigest(signer.key, claim));
    const place = path.join(this.#folder, String(index));
    await Promise.all([writeFile(`${place}.json`, manifest), writeFile(`${place}.sig`, blob)]);
    const { fingerprint } = signer.key;
    const { log } = await this.#gpg.try(['--decrypt'], blob);
    const verify = ['standalone-verify', `${place}.json`, reference, fingerprint, `${place}.sig`];
    const env = { ...process.env, GNUPGHOME: this.#gpg.folder };
    const skopeo = await run(this.#skopeo, verify, { env }).then(
      ({ stdout }) => stdout,
      (error: unknown) => String(error),
    );
    await Promise.all([rm(`${place}.json`), rm(`${place}.sig`)]);
    return [
      ...(log.includes(`VALIDSIG ${fingerprint}`) ? [] : [`gpg on ${signer.kind}: ${log}`]),
      ...(skopeo.includes('Signature verified') ? [] : [`skopeo on ${signer.kind}: ${skopeo}`]),
    ];
  }

  async stop(): Promise<void> {
    await this.#gpg.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
