import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  SigningError,
  checkSigningKey,
  describeKeyFile,
  keyWarnings,
  loadSigningKey,
  readerVerdicts,
} from '../../activities/signing/index.ts';
import type { KeyDescription, SigningKey } from '../../activities/signing/index.ts';
import { Findings } from '../../activities/doctor/index.ts';
import type { Finding } from '../../activities/doctor/index.ts';
import { checkConfiguration, formatProblem } from '../../worker/configuration/index.ts';
import type { Configuration, EnvironmentConfiguration } from '../../worker/configuration/index.ts';
import { SecretsError, neededSecrets, readSecrets } from '../../worker/secrets/index.ts';

/** What was found about the keys of a configuration; the JSON of `keys check`. */
export interface CheckedKeys {
  readonly file: string;
  /** False where one finding is a failure. */
  readonly accepted: boolean;
  readonly environments: readonly { readonly environment: string; readonly findings: readonly Finding[] }[];
}

/** Looks whether every environment can sign what its clusters accept, now and until its minimum validity has passed. */
export async function checkKeys(
  configuration: Configuration,
  names: readonly string[],
  now: Date,
): Promise<CheckedKeys> {
  const problems = await checkConfiguration(configuration, { now });
  const environments = await Promise.all(
    names.map(async (name) => {
      const own = configuration.environments[name];
      if (own === undefined) throw new Error(`there is no environment ${name}`);
      const findings = new Findings();
      for (const one of problems) {
        if (one.path.startsWith(`environments.${name}.`)) {
          findings.fail('configuration', formatProblem(one), { mend: 'countersign config check' });
        }
      }
      const publicKeys = await checkPublicKeys(own, now, findings);
      await checkPrivateKey({ own, now, publicKeys }, findings);
      return { environment: name, findings: findings.list };
    }),
  );
  const failed = environments.some(({ findings }) => findings.some(({ status }) => status === 'fail'));
  return { file: configuration.file, accepted: !failed, environments };
}

async function checkPublicKeys(
  { signatures }: EnvironmentConfiguration,
  now: Date,
  findings: Findings,
): Promise<readonly KeyDescription[]> {
  const all: KeyDescription[] = [];
  for (const file of signatures.publicKeys) {
    try {
      const keys = await describeKeyFile({ name: file, bytes: await readFile(file) });
      for (const key of keys) reportPublicKey(key, { file, now }, findings);
      all.push(...keys);
    } catch (error) {
      findings.fail('configuration', `the public keys in ${file} cannot be read`, {
        why: (error as Error).message,
        mend: `countersign keys export SIGNING-KEY --out ${file}`,
      });
    }
  }
  return all;
}

/** An old key beside a new one is usual while keys are rotated: it is worth a warning and no more. */
function reportPublicKey(
  key: KeyDescription,
  { file, now }: { readonly file: string; readonly now: Date },
  findings: Findings,
): void {
  const subject = `public key ${key.fingerprint} (${key.algorithm}) in ${path.basename(file)}`;
  const gnupg = readerVerdicts(key, now).find(({ reader }) => reader === 'gnupg');
  if (gnupg?.accepts === 'no') findings.warn('key', `${subject}: readers refuse it`, { why: gnupg.why ?? '' });
  else findings.ok('key', `${subject}: readers accept it`);
}

async function checkPrivateKey(
  {
    own,
    now,
    publicKeys,
  }: {
    readonly own: EnvironmentConfiguration;
    readonly now: Date;
    readonly publicKeys: readonly KeyDescription[];
  },
  findings: Findings,
): Promise<void> {
  const opened = await openKey(own, findings);
  if (opened === undefined) return;
  const { key, description } = opened;
  const subject = `signing key ${key.fingerprint} (${key.algorithm})`;
  const published = publicKeys.some(({ fingerprint }) => fingerprint === key.fingerprint);
  if (published) findings.ok('key', `${subject}: opens, and its public key is published`);
  else {
    findings.fail('key', `${subject}: its public key is not among publicKeys of ${own.name}`, {
      why: 'no cluster would accept what it signs',
      mend: `countersign keys export ${path.join(own.secrets, 'signing-key.asc')} --out FILE, and name FILE in publicKeys`,
    });
  }
  const deadlineMs = own.gate === 'none' ? 0 : own.gate.deadlineMs;
  const mustLiveUntil = new Date(now.getTime() + deadlineMs + own.signatures.minimumValidityMs);
  try {
    await checkSigningKey(key, { now, mustLiveUntil });
    findings.ok('key', `${subject}: may sign, and is good until after ${mustLiveUntil.toISOString().slice(0, 10)}`);
  } catch (error) {
    if (!(error instanceof SigningError)) throw error;
    findings.fail('key', error.message, { mend: 'countersign keys generate' });
  }
  for (const warning of description === undefined ? [] : keyWarnings(description, now)) findings.warn('key', warning);
}

async function openKey(
  own: EnvironmentConfiguration,
  findings: Findings,
): Promise<{ readonly key: SigningKey; readonly description: KeyDescription | undefined } | undefined> {
  try {
    const { folder, signingKey, passphrase } = await readSecrets(own.name, own.secrets, neededSecrets(own));
    const name = path.join(folder, 'signing-key.asc');
    const armoredKey = signingKey.revealBytes();
    const secret = passphrase?.reveal();
    const key = await loadSigningKey({ armoredKey, name, ...(secret !== undefined && { passphrase: secret }) });
    const [description] = await describeKeyFile({ name, bytes: armoredKey });
    return { key, description };
  } catch (error) {
    if (error instanceof SecretsError) {
      for (const { file, message } of error.problems) {
        findings.fail('configuration', `${file}: ${message}`, { mend: `put it into ${own.secrets}` });
      }
    } else if (error instanceof SigningError) {
      findings.fail('key', error.message, {
        mend: `countersign keys show ${path.join(own.secrets, 'signing-key.asc')}`,
      });
    } else throw error;
    return undefined;
  }
}
