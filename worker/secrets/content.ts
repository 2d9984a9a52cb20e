// What is wrong with the content of a secret file. No function here ever puts any of the content into its answer, and
// none passes on an error of a parser, for these quote what they read.

import { parsePassphraseFile } from '../../activities/signing/index.ts';
import { isLoopbackHost } from '../configuration/addresses.ts';

/** An armoured or binary private key; whether it can sign is judged where it is used. */
export function refuseSigningKey(content: Buffer): string | undefined {
  const text = content.toString('latin1');
  if (text.includes('-----BEGIN PGP PRIVATE KEY BLOCK-----')) return undefined;
  if (text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) {
    return 'holds a public key; expected a private one; export it with gpg --armor --export-secret-keys';
  }
  // The first packet of a binary private key: tag 5, in the old or the new format.
  const tag = content[0] ?? 0;
  if ((tag & 0xfc) === 0x94 || tag === 0xc5) return undefined;
  return 'holds no OpenPGP private key; expected one; export it with gpg --armor --export-secret-keys';
}

/** A docker configuration: a JSON object, `auths` in it an object of objects. */
export function refuseRegistryFile(content: Buffer): string | undefined {
  const parsed = parseJson(content);
  if (!isObject(parsed)) {
    return 'is not a JSON object; expected a docker configuration; make it with skopeo login --authfile FILE';
  }
  const auths = parsed['auths'];
  if (auths === undefined || (isObject(auths) && Object.values(auths).every((entry) => isObject(entry))))
    return undefined;
  return 'has no usable auths; expected {"auths": {"HOST": {"auth": "…"}}}; make it with skopeo login --authfile FILE';
}

/** One https URL with user and password in each line, as git's credential store reads it. */
export function refuseGitCredentials(content: Buffer): string | undefined {
  const lines = content.toString('utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const wrong = refuseCredentialLine(line);
    if (wrong !== undefined) {
      return `line ${index + 1} ${wrong}; expected https://USER:PASSWORD@HOST in each line; write it so, with special characters of user and password percent-encoded`;
    }
  }
  return lines.every((line) => line === '') ? 'has only empty lines; expected https://USER:PASSWORD@HOST' : undefined;
}

function refuseCredentialLine(line: string): string | undefined {
  if (line.includes('\r')) return 'ends in a carriage return, which git takes for a part of the host';
  if (/\s/.test(line)) return 'contains a blank';
  if (!URL.canParse(line)) return 'is not a URL';
  const url = new URL(line);
  const loopback = url.protocol === 'http:' && isLoopbackHost(url.hostname);
  if (url.protocol !== 'https:' && !loopback) return 'is not an https URL';
  if (url.username === '' || url.password === '') return 'has no user or no password';
  return (line.match(/@/g)?.length ?? 0) > 1 ? 'has more than one @' : undefined;
}

/** A private key that ssh can read without asking anybody. */
export function refuseSshKey({ content, mode, own }: SshKeyFile): string | undefined {
  const text = content.toString('latin1');
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n/.test(text)) {
    return 'does not begin as a private key; expected -----BEGIN … PRIVATE KEY-----; copy the file without .pub, whole';
  }
  if (text.includes('\r')) return 'has carriage returns, which ssh refuses; expected plain line feeds; convert it';
  if (!text.endsWith('\n')) return 'does not end in a line feed, which ssh needs; expected the whole file; add one';
  if (isEncrypted(text)) {
    return 'is protected by a passphrase, which nobody is there to type; expected a key without; remove it with ssh-keygen -p';
  }
  if (own && (mode & 0o077) !== 0) {
    return `belongs to this user and may be read by the group (mode ${mode.toString(8).padStart(4, '0')}), which ssh refuses; expected mode 0400; run chmod 0400 on it, or set defaultMode: 0400`;
  }
  return undefined;
}

/** What is judged of an ssh key. */
export interface SshKeyFile {
  readonly content: Buffer;
  readonly mode: number;
  /** Whether the file belongs to the user of this process. */
  readonly own: boolean;
}

function isEncrypted(text: string): boolean {
  if (/ENCRYPTED/.test(text)) return true;
  const body = /^-----BEGIN OPENSSH PRIVATE KEY-----\n([\s\S]*?)-----END/.exec(text)?.[1];
  if (body === undefined) return false;
  // "openssh-key-v1", NUL, then the length and name of the cipher (PROTOCOL.key of OpenSSH).
  const bytes = Buffer.from(body, 'base64');
  if (bytes.toString('latin1', 0, 15) !== 'openssh-key-v1\0' || bytes.length < 23) return false;
  return bytes.toString('latin1', 19, 23) !== 'none';
}

/** Certificates in PEM. */
export function refuseCertificates(content: Buffer): string | undefined {
  if (content.includes('-----BEGIN CERTIFICATE-----')) return undefined;
  return 'holds no certificate; expected PEM with -----BEGIN CERTIFICATE-----; convert it, or put the right file here';
}

/** A private key in PEM that can be used without asking anybody. */
export function refuseClientKey(content: Buffer): string | undefined {
  const text = content.toString('latin1');
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    return 'is protected by a passphrase, which nobody is there to type; expected a key without; remove it with openssl pkey';
  }
  if (/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(text)) return undefined;
  return 'holds no private key; expected PEM with -----BEGIN PRIVATE KEY-----; convert it, or put the right file here';
}

/** One line of visible characters, as an HTTP header can carry it. */
export function refuseToken(content: Buffer): string | undefined {
  if (/^[\u0021-\u007e]+$/.test(stripLineFeed(content.toString('latin1')))) return undefined;
  return 'is not one line of visible characters; expected the token and nothing else; write it again without blanks and further lines';
}

/** One line. */
export function refuseLine(content: Buffer): string | undefined {
  const line = stripLineFeed(content.toString('latin1'));
  if (line !== '' && !/[\r\n]/.test(line)) return undefined;
  return 'is not one line; expected the secret in one line; write it again, without carriage returns and further lines';
}

/** Without one line feed at the end, which most editors add. */
export function stripLineFeed(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

/** A passphrase in the first line; further lines are not read (rules of containers/image). */
export function refusePassphrase(content: Buffer): string | undefined {
  try {
    if (parsePassphraseFile(content) !== '') return undefined;
    return 'has an empty first line; expected the passphrase in it; write it there, or remove the file where the key has none';
  } catch {
    return 'is not UTF-8 text; expected the passphrase in its first line; write it with this encoding';
  }
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
