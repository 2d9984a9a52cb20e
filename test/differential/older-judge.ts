/**
 * The third judge: Debian's skopeo (library 5.22), which clusters of some years ago are like. It is a program per case,
 * so it is asked fewer cases, and only those that it can be asked: stored signatures and policies.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureParts } from '../support/parts/index.mjs';
import { MANIFEST, REFERENCE } from './blob-case.ts';
import type { BlobCase } from './blob-case.ts';
import type { Ring } from './rings.ts';

/** What a program of that age says. */
export class OlderJudge {
  readonly #folder: string;
  readonly #programs: { readonly skopeo: string; readonly gpg: string };
  readonly #homes = new Map<Ring, Promise<string>>();
  #next = 0;

  private constructor(folder: string, programs: { readonly skopeo: string; readonly gpg: string }) {
    this.#folder = folder;
    this.#programs = programs;
  }

  static async start(): Promise<OlderJudge> {
    const programs = await ensureParts(['skopeo', 'gpg']);
    const folder = await mkdtemp(join(tmpdir(), 'older-'));
    await writeFile(join(folder, 'manifest.json'), MANIFEST);
    return new OlderJudge(folder, programs);
  }

  /** Whether one of the ring's primary keys made the signature: a policy asks for no other. */
  async acceptsBlob({ ring, blob }: BlobCase): Promise<boolean> {
    const home = await this.#homeOf(ring);
    const file = this.#fresh('signature');
    await writeFile(file, blob);
    for (const { primary } of ring.certificates) {
      const fingerprint = primary.fingerprint.toString('hex').toUpperCase();
      const args = ['standalone-verify', join(this.#folder, 'manifest.json'), REFERENCE, fingerprint, file];
      if ((await this.#run(args, home)).ok) return true;
    }
    return false;
  }

  /** Whether the policy can be read; the copy itself fails in any case. */
  async acceptsPolicy(bytes: Uint8Array): Promise<boolean> {
    const file = this.#fresh('policy.json');
    await writeFile(file, bytes);
    const { log } = await this.#run(['--policy', file, 'copy', 'dir:/nonexistent', 'dir:/nonexistent']);
    return !log.includes('Error loading trust policy');
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  #fresh(name: string): string {
    return join(this.#folder, `${this.#next++}-${name}`);
  }

  async #homeOf(ring: Ring): Promise<string> {
    const made = this.#homes.get(ring) ?? this.#makeHome(ring);
    this.#homes.set(ring, made);
    return await made;
  }

  async #makeHome(ring: Ring): Promise<string> {
    const home = join(this.#folder, createHash('sha256').update(ring.name).digest('hex').slice(0, 8));
    await mkdir(home, { mode: 0o700 });
    const file = this.#fresh('keys.gpg');
    await writeFile(file, ring.bytes);
    await new Promise<void>((resolve) => {
      // It fails for a part of a file as for the whole; what it took, it took.
      execFile(this.#programs.gpg, ['--homedir', home, '--batch', '--import', file], () => {
        resolve();
      });
    });
    return home;
  }

  async #run(args: readonly string[], home = this.#folder): Promise<{ readonly ok: boolean; readonly log: string }> {
    return await new Promise((resolve) => {
      execFile(this.#programs.skopeo, [...args], { env: { ...process.env, GNUPGHOME: home } }, (error, _, log) => {
        resolve({ ok: error === null, log });
      });
    });
  }
}
