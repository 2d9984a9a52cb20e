import { deflateRawSync, deflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSignatureClaimUntrusted, verifySignature } from '../../../activities/signing/index.ts';
import { Forger, VALID_PAYLOAD, oldPacket, packet, subpacket, uint32 } from './crafting.ts';
import type { Crafted } from './crafting.ts';

const now = new Date();
let forger: Forger;
let other: Forger;

beforeAll(async () => {
  forger = await Forger.create();
  other = await Forger.create();
});

function verify(blob: Uint8Array, from = forger) {
  return verifySignature(blob, from.keyRing, { now });
}
function compressed(algorithm: number, data: Uint8Array): Buffer {
  const pack = [(bytes: Uint8Array) => bytes, deflateRawSync, deflateSync][algorithm]!;
  return Buffer.concat([Buffer.from([algorithm]), pack(data)]);
}
/** A body in chunks: partial lengths of 512 bytes, then the rest. */
function partialPacket(tag: number, body: Buffer): Buffer {
  const pieces = [Buffer.from([0xc0 | tag])] as Buffer[];
  let rest: Buffer = body;
  while (rest.length > 512) {
    pieces.push(Buffer.from([0xe9]), rest.subarray(0, 512));
    rest = rest.subarray(512);
  }
  return Buffer.concat([...pieces, Buffer.from([255]), uint32(rest.length), rest]);
}
const body = (whole: Buffer) => whole.subarray(6);

