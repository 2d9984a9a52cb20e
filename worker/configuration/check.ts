import path from 'node:path';

import ms from 'ms';

import { readKeyRing } from '../../activities/signing/index.ts';
import type { KeyRingKey } from '../../activities/signing/index.ts';
import { readBoundedFile, reasonOf } from './bounded-file.ts';
import type { Configuration, EnvironmentConfiguration } from './configuration.ts';
import { isolationFaults } from './isolation.ts';
import { problemIn } from './parse.ts';
import { countPersons } from './persons.ts';
import { sortProblems } from './problem.ts';
import type { ConfigurationPath, ConfigurationProblem } from './problem.ts';
import { formatPath } from './quoting.ts';

const MAX_KEY_FILE_BYTES = 4 * 1024 * 1024;

/** What the check depends on besides the configuration. */
export interface CheckOptions {
  /** Default: now. */
  readonly now?: Date;
}

/**
 * Checks what needs files and keys: public keys and approvers can be read and suffice for the gate, certificates are
 * there, and no two environments share a key or a place. Problems of one kind do not hide others. Never reads a secret.
 */
export async function checkConfiguration(
  configuration: Configuration,
  { now = new Date() }: CheckOptions = {},
): Promise<readonly ConfigurationProblem[]> {
  const check = new Check(configuration, now);
  const folder = path.dirname(configuration.file);
  for (const fault of isolationFaults(configuration, folder)) check.report(fault.path, fault.message);
  for (const name of configuration.route) {
    const environment = configuration.environments[name];
    if (environment !== undefined) await check.environment(environment);
  }
  await check.temporal();
  check.sharedKeys();
  return sortProblems(check.problems);
}

interface PlacedKey extends KeyRingKey {
  readonly environment: string;
  readonly path: ConfigurationPath;
}

class Check {
  readonly problems: ConfigurationProblem[] = [];
  readonly #configuration: Configuration;
  readonly #now: Date;
  readonly #keys: PlacedKey[] = [];

  constructor(configuration: Configuration, now: Date) {
    this.#configuration = configuration;
    this.#now = now;
  }

  report(at: ConfigurationPath, message: string): void {
    this.problems.push(problemIn(this.#configuration, at, message));
  }

  async environment(environment: EnvironmentConfiguration): Promise<void> {
    const at: ConfigurationPath = ['environments', environment.name];
    await this.#publicKeys(environment, [...at, 'signatures', 'publicKeys']);
    await this.#approvers(environment, [...at, 'gate']);
    for (const [host, { ca }] of Object.entries(environment.registries)) {
      if (ca !== undefined) await this.#certificates(ca, [...at, 'registries', host, 'ca']);
    }
  }

  /** The client's key is a secret that only the processes hold, so it is not looked at here. */
  async temporal(): Promise<void> {
    const { ca, certificate } = this.#configuration.temporal.tls ?? {};
    if (ca !== undefined) await this.#certificates(ca, ['temporal', 'tls', 'ca']);
    if (certificate !== undefined) await this.#certificates(certificate, ['temporal', 'tls', 'certificate']);
  }

  /** A key that signs for two environments carries an image from one into the other without its gate. */
  sharedKeys(): void {
    for (const [index, key] of this.#keys.entries()) {
      const earlier = this.#keys.slice(0, index).find((other) => other.fingerprint === key.fingerprint);
      if (earlier === undefined || earlier.environment === key.environment) continue;
      this.report(
        key.path,
        `holds the key ${key.fingerprint} of ${formatPath(earlier.path)} too; expected a signing key of its own for each environment, or what one signs counts in the other; make a new key with countersign keys generate`,
      );
    }
  }

  async #publicKeys(environment: EnvironmentConfiguration, at: ConfigurationPath): Promise<void> {
    const { publicKeys } = environment.signatures;
    const keys: KeyRingKey[] = [];
    let complete = true;
    for (const [index, file] of publicKeys.entries()) {
      const found = await this.#keyRing(file, [...at, index]);
      complete &&= found !== undefined;
      keys.push(...(found ?? []));
      const placed = (found ?? []).map((key) => ({ ...key, environment: environment.name, path: [...at, index] }));
      this.#keys.push(...placed);
    }
    if (complete) this.#validity(environment, keys, at);
  }

  /** The step that signs refuses such keys; it is better to know before a promotion stands at its gate. */
  #validity(environment: EnvironmentConfiguration, keys: readonly KeyRingKey[], at: ConfigurationPath): void {
    const { gate, signatures } = environment;
    const needed = (gate === 'none' ? 0 : gate.deadlineMs) + signatures.minimumValidityMs;
    const now = this.#now.getTime();
    const lives = keys.map(({ expiresAt }) => (expiresAt === undefined ? Infinity : expiresAt.getTime() - now));
    const longest = Math.max(...lives);
    if (longest >= needed) return;
    const what =
      longest <= 0 ? 'every key has expired' : `no key is valid for longer than ${ms(longest, { long: true })}`;
    const parts = gate === 'none' ? 'minimumValidity' : 'gate.deadline and minimumValidity together';
    this.report(
      at,
      `${what}; expected one that is valid for ${ms(needed, { long: true })} (${parts}), or nothing will be signed; extend the key or add a new one, or shorten these`,
    );
  }

  async #approvers({ gate }: EnvironmentConfiguration, at: ConfigurationPath): Promise<void> {
    if (gate === 'none') return;
    const keys = await this.#keyRing(gate.approvers, [...at, 'approvers']);
    if (keys === undefined) return;
    const usable = keys.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > this.#now);
    const persons = countPersons(usable);
    if (persons >= gate.quorum) return;
    const expired = usable.length < keys.length ? ', expired keys left out' : '';
    this.report(
      [...at, 'quorum'],
      `is ${gate.quorum}, but the approvers are ${persons === 1 ? 'one person' : `${persons} persons`} (user ids of one key or of one e-mail address are one person${expired}); expected at least as many persons as the quorum, or the gate can never be passed; add their keys to the file of approvers, or lower the quorum`,
    );
  }

  async #keyRing(file: string, at: ConfigurationPath): Promise<readonly KeyRingKey[] | undefined> {
    const bytes = await this.#read(file, at);
    if (bytes === undefined) return undefined;
    if (bytes.includes('PRIVATE KEY BLOCK-----')) {
      this.report(
        at,
        'the file holds a private key; expected public keys only, for this file is handed to everybody; export them with gpg --armor --export, and replace the private key, which others may have seen',
      );
      return undefined;
    }
    try {
      const { keys } = await readKeyRing([{ name: file, bytes }]);
      if (keys.length > 0) return keys;
      this.report(at, 'the file holds no key; expected OpenPGP public keys; export them with gpg --armor --export');
    } catch (error) {
      this.report(at, `${(error as Error).message}; export them with gpg --armor --export`);
    }
    return undefined;
  }

  async #certificates(file: string, at: ConfigurationPath): Promise<void> {
    const bytes = await this.#read(file, at);
    if (bytes === undefined || bytes.includes('-----BEGIN CERTIFICATE-----')) return;
    this.report(
      at,
      'the file holds no certificate; expected PEM with -----BEGIN CERTIFICATE-----; convert it with openssl x509, or name the right file',
    );
  }

  async #read(file: string, at: ConfigurationPath): Promise<Buffer | undefined> {
    try {
      return await readBoundedFile(file, MAX_KEY_FILE_BYTES);
    } catch (error) {
      this.report(
        at,
        `the file ${file} cannot be read (${reasonOf(error)}); expected a readable file, relative to the configuration file; correct the path or its permissions`,
      );
      return undefined;
    }
  }
}
