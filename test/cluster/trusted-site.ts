/** A site inside the node's network, whose production registry the node trusts by what `trust generate` writes. */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { generateKey, loadSigningKey, signDigest } from '../../activities/signing/index.ts';
import type { GeneratedKey } from '../../activities/signing/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import { createCertificates } from '../support/certificates.ts';
import type { Certificates } from '../support/certificates.ts';
import { runInNode } from '../support/cluster/node.ts';
import { NODE_ADDRESS } from '../support/cluster/place.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { startSignatureServer, startSite } from '../support/site.ts';
import type { Site, SiteOptions } from '../support/site.ts';
import { CLUSTER } from './pods.ts';
import { pushRunnableImage } from './runnable-image.ts';
import type { Ballast } from './runnable-image.ts';

/** Whose claim a signature makes, and by which key. */
export interface ForgedSignature {
  /** `namespace/name` under which it is served. */
  readonly path: string;
  readonly digest: Digest;
  /** The reference that it claims. */
  readonly claims: string;
  readonly key: { readonly privateKey: string; readonly passphrase?: string };
  readonly time?: Date;
}

export interface TrustedSite {
  readonly site: Site;
  /** Holds the authority of the registries, as `ca.crt`. */
  readonly certificates: string;
  /** Of that authority, for servers at the node's address. */
  readonly files: Certificates['files'];
  /** Known to the node, and expired. */
  readonly expiredKey: GeneratedKey;
  /** `host/acme` of production. */
  readonly production: string;
  /** Pushes an image of its own that runs; `image` is a whole reference with a tag. */
  readonly push: (image: string, says: string, ballast?: Ballast) => Promise<Digest>;
  /** Puts a signature onto the served branch of production, behind everybody's back. */
  readonly plant: (signature: ForgedSignature) => Promise<void>;
}

const DAY = 86_400_000;

/** Starts it and gives the node its trust. */
export async function startTrustedSite(
  folder: string,
  options: Omit<SiteOptions, 'folder'> = {},
): Promise<TrustedSite> {
  const { ca, files } = await createCertificates(folder, [NODE_ADDRESS]);
  const registry = { address: NODE_ADDRESS, tls: { ...files, ca } };
  const route = options.route ?? ['dev', 'qa', 'prod'];
  const registries = Object.fromEntries(route.map((name) => [name, registry]));
  const expiredKey = await generateKey({
    userId: { name: 'expired', email: 'expired@example.com' },
    type: 'rsa3072',
    date: new Date(Date.now() - 60 * DAY),
    expiresInDays: 30,
  });
  const site = await startSite({ folder, keyType: 'rsa3072', ...options, registries });
  const certificates = path.join(folder, 'registry-authority');
  await mkdir(certificates);
  await copyFile(files.caFile, path.join(certificates, 'ca.crt'));
  for (const { registry: one } of site.environments) await trustRegistry(one.host, ca);
  const { prefix } = site.environments.at(-1)!;
  return {
    site,
    certificates,
    files,
    expiredKey,
    production: prefix,
    push: (image, says, ballast) =>
      pushRunnableImage(folder, says, { image, certificates, ...(ballast && { ballast }) }),
    plant: (signature) => plant(site, signature),
  };
}

/** Generates the trust of an environment, by the site's configuration or another one, and gives the node exactly that. */
export async function trustOnNode(
  site: Site,
  { environment, configurationFile }: { readonly environment: string; readonly configurationFile?: string },
): Promise<void> {
  const folder = await mkdtemp(path.join(site.folder, 'trust-'));
  const output = path.join(folder, 'node');
  const flags = ['--environment', environment, '--output-dir', output, '--accept', 'localhost'];
  const config = configurationFile === undefined ? [] : ['--config', configurationFile];
  const { code, stderr } = await site.run(...config, 'trust', 'generate', ...flags);
  if (code !== 0) throw new Error(`generate trust: ${stderr}`);
  await putOnNode(output);
}

/** Copies a tree of files into the node's `/etc/containers`, in place of the trust that was there. */
async function putOnNode(folder: string): Promise<void> {
  const archive = path.join(path.dirname(folder), 'trust.tar');
  execFileSync('tar', ['-C', folder, '-cf', archive, '.']);
  const clear = 'rm -rf /etc/containers/registries.d /etc/containers/policy.json';
  await runInNode(CLUSTER, ['sh', '-c', `${clear} && tar -C /etc/containers -xf ${archive}`]);
}

async function trustRegistry(host: string, ca: string): Promise<void> {
  const place = `/etc/containers/certs.d/${host}`;
  await runInNode(CLUSTER, ['sh', '-c', `mkdir -p ${place} && cat > ${place}/ca.crt`], ca);
}

async function plant(site: Site, { path: place, digest, claims, key, time }: ForgedSignature): Promise<void> {
  const signingKey = await loadSigningKey({
    armoredKey: key.privateKey,
    name: 'planted',
    ...(key.passphrase !== undefined && { passphrase: key.passphrase }),
  });
  const blob = await signDigest(signingKey, { digest, reference: parseReference(claims), time: time ?? new Date() });
  const { repository, signatureServer } = site.environments.at(-1)!;
  const file = `images/${place}@${digest.replace(':', '=')}/signature-1`;
  await repository.commit('main', { [file]: blob });
  await restartSignatureServer(site);
  // It is ready with the commit that it had before, until it has seen the new one.
  const served = async (): Promise<boolean> => (await fetch(`${signatureServer.url}/${file}`)).ok;
  await waitUntil(served, { what: `${file} to be served` });
}

/** Ends production's signature server and starts it anew, with the commit that the branch has now. */
export async function restartSignatureServer(site: Site): Promise<void> {
  const { name, repository, signatureServer, secrets } = site.environments.at(-1)!;
  await signatureServer.process.stop();
  const port = Number(new URL(signatureServer.url).port);
  const options = { folder: site.folder, name, port, repository: repository.url, secrets };
  signatureServer.process = await startSignatureServer(options);
}
