import { readFile } from 'node:fs/promises';

const MESSAGE_LIMIT = 800;

/** Removes credentials, user info, queries and control characters from what git or the remote wrote. */
export function scrub(untrusted: string, secrets: readonly string[]): string {
  let text = untrusted;
  for (const secret of secrets) text = text.replaceAll(secret, '***');
  const lines = text
    .replace(/\/\/[^/@\s]*@/g, '//')
    .replace(/(https?:\/\/[^\s?#']*)\?[^\s']*/g, '$1')
    .split(/[\r\n]+/)
    .map((line) => line.replace(/[\p{Cc}\p{Cf}]/gu, '').trim())
    .filter((line) => line !== '');
  const said = lines.join(' | ');
  if (said === '') return 'nothing';
  return said.length > MESSAGE_LIMIT ? `${said.slice(0, MESSAGE_LIMIT)}…` : said;
}

/** The secrets of a credentials file in every form in which they may come back in a message. */
export async function readSecrets(credentialsFile: string | undefined): Promise<readonly string[]> {
  if (credentialsFile === undefined) return [];
  const text = await readFile(credentialsFile, 'utf8').catch(() => '');
  const secrets = text.split('\n').flatMap((line) => {
    const [, user, password] = /^\w+:\/\/([^:@/]*):([^@]*)@/.exec(line) ?? [];
    if (user === undefined || password === undefined || password === '') return [];
    const [plainUser, plain] = [decode(user), decode(password)];
    // Also as a header carries it: a hostile remote may echo what it was sent.
    return [password, plain, Buffer.from(`${plainUser}:${plain}`).toString('base64')];
  });
  return [...new Set(secrets)].sort((one, other) => other.length - one.length);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
