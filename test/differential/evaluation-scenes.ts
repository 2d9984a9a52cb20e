import { createHash } from 'node:crypto';
import { randomIdentity } from './evaluation-identities.ts';
import type { Random } from './random.ts';
import { SHA256 } from './reference-texts.ts';

/** The keys that take part, as files and as text. */
export interface Cast {
  /** `alice`, `bob`, `both`, `garbage`, `empty`, `missing`, `folder`. */
  readonly files: Readonly<Record<string, string>>;
  readonly data: { readonly alice: string; readonly bob: string };
}

export interface SignatureMade {
  readonly by: string;
  readonly digest: string;
  readonly reference: string;
  readonly form: 'plain' | 'named' | 'sigstore' | 'unknown';
}

/** One image, its signatures, and a policy. */
export interface Scene {
  readonly policy: string;
  /** What is pulled. */
  readonly reference: string;
  /** The registry's; a tag names the first. */
  readonly manifests: readonly string[];
  /** Empty where the image is no index. */
  readonly instance: string;
  /** Of the manifest that is judged. */
  readonly digest: string;
  readonly signatures: readonly SignatureMade[];
}

const NAMES = [
  'r.example.com/acme/web',
  'r.example.com:5000/acme/web',
  'docker.io/library/busybox',
  'localhost/a',
  'r.example.com/acme/web/sub',
];

/** An image that is mostly signed right, and a policy in which mostly one thing decides. */
export function randomScene(random: Random, cast: Cast): Scene {
  const image = manifestText(random.below(4));
  const isIndex = random.oneIn(3);
  const digest = digestOf(image);
  const manifests = isIndex ? [indexText([digest, digestOf(manifestText(9))]), image] : [image];
  const root = digestOf(manifests[0] ?? '');
  const name = random.pick(random.oneIn(3) ? NAMES : NAMES.slice(0, 2));
  const asked = random.pick(['tag', 'tag', 'digest', 'none', 'both']);
  const tail = { tag: ':1', digest: `@${root}`, none: '', both: `:1@${root}` }[asked];
  const reference = asked === 'both' && !random.oneIn(4) ? `${name}:1` : `${name}${tail ?? ''}`;
  const setting = { name, reference, digest, root };
  const signatures = Array.from({ length: random.pick([0, 1, 1, 1, 2, 3]) }, () => randomSignature(random, setting));
  return {
    policy: randomPolicy(random, cast, setting),
    reference,
    manifests,
    instance: isIndex ? digest : '',
    digest,
    signatures,
  };
}

interface Setting {
  readonly name: string;
  readonly reference: string;
  readonly digest: string;
  readonly root: string;
}

function randomSignature(random: Random, { name, reference, digest, root }: Setting): SignatureMade {
  const shortened = name.replace('docker.io/library/', '');
  const others = [
    `${name}:2`,
    name,
    `${name}@${digest}`,
    `${name}@${root}`,
    `${name}@${SHA256}`,
    `${name}:1@${digest}`,
    `${shortened}:1`,
    `${name}:latest`,
    `v.example.com/web:1`,
    `v.example.com/acme/web:1`,
    `r.example.com/other:1`,
    'R.example.com/acme/web:1',
    '',
    'no reference',
    `${name}:1\n`,
    `a_b.c/d:1`,
    'busybox:1',
    'docker.io/acme/web:1',
  ];
  const isRight = random.below(5) > 1;
  const right =
    reference.includes(':') || reference.includes('@')
      ? reference.includes('@')
        ? `${name}:7`
        : reference
      : `${name}:latest`;
  return {
    by: random.oneIn(4) ? 'bob' : 'alice',
    digest: random.oneIn(8)
      ? random.pick([root, SHA256, digestOf('other'), `sha512:${createHash('sha512').update('x').digest('hex')}`])
      : digest,
    reference: isRight ? right : random.pick(others),
    form: random.oneIn(30) ? 'unknown' : random.oneIn(12) ? 'sigstore' : random.oneIn(8) ? 'named' : 'plain',
  };
}

function randomPolicy(random: Random, cast: Cast, setting: Setting): string {
  const list = (): object[] => randomList(random, cast, setting);
  const decoy = (): object[] => [{ type: random.pick(['reject', 'insecureAcceptAnything']) }];
  const scopes = scopesAround(setting);
  const chosen = random.shuffled(scopes).slice(0, random.below(4));
  const docker = Object.fromEntries(chosen.map((scope) => [scope, random.oneIn(3) ? decoy() : list()]));
  const other = random.oneIn(6) ? { atomic: { '': decoy() }, dir: { '/a': decoy() } } : {};
  const transports = random.oneIn(3) ? {} : { transports: { docker, ...other } };
  return JSON.stringify({ default: list(), ...transports });
}

/** Every scope that may count for the image, and some that only look so. */
function scopesAround({ name, reference, root }: Setting): string[] {
  const host = name.split('/')[0] ?? '';
  const parents = name.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
  const domains = host
    .replace(/:.*$/, '')
    .split('.')
    .slice(1)
    .map((_, index, parts) => `*.${parts.slice(index).join('.')}`);
  const real = ['', reference, `${name}:latest`, `${name}@${root}`, ...parents, ...domains];
  const false_ = [
    host.replace(/:.*$/, ''),
    `${host}:443`,
    `*.${host}`,
    '*',
    `${name}/`,
    name.toUpperCase(),
    `${name}:`,
    'busybox',
    'library/busybox',
    'acme/web',
    '*.com:5000',
  ];
  return [...new Set([...real, ...false_])];
}

function randomList(random: Random, cast: Cast, setting: Setting): object[] {
  return Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => randomRequirement(random, cast, setting));
}

function randomRequirement(random: Random, cast: Cast, setting: Setting): object {
  const kind = random.below(24);
  if (kind === 0) return { type: 'reject' };
  if (kind < 4) return { type: 'insecureAcceptAnything' };
  if (kind === 4) return { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } };
  if (kind === 5) return { type: 'sigstoreSigned', keyPath: cast.files['missing'] };
  const identity = random.oneIn(4) ? {} : { signedIdentity: randomIdentity(random, setting) };
  const keyType = random.oneIn(25) ? 'X509Certificates' : 'GPGKeys';
  return { type: 'signedBy', keyType, ...randomKeys(random, cast), ...identity };
}

function randomKeys(random: Random, { files, data }: Cast): object {
  const file = (): string =>
    files[random.pick(['alice', 'alice', 'alice', 'bob', 'both', 'garbage', 'empty', 'missing', 'folder'])] ?? '';
  const kind = random.below(10);
  if (kind < 5) return { keyPath: random.oneIn(4) ? file() : files['alice'] };
  if (kind < 8) return { keyPaths: Array.from({ length: random.below(4) }, file) };
  const text = random.pick([data.alice, data.alice + data.bob, `${data.bob}\n\n${data.alice}`, 'garbage', '']);
  return { keyData: Buffer.from(text).toString('base64') };
}

function manifestText(variant: number): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {},
    layers: [],
    annotations: { variant: String(variant) },
  });
}

function indexText(digests: readonly string[]): string {
  const manifests = digests.map((digest, index) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest,
    size: 1,
    platform: { os: 'linux', architecture: index === 0 ? 'amd64' : 'arm64' },
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests });
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
