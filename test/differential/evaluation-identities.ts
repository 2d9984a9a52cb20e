import type { Random } from './random.ts';

interface Setting {
  /** Of the image, without tag and digest. */
  readonly name: string;
  readonly reference: string;
  readonly digest: string;
}

const words = (text: string): readonly string[] => text.split(' ');
const KINDS = words(
  'matchExact matchRepoDigestOrExact matchRepository exactReference exactRepository remapIdentity remapIdentity',
);
const REFERENCES = words('busybox:1 v.example.com/web:1 a_b.c/d:1');
const REPOSITORIES = words('busybox v.example.com/web r.example.com/other a_b.c/d');
const PREFIXES = words(
  'r.example.com r.example.com/acm docker.io docker.io/library docker.io/library/busybox x.example.com localhost busybox',
);
const SIGNED_PREFIXES = words(
  'v.example.com v.example.com/acme v.example.com/web docker.io docker.io/library busybox index.docker.io library R.example.com docker.io/acme',
);

/** One of the six kinds, often one that fits. */
export function randomIdentity(random: Random, { name, reference, digest }: Setting): object {
  const host = name.split('/')[0] ?? '';
  const type = random.pick(KINDS);
  if (type === 'exactReference') {
    const asked = reference.includes('@') || /:\w+$/.test(reference) ? reference : `${name}:latest`;
    const dockerReference = random.pick([`${name}:1`, `${name}:2`, `${name}@${digest}`, asked, ...REFERENCES]);
    return { type, dockerReference };
  }
  if (type === 'exactRepository') {
    return { type, dockerRepository: random.pick([name, `${name}:9`, ...REPOSITORIES]) };
  }
  if (type !== 'remapIdentity') return { type };
  const prefix = random.pick([host, `${host}/acme`, name, ...PREFIXES]);
  return { type, prefix, signedPrefix: random.pick([host, name, ...SIGNED_PREFIXES]) };
}
