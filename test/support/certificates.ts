/** Certificates of a private authority made for one test: of a server, and of a client. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { ensureParts } from './parts/index.mjs';

/** Everything in PEM. */
export interface Certificates {
  readonly ca: string;
  /** The files of the server's certificate, as programs want them. */
  readonly files: { readonly caFile: string; readonly certificateFile: string; readonly keyFile: string };
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** Fills a folder of its own below `folder`. The server is 127.0.0.1, localhost and whatever `names` has. */
export async function createCertificates(folder: string, names: readonly string[] = []): Promise<Certificates> {
  const place = path.join(folder, 'authority');
  await mkdir(place, { recursive: true });
  const file = (name: string): string => path.join(place, name);
  const subjects = [
    'IP:127.0.0.1',
    'DNS:localhost',
    ...names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`),
  ];
  const sections = [
    '[req]\ndistinguished_name = name\n[name]',
    '[authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash',
    `[server]\nbasicConstraints = CA:FALSE\nextendedKeyUsage = serverAuth\nsubjectAltName = ${subjects.join(', ')}`,
    '[client]\nbasicConstraints = CA:FALSE\nextendedKeyUsage = clientAuth\n',
  ];
  await writeFile(file('openssl.cnf'), sections.join('\n'));
  const config = ['-config', file('openssl.cnf')];
  const out = ['-subj', '/CN=Authority of a test', '-keyout', file('ca.key'), '-out', file('ca.pem'), '-days', '2'];
  await runOpenssl(['req', '-x509', ...EC_KEY, ...config, '-extensions', 'authority', ...out]);
  for (const name of ['server', 'client']) {
    const [key, request, certificate] = [file(`${name}.key`), file(`${name}.csr`), file(`${name}.pem`)];
    await runOpenssl(['req', ...EC_KEY, ...config, '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
    const issuer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2'];
    const extensions = ['-extfile', file('openssl.cnf'), '-extensions', name];
    await runOpenssl(['x509', '-req', '-in', request, ...issuer, ...extensions, '-out', certificate]);
  }
  const read = (name: string): Promise<string> => readFile(file(name), 'utf8');
  const pair = async (name: string) => ({ cert: await read(`${name}.pem`), key: await read(`${name}.key`) });
  const files = { caFile: file('ca.pem'), certificateFile: file('server.pem'), keyFile: file('server.key') };
  return { ca: await read('ca.pem'), files, server: await pair('server'), client: await pair('client') };
}

/** A certificate for 127.0.0.1 and localhost, and the authority that issued it. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** PEM, the content of `caFile`. */
  readonly ca: string;
}

/** Makes a private authority below the folder, and a certificate of it for servers on loopback; good for two days. */
export async function createTlsFiles(folder: string): Promise<TlsFiles> {
  const { ca, files } = await createCertificates(folder);
  return { ...files, ca };
}

/** Arguments of `openssl req` for a new P-256 key without passphrase. */
export const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

/** Runs openssl; its complaints are in the error. */
export async function runOpenssl(args: readonly string[]): Promise<void> {
  const { openssl } = await ensureParts(['openssl']);
  await promisify(execFile)(openssl, [...args]);
}
