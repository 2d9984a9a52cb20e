import { importKeyRing } from '../../activities/signing/index.ts';
import { packet } from './openpgp/packets.ts';
import type { Random } from './random.ts';
import { makeRings } from './rings.ts';
import type { Ring } from './rings.ts';
import type { Subject, Verdict } from './subject.ts';

interface KeyFileCase {
  readonly bytes: Buffer;
  readonly steps: readonly string[];
}

/** Which keys a key file yields. */
export const keyFiles: Subject<KeyFileCase, readonly Ring[]> = {
  name: 'key-files',
  exceptions: {
    'damaged file':
      'of a cut or damaged certificate GnuPG imports what its parser had before it saw the damage, or nothing',
  },
  prepare: async () => await Promise.resolve(makeRings()),
  generate(random, _, rings) {
    const ring = random.pick(rings);
    const steps = [`ring ${ring.name}`];
    const bytes = random.oneIn(2) ? ring.bytes : spoil(ring.bytes, random, steps);
    return { bytes: random.oneIn(3) ? armour(bytes, { random, steps, rings }) : bytes, steps };
  },
  async ours({ bytes }): Promise<Verdict> {
    const { keys } = importKeyRing([bytes], { now: new Date() });
    if (keys.length === 0) return { accepted: false, reason: 'empty', message: 'no key' };
    return await Promise.resolve({ accepted: true, result: keys.map(({ fingerprint }) => fingerprint) });
  },
  question: ({ bytes }) => ({ kind: 'key-file', keyFiles: [bytes.toString('base64')] }),
  compare(ours, judges) {
    const sorted = (list: unknown): string => [...new Set(list as string[])].sort().join(' ');
    return sorted(ours) === sorted(judges) ? undefined : `ours ${sorted(ours)}, the judge's ${sorted(judges)}`;
  },
  excuse: ({ steps }) => (/cut at|of byte|random bytes/.test(steps.join('; ')) ? 'damaged file' : undefined),
  describe: ({ steps }) => steps.join('; '),
};

function spoil(bytes: Buffer, random: Random, steps: string[]): Buffer {
  const at = random.below(bytes.length);
  const bit = 1 << random.below(8);
  const changed = Buffer.from(bytes);
  changed[at]! ^= bit;
  const [name, spoilt] = random.pick<readonly [string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['garbage', Buffer.from('garbage')],
    ['random bytes', random.bytes(200)],
    ['random bytes like a packet', Buffer.concat([Buffer.from([0x99]), random.bytes(200)])],
    [`cut at ${at}`, bytes.subarray(0, at)],
    [`bit ${bit} of byte ${at}`, changed],
    [`bit ${bit} of byte ${at}`, changed],
    ['twice', Buffer.concat([bytes, bytes])],
    ['junk before', Buffer.concat([Buffer.from('x'), bytes])],
    ['junk behind', Buffer.concat([bytes, Buffer.from('x')])],
    ['zeros behind', Buffer.concat([bytes, Buffer.alloc(3)])],
    ['an unknown packet before', Buffer.concat([packet(60, Buffer.from('x')), bytes])],
    ['a marker before', Buffer.concat([packet(10, Buffer.from('PGP')), bytes])],
    ['a literal behind', Buffer.concat([bytes, packet(11, Buffer.from('b\0\0\0\0\0hello'))])],
  ]);
  steps.push(name);
  return spoilt;
}

const BEGIN = '-----BEGIN PGP PUBLIC KEY BLOCK-----';
const END = '-----END PGP PUBLIC KEY BLOCK-----';

function armour(
  bytes: Buffer,
  { random, steps, rings }: { readonly random: Random; readonly steps: string[]; readonly rings: readonly Ring[] },
): Buffer {
  const block = plainArmour(bytes);
  const [first, ...rest] = lines(bytes.toString('base64'), 64);
  const other = plainArmour(random.pick(rings).bytes);
  const [name, text] = random.pick<readonly [string, string]>([
    ...Array.from({ length: 4 }, (): readonly [string, string] => ['armour', block]),
    ['armour without checksum', `${BEGIN}\n\n${[first, ...rest].join('\n')}\n${END}\n`],
    ['armour with a wrong checksum', block.replace(/\n=.{4}\n/, '\n=AAAA\n')],
    ['armour with headers', block.replace('\n\n', '\nVersion: X\nComment: y\n\n')],
    ['armour with an odd header', block.replace('\n\n', '\nthis is no header\n\n')],
    ['armour without an empty line', block.replace('\n\n', '\n')],
    ['armour with line ends of DOS', block.replaceAll('\n', '\r\n')],
    ['armour with blanks at line ends', block.replaceAll('\n', '  \n')],
    ['armour in one line', `${BEGIN}\n\n${bytes.toString('base64')}\n${END}\n`],
    ['armour with text around', `hello\n${block}\nbye\n`],
    ['armour indented', block.replaceAll('\n', '\n  ')],
    ['armour without an end', block.replace(/-----END.*/, '')],
    ['armour of a message', block.replaceAll('PUBLIC KEY BLOCK', 'MESSAGE')],
    ['armour of a private key', block.replaceAll('PUBLIC', 'PRIVATE')],
    ['armour of a signature', block.replaceAll('PUBLIC KEY BLOCK', 'SIGNATURE')],
    ['armour with letters in capitals', block.replaceAll('PGP', 'pgp')],
    ['two blocks', `${block}${other}`],
    ['two blocks with text between', `${block}text\n\n${other}`],
    ['two blocks, the first cut', `${block.slice(0, 100)}\n${other}`],
    ['armour with a letter that is none', block.replace(/[a-z]/, '*')],
    ['armour with a byte order mark', `\ufeff${block}`],
    ['armour with an empty line inside', `${BEGIN}\n\n${first ?? ''}\n\n${rest.join('\n')}\n${END}\n`],
  ]);
  steps.push(name);
  return Buffer.from(text);
}

function plainArmour(bytes: Buffer): string {
  return `${BEGIN}\n\n${lines(bytes.toString('base64'), 64).join('\n')}\n=${checksum(bytes)}\n${END}\n`;
}

function lines(text: string, width: number): string[] {
  return text.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
}

function checksum(bytes: Uint8Array): string {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((crc & 0x800000) === 0 ? 0 : 0x1864cfb);
  }
  return Buffer.from([(crc >> 16) & 255, (crc >> 8) & 255, crc & 255]).toString('base64');
}
