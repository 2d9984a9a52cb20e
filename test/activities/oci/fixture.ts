/** What the tests of this room share: registries and clients that end with the test. */
import { afterEach } from 'vitest';
import { createRegistryClient } from '../../../activities/oci/index.ts';
import type {
  BlobUpload,
  RegistryClient,
  RegistryClientOptions,
  RegistryError,
} from '../../../activities/oci/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../../workflows/domain/reference.ts';
import { sha256 } from '../../support/sample-image.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import type { ScriptedRegistry, ScriptedRegistryOptions } from '../../support/scripted-registry.ts';

const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((close) => close()));
});

/** Ends with the test. */
export async function startRegistry(options?: ScriptedRegistryOptions): Promise<ScriptedRegistry> {
  const registry = await startScriptedRegistry(options);
  opened.push(registry.stop);
  return registry;
}

/** Ends with the test; pauses between repetitions are as good as none. */
export function openClient(options: RegistryClientOptions = {}): RegistryClient {
  const client = createRegistryClient({ retryDelayMs: 1, timeoutMs: 5000, patienceMs: 200, ...options });
  opened.push(client.close);
  return client;
}

export function reference({ host }: { readonly host: string }, name: string): ImageReference {
  return parseReference(`${host}/${name}`);
}

export function repository({ host }: { readonly host: string }, path: string): Repository {
  return { domain: host, path };
}

/** The error of work that must fail. */
export async function failureOf(work: Promise<unknown>): Promise<RegistryError> {
  return await work.then(
    () => {
      throw new Error('expected a failure, but all went well');
    },
    (error: unknown) => error as RegistryError,
  );
}

/** Opens an upload without asking for anything first. */
export async function startUpload(client: RegistryClient, place: Repository): Promise<BlobUpload> {
  const blob = { digest: sha256(Buffer.alloc(0)), size: 0 };
  const outcome = await client.openUpload({ repository: place, blob, mode: 'send' });
  if (outcome.is !== 'open') throw new Error(`expected an open upload, received ${outcome.is}`);
  return outcome.upload;
}