describe('verifySignature', () => {
  it('returns what was signed, and by whom', async () => {
    await expect(verify(forger.message({ created: new Date('2026-01-01') }).blob)).rejects.toThrow('before its key');
    const created = new Date(Math.floor(now.getTime() / 1000) * 1000);
    expect(await verify(forger.message({ created }).blob)).toEqual({
      digest: `sha256:${'a'.repeat(64)}`,
      dockerReference: 'registry.example.com/acme/web:1',
      creator: 'test',
      timestamp: 1700000000,
      fingerprint: forger.key.fingerprint,
      created,
    });
  });

  const time = () => subpacket(2, uint32(Math.floor(Date.now() / 1000)), true);
  const fingerprint = () => subpacket(33, Buffer.concat([Buffer.from([4]), forger.fingerprint]));
  const accepted: Record<string, () => Buffer> = {
    'old packet headers': () => {
      const { onePass, literal, signature } = forger.message();
      return Buffer.concat([
        oldPacket(4, body(onePass), 0),
        oldPacket(11, body(literal), 2),
        oldPacket(2, body(signature)),
      ]);
    },
    'partial lengths of the literal': () => {
      const content = Buffer.concat([VALID_PAYLOAD, Buffer.alloc(3000, ' ')]);
      const { onePass, literal, signature } = forger.message({ content });
      return Buffer.concat([onePass, partialPacket(11, body(literal)), signature]);
    },
    'ZIP in a packet without length, as GnuPG writes it': () => oldPacket(8, compressed(1, forger.message().blob), 3),
    'ZIP in a packet with partial lengths': () =>
      partialPacket(8, compressed(1, forger.message({ content: VALID_PAYLOAD }).blob)),
    ZLIB: () => packet(8, compressed(2, forger.message().blob)),
    'a version 3 signature': () => forger.message({ signatureVersion: 3 }).blob,
    'SHA-512': () => forger.message({ hash: [10, 'sha512'] }).blob,
    'a file name in the literal': () => forger.message({ fileName: 'payload.json' }).blob,
    'text without line breaks': () => forger.message({ literalFormat: 't', type: 1 }).blob,
    'the prefix of the newer store format': () =>
      Buffer.concat([Buffer.from('\0simple-signing\n'), forger.message().blob]),
    'a date in the future, as GnuPG does': () => forger.message({ created: new Date(Date.now() + 86_400_000) }).blob,
    'an issuer named only outside of what is signed': () => {
      const time = subpacket(2, uint32(Math.floor(Date.now() / 1000)));
      return forger.message({ hashed: [time] }).blob;
    },
    'compression that is none': () => packet(8, compressed(0, forger.message().blob)),
    'ZLIB without its checksum': () => oldPacket(8, compressed(2, forger.message().blob).subarray(0, -4), 3),
    'a compressed packet that gives a wrong length': () => {
      const blob = packet(8, compressed(1, forger.message().blob));
      return set(blob, 5, blob[5]! ^ 1);
    },
    'a one-pass packet of another class': () => forger.message({ onePass: (b) => set(b, 1, 1) }).blob,
    'a one-pass packet of another key': () => forger.message({ onePass: (b) => set(b, 5, b[5]! ^ 1) }).blob,
    'a one-pass packet that announces another': () => forger.message({ onePass: (b) => set(b, 12, 0) }).blob,
    'text with line breaks, over its very bytes': () =>
      forger.message({ type: 1, literalFormat: 't', content: Buffer.concat([VALID_PAYLOAD, Buffer.from('\r\n\n')]) })
        .blob,
    'a literal of an unknown format': () => forger.message({ literalFormat: 'x' }).blob,
    'SHA-224': () => forger.message({ hash: [11, 'sha224'] }).blob,
    'two creation times, of which the first counts': () =>
      forger.message({ hashed: [time(), subpacket(2, uint32(1)), fingerprint()] }).blob,
    'the fingerprint of a key that is not there, and the id of one that is': () =>
      forger.message({ hashed: [time(), subpacket(33, Buffer.concat([Buffer.from([4]), other.fingerprint]))] }).blob,
    'a policy that is critical, which readers know': () =>
      forger.message({ hashed: [time(), fingerprint(), subpacket(26, Buffer.from('https://x'), true)] }).blob,
    'a subpacket that is unknown but not critical': () => {
      const time = subpacket(2, uint32(Math.floor(Date.now() / 1000)));
      return forger.message({ hashed: [time, subpacket(100, Buffer.from('x'))] }).blob;
    },
  };
  it.each(Object.entries(accepted))('accepts %s', async (_, make) => {
    await expect(verify(make())).resolves.toMatchObject({ fingerprint: forger.key.fingerprint });
  });

  const refused: Record<string, readonly [reason: string, make: () => Buffer]> = {
    'no bytes': ['format', () => Buffer.alloc(0)],
    'a web page': ['format', () => Buffer.from('<!doctype html>')],
    armour: ['format', () => Buffer.from('-----BEGIN PGP MESSAGE-----\n')],
    'a sigstore signature': ['format', () => Buffer.from('\0sigstore-json\n{}')],
    'an unknown prefix': ['format', () => Buffer.from('\0something\n{}')],
    'more than 4 MiB': ['too-large', () => Buffer.alloc(4 * 1024 * 1024 + 1, 0xc4)],
    'a key that is not in the ring': ['unknown-signer', () => other.message().blob],
    'a changed payload': [
      'bad-signature',
      () => {
        const { blob } = forger.message();
        blob[blob.indexOf('web:1') + 4]! += 1;
        return blob;
      },
    ],
    'a changed signature': [
      'bad-signature',
      () => {
        const { blob } = forger.message();
        blob[blob.length - 1]! ^= 1;
        return blob;
      },
    ],
    'a changed literal format': [
      'bad-signature',
      () => {
        const { onePass, signature } = forger.message();
        return Buffer.concat([onePass, forger.message({ content: Buffer.from('{}') }).literal, signature]);
      },
    ],
    'a literal alone': ['structure', () => packet(8, compressed(1, forger.message().literal))],
    'a one-pass packet and a literal': [
      'structure',
      () => Buffer.concat([forger.message().onePass, forger.message().literal]),
    ],
    'a signature before the literal': [
      'structure',
      () => Buffer.concat([forger.message().signature, forger.message().literal]),
    ],
    'a second literal before': [
      'structure',
      () => {
        const before = forger.message({ content: Buffer.from('{}') }).literal;
        return packet(8, compressed(1, Buffer.concat([before, forger.message().blob])));
      },
    ],
    'a second literal inside': [
      'structure',
      () => {
        const { onePass, literal, signature } = forger.message();
        return Buffer.concat([onePass, literal, literal, signature]);
      },
    ],
    'a second literal behind': ['structure', () => Buffer.concat([forger.message().blob, forger.message().literal])],
    'two signatures of one literal': [
      'structure',
      () => {
        const { onePass, literal, signature } = forger.message();
        return Buffer.concat([onePass, onePass, literal, signature, signature]);
      },
    ],
    'one one-pass packet and two signatures': [
      'structure',
      () => Buffer.concat([forger.message().blob, forger.message().signature]),
    ],
    'two messages': ['structure', () => Buffer.concat([forger.message().blob, forger.message().blob])],
    'junk behind': ['structure', () => Buffer.concat([forger.message().blob, Buffer.from('junk')])],
    'a marker packet': [
      'structure',
      () =>
        Buffer.concat([
          packet(4, body(forger.message().onePass)),
          packet(10, Buffer.from('PGP')),
          forger.message().literal,
          forger.message().signature,
        ]),
    ],
    'a trust packet behind': ['structure', () => Buffer.concat([forger.message().blob, packet(12, Buffer.from('x'))])],
    'a cut message': ['structure', () => forger.message().blob.subarray(0, -1)],
    'a packet without length': [
      'structure',
      () => {
        const { onePass, literal, signature } = forger.message();
        return Buffer.concat([onePass, literal, oldPacket(2, body(signature), 3)]);
      },
    ],
    'partial lengths of a signature': [
      'structure',
      () => {
        const { onePass, literal, signature } = forger.message();
        return Buffer.concat([onePass, literal, partialPacket(2, Buffer.concat([body(signature), Buffer.alloc(600)]))]);
      },
    ],
    'compression in compression': [
      'structure',
      () => packet(8, compressed(1, packet(8, compressed(1, forger.message().blob)))),
    ],
    'junk behind the compressed packet': [
      'structure',
      () => Buffer.concat([packet(8, compressed(1, forger.message().blob)), packet(11, Buffer.from('b\0\0\0\0\0'))]),
    ],
    'junk behind the compressed data': [
      'structure',
      () => oldPacket(8, Buffer.concat([compressed(1, forger.message().blob), Buffer.from('junk')]), 3),
    ],
    'cut compressed data': ['structure', () => oldPacket(8, compressed(2, forger.message().blob).subarray(0, -9), 3)],
    'an unknown compression': ['structure', () => packet(8, Buffer.from([9, 1, 2, 3]))],
    'damaged BZip2': ['structure', () => packet(8, Buffer.from([3, 1, 2, 3]))],
    'a ZIP bomb': ['too-large', () => packet(8, compressed(1, Buffer.alloc(256 * 1024 * 1024)))],
    'a ZLIB bomb': ['too-large', () => packet(8, compressed(2, Buffer.alloc(64 * 1024 * 1024)))],
    'endless BZip2': [
      'too-large',
      () => packet(8, Buffer.concat([Buffer.from([3]), Buffer.alloc(2 * 1024 * 1024, 1)])),
    ],
    'a one-pass packet of another hash': ['structure', () => forger.message({ onePass: (b) => set(b, 2, 10) }).blob],
    'a one-pass packet of version 6': ['structure', () => forger.message({ onePass: (b) => set(b, 0, 6) }).blob],
    'a certification as signature': ['structure', () => forger.message({ type: 0x10 }).blob],
    MD5: ['algorithm', () => forger.message({ hash: [1, 'md5'] }).blob],
    'SHA-1': ['algorithm', () => forger.message({ hash: [2, 'sha1'] }).blob],
    'a hash that does not exist': ['algorithm', () => forger.message({ hash: [99, 'sha256'] }).blob],
    'a signature that expired': [
      'signature-expired',
      () => {
        const created = subpacket(2, uint32(Math.floor(Date.now() / 1000) - 100), true);
        return forger.message({ hashed: [created, subpacket(3, uint32(50), true)] }).blob;
      },
    ],
    'no creation time': ['bad-signature', () => forger.message({ hashed: [] }).blob],
    'the creation time outside of what is signed': [
      'bad-signature',
      () => forger.message({ hashed: [], unhashed: [time(), subpacket(16, forger.fingerprint.subarray(-8))] }).blob,
    ],
    'no signer': ['unknown-signer', () => forger.message({ hashed: [time()], unhashed: [] }).blob],
    'a critical notation': [
      'bad-signature',
      () =>
        forger.message({ hashed: [time(), subpacket(20, Buffer.from('\0\0\0\0\0\x01\0\x01xy', 'latin1'), true)] }).blob,
    ],
    'a critical subpacket that is unknown': [
      'bad-signature',
      () => forger.message({ hashed: [time(), subpacket(100, Buffer.from('x'), true)] }).blob,
    ],
    "the signer's user id as critical, which GnuPG does not know": [
      'bad-signature',
      () => forger.message({ hashed: [time(), subpacket(28, Buffer.from('a@example.com'), true)] }).blob,
    ],
    'a life so long that its end has passed in 32 bits': [
      'signature-expired',
      () => forger.message({ hashed: [time(), subpacket(3, uint32(0xffff_fff0), true)] }).blob,
    ],
    'subpackets that lead out of their area': [
      'structure',
      () => forger.message({ hashed: [time(), Buffer.from([200, 1])] }).blob,
    ],
    'RIPEMD-160': ['algorithm', () => forger.message({ hash: [3, 'ripemd160'] }).blob],
    'a good signature over another document': ['payload', () => forger.message({ content: Buffer.from('{}') }).blob],
  };
  it.each(Object.entries(refused))('refuses %s', async (_, [reason, make]) => {
    const start = performance.now();
    const blob = make();
    const made = performance.now() - start;
    await expect(verify(blob)).rejects.toMatchObject({ code: 'signature-invalid', reason });
    expect(performance.now() - start - made).toBeLessThan(1000);
  });

  it('refuses every single changed byte of a message', async () => {
    const { blob, signature } = forger.message();
    const survivors: number[] = [];
    for (let index = 0; index < blob.length; index++) {
      const changed = Buffer.from(blob);
      changed[index]! ^= 0x15;
      const verdict = await verify(changed).catch(() => undefined);
      if (verdict !== undefined) survivors.push(index);
    }
    // What no signature covers and no verdict rests on: all but version and hash of the one-pass packet, format and date
    // of the literal, a length of the last packet that leads behind the end, the hint at the hash, and the second place
    // that names the signer.
    const onePass = [7, ...Array.from({ length: 10 }, (_, i) => 9 + i)];
    const date = blob.indexOf(VALID_PAYLOAD) - 4;
    const start = blob.length - signature.length;
    const lengths = [2, 3, 4, 5].map((at) => start + at).filter((at) => (blob[at]! ^ 0x15) > blob[at]!);
    const issuer = blob.lastIndexOf(subpacket(16, forger.fingerprint.subarray(-8)));
    const unsigned = Array.from({ length: 9 }, (_, i) => issuer + 1 + i);
    const hint = [issuer + 10, issuer + 11];
    const literal = [date - 2, date, date + 1, date + 2, date + 3];
    expect(survivors).toEqual([...onePass, ...literal, ...lengths, ...unsigned, ...hint]);
  });
});

describe('readSignatureClaimUntrusted', () => {
  it('reads claims of anybody', () => {
    expect(readSignatureClaimUntrusted(other.message().blob)).toMatchObject({
      untrustedDigest: `sha256:${'a'.repeat(64)}`,
      untrustedReference: 'registry.example.com/acme/web:1',
      untrustedIssuerFingerprint: other.key.fingerprint,
    });
  });

  it.each<[string, Crafted]>([
    ['another document', { content: Buffer.from('{}') }],
    ['a damaged structure', { onePass: (b) => b.subarray(1) }],
  ])('gives nothing for %s', (_, crafted) => {
    expect(readSignatureClaimUntrusted(forger.message(crafted).blob)).toBeUndefined();
  });
});

function set(bytes: Buffer, index: number, value: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[index] = value;
  return changed;
}
