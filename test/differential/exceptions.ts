import type { BlobCase } from './blob-case.ts';
import type { Refusal } from './subject.ts';

/** What a reader built with GnuPG accepts and we refuse on purpose, and why. */
export const BLOB_EXCEPTIONS: Readonly<Record<string, string>> = {
  'weak key': 'RSA below 2048 bits and DSA, of the signer or of the primary key that binds it, prove nothing today',
  'weak hash': 'SHA-1 can be collided; RIPEMD-160, of the same 160 bits, costs no more',
  'further packets':
    'one one-pass packet, one literal, one signature and nothing else, or two readers see two messages',
  'signature first': 'a signature before the literal is refused by the Go and Sequoia readers, and nobody writes it',
  'compressed twice': 'compression in compression serves bombs only',
  'bytes behind': 'bytes behind a compressed message are swallowed by GnuPG alone',
  'junk behind': 'bytes behind a message that happen to look like the beginning of a packet nobody knows',
  'cut ZIP': 'a ZIP stream without its end, which GnuPG sometimes completes with a byte of its own',
  armour: 'an armoured message behind the prefix of a stored signature: only binary messages are container signatures',
};

interface Rule {
  readonly exception: keyof typeof BLOB_EXCEPTIONS;
  readonly reason: string;
  readonly message: RegExp;
  /** Where our message does not tell alone. */
  readonly step?: RegExp;
}

const RULES: readonly Rule[] = [
  { exception: 'weak key', reason: 'algorithm', message: /, (?:RSA (?:1024|2047)|DSA)$/ },
  { exception: 'weak hash', reason: 'algorithm', message: /hash algorithm [23] refused/ },
  { exception: 'signature first', reason: 'structure', message: /packets 2, 11;/ },
  { exception: 'compressed twice', reason: 'structure', message: /packets 8;/ },
  { exception: 'further packets', reason: 'structure', message: /packets (?=(?:\d+, )*4, )(?:\d+, ){3,}\d+;/ },
  { exception: 'bytes behind', reason: 'structure', message: /bytes behind the compressed data/ },
  {
    exception: 'junk behind',
    reason: 'structure',
    message: /middle of a packet/,
    step: /(?:junk|line feed|bytes) behind/,
  },
  { exception: 'cut ZIP', reason: 'structure', message: /compressed data is damaged/, step: /compression 1, .*cut by/ },
  { exception: 'armour', reason: 'structure', message: /no packet begins at byte 0/, step: /armour behind a prefix/ },
];

/** The exception that a refusal is, if it is one. */
export function excuseBlob({ steps }: BlobCase, { reason, message }: Refusal): string | undefined {
  const made = steps.join('; ');
  const found = RULES.find(
    (rule) => rule.reason === reason && rule.message.test(message) && (rule.step?.test(made) ?? true),
  );
  return found?.exception;
}
