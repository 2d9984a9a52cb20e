import path from 'node:path';

import { refuseCertificates, refuseClientKey } from './content.ts';
import type { SecretProblem } from './problem.ts';
import { readSecretFile } from './secret-file.ts';
import { Secret } from './secret.ts';

/** What a host is shown that asks who we are. */
export interface ClientCertificate {
  /** `NAME.crt`, PEM with its chain. */
  readonly certificate: string;
  /** `NAME.key`, PEM. */
  readonly key: Secret;
}

/** What became of reading them. */
export interface ClientCertificates {
  readonly found: ReadonlyMap<string, ClientCertificate>;
  readonly problems: readonly SecretProblem[];
}

/** The files that the configuration names, by name without ending; all of them are required. */
export async function readClientCertificates(folder: string, names: readonly string[]): Promise<ClientCertificates> {
  const found = new Map<string, ClientCertificate>();
  const problems: SecretProblem[] = [];
  for (const name of new Set(names)) {
    const certificate = await readPart(path.join(folder, `${name}.crt`), 'public');
    const key = await readPart(path.join(folder, `${name}.key`), 'secret');
    if (Buffer.isBuffer(certificate) && Buffer.isBuffer(key)) {
      found.set(name, { certificate: certificate.toString('utf8'), key: new Secret(key) });
      continue;
    }
    for (const part of [certificate, key]) if (!Buffer.isBuffer(part)) problems.push(part);
  }
  return { found, problems };
}

async function readPart(file: string, kind: 'public' | 'secret'): Promise<Buffer | SecretProblem> {
  const outcome = await readSecretFile(file, kind);
  if (outcome.kind === 'refused') return { file, message: outcome.message };
  if (outcome.kind === 'absent') {
    const what = kind === 'public' ? 'a certificate' : 'the private key of a certificate';
    const message = `is missing; expected ${what} that registries are shown; put the file there, or remove clientCertificate from the configuration`;
    return { file, message };
  }
  const wrong = kind === 'public' ? refuseCertificates(outcome.content) : refuseClientKey(outcome.content);
  return wrong === undefined ? outcome.content : { file, message: wrong };
}
