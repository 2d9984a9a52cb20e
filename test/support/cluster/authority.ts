/** Keys, certificates and kubeconfigs of one cluster, whose authority is made anew each time it comes up. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { EC_KEY, runOpenssl } from '../certificates.ts';
import { API_SERVICE_ADDRESS, NODE_ADDRESS, NODE_NAME } from './place.ts';
import type { Place } from './place.ts';

const NAMES =
  'DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local';

/** Who gets a certificate: the name of its files, its subject, and what its server is called where it is one. */
const CERTIFICATES = [
  ['apiserver', '/CN=kube-apiserver', `${NAMES},IP:127.0.0.1,IP:${API_SERVICE_ADDRESS},IP:${NODE_ADDRESS}`],
  ['admin', '/O=system:masters/CN=admin', undefined],
  ['kubelet', `/O=system:nodes/CN=system:node:${NODE_NAME}`, `DNS:${NODE_NAME},IP:${NODE_ADDRESS}`],
  ['controller-manager', '/CN=system:kube-controller-manager', undefined],
  ['scheduler', '/CN=system:kube-scheduler', undefined],
  ['proxy', '/CN=system:kube-proxy', undefined],
] as const;

/** Fills the `pki` folder: the authority, a certificate and a kubeconfig for each component, the key of ServiceAccounts. */
export async function makeAuthority(place: Place): Promise<void> {
  mkdirSync(place.pki, { recursive: true, mode: 0o700 });
  const file = (name: string): string => path.join(place.pki, name);
  const authority = ['-subj', '/CN=countersign test cluster', '-keyout', file('ca.key'), '-out', file('ca.crt')];
  await runOpenssl(['req', '-x509', ...EC_KEY, ...authority, '-days', '30']);
  await runOpenssl(['genrsa', '-out', file('service-accounts.key'), '2048']);
  await Promise.all(CERTIFICATES.map(([name, subject, names]) => certify(place, { name, subject, names })));
}

async function certify(
  place: Place,
  { name, subject, names }: { readonly name: string; readonly subject: string; readonly names: string | undefined },
): Promise<void> {
  const file = (ending: string): string => path.join(place.pki, `${name}.${ending}`);
  const alternatives = names === undefined ? '' : `subjectAltName=${names}\n`;
  writeFileSync(file('ext'), `extendedKeyUsage=serverAuth,clientAuth\n${alternatives}`);
  await runOpenssl(['req', ...EC_KEY, '-subj', subject, '-keyout', file('key'), '-out', file('csr')]);
  const issuer = ['-CA', path.join(place.pki, 'ca.crt'), '-CAkey', path.join(place.pki, 'ca.key')];
  // Given, not counted in a file: certificates are made side by side.
  const serial = ['-set_serial', String(CERTIFICATES.findIndex(([one]) => one === name) + 2)];
  await runOpenssl([
    'x509',
    '-req',
    '-in',
    file('csr'),
    ...issuer,
    ...serial,
    '-days',
    '30',
    '-extfile',
    file('ext'),
    '-out',
    file('crt'),
  ]);
  if (name !== 'apiserver') {
    const user = { 'client-certificate': file('crt'), 'client-key': file('key') };
    writeFileSync(file('kubeconfig'), kubeconfigOf(place, { user }));
  }
}

/** A kubeconfig; `server` defaults to the API server's address inside the node's namespace. */
export function kubeconfigOf(
  place: Place,
  { user, server = `https://${NODE_ADDRESS}:443` }: { readonly user: unknown; readonly server?: string },
): string {
  const authority = readFileSync(path.join(place.pki, 'ca.crt')).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  });
}
