import { execFile } from 'node:child_process';
import type { Credential } from './credential.ts';
import { RegistryError } from './error.ts';

const TIMEOUT_MS = 30_000;
const OUTPUT_LIMIT = 1024 * 1024;
/** A user of this name means that the secret is an identity token (docker-credential-helpers). */
const TOKEN_USER = '<token>';

/**
 * Asks `docker-credential-NAME get` for a credential; undefined where it has none.
 * @throws RegistryError `configuration-invalid` without the program's output, which may be the secret.
 */
export async function runCredentialProgram(
  name: string,
  { key, file }: { readonly key: string; readonly file: string },
  signal?: AbortSignal,
): Promise<Credential | undefined> {
  const program = `docker-credential-${name}`;
  const { output, problem } = await run(program, key, signal);
  signal?.throwIfAborted();
  // The one sentence that every program prints, on standard output, where it has no credential.
  if (/credentials not found/i.test(output)) return undefined;
  const failed = (why: string): RegistryError =>
    new RegistryError('configuration-invalid', `${program} get for ${key} (named in ${file}): ${why}`);
  if (problem !== undefined) throw failed(problem);
  const { Username: user, Secret: secret } = parseOutput(output) ?? {};
  if (typeof user !== 'string' || typeof secret !== 'string') {
    throw failed('expected a JSON object with Username and Secret');
  }
  if (user === TOKEN_USER) return { kind: 'identity-token', token: secret };
  return { kind: 'password', user, password: secret };
}

function run(
  program: string,
  input: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly output: string; readonly problem?: string }> {
  return new Promise((resolve) => {
    const bounds = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: OUTPUT_LIMIT } as const;
    const options = { ...bounds, ...(signal !== undefined && { signal }) };
    const child = execFile(program, ['get'], options, (error, output) => {
      if (error === null) resolve({ output });
      else resolve({ output, problem: describe(error) });
    });
    // A program that ends without reading is told by its exit code.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

function describe(error: { readonly code?: unknown; readonly killed?: boolean }): string {
  if (error.code === 'ENOENT') return 'there is no such program on PATH';
  if (error.code === 'EACCES') return 'the program on PATH may not be run';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `it said more than ${OUTPUT_LIMIT} bytes`;
  if (error.killed === true) return `no answer within ${TIMEOUT_MS} ms`;
  return `it failed with ${typeof error.code === 'number' ? `exit code ${error.code}` : 'an error'}`;
}

function parseOutput(output: string): { Username?: unknown; Secret?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
