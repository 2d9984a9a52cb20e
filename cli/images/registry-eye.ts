import { deadlineAfter } from '../../activities/deadline/index.ts';
import { readHosts } from './configured-hosts.ts';
import { findCredentials } from './docker-credentials.ts';
import type { ImageEye, TagLook } from './image-eye.ts';
import { judgeByEnvironment } from './judge-by.ts';
import type { Terminal } from '../terminal.ts';
import { createRegistryClient, proxySettingsOf } from '../../activities/oci/index.ts';
import type { RegistryClient } from '../../activities/oci/index.ts';
import type { Configuration } from '../../worker/configuration/index.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import { repositoryUnder } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** A registry that is out of reach from here must not hold up a start. */
const LOOK_WITHIN_MS = 10_000;

/** Opens the caller's own look at the registries of a configuration. */
export async function openRegistryEye(configuration: Configuration, terminal: Terminal): Promise<ImageEye> {
  const [hosts, credentials] = await Promise.all([readHosts(configuration), findCredentials(terminal)]);
  const proxy = proxySettingsOf(terminal.env);
  return new RegistryEye(createRegistryClient({ hosts, credentials, proxy }), configuration, terminal);
}

class RegistryEye implements ImageEye {
  readonly #client: RegistryClient;
  readonly #configuration: Configuration;
  readonly #terminal: Terminal;

  constructor(client: RegistryClient, configuration: Configuration, terminal: Terminal) {
    this.#client = client;
    this.#configuration = configuration;
    this.#terminal = terminal;
  }

  async resolve(reference: ImageReference): Promise<TagLook> {
    try {
      const digest = await this.#client.resolve(reference, { signal: this.#soon() });
      return digest === undefined ? { look: 'absent' } : { look: 'found', digest };
    } catch (error) {
      this.#terminal.signal.throwIfAborted();
      return { look: 'unreadable', reason: error instanceof Error ? error.message : 'unknown reason' };
    }
  }

  async isPromoted(environment: string, image: PromotedImage): Promise<boolean> {
    const own = this.#configuration.environments[environment];
    if (own === undefined) return false;
    const reference = { ...repositoryUnder(own.registry, image.name), tag: image.tag };
    const signal = this.#soon();
    try {
      if ((await this.#client.resolve(reference, { signal })) !== image.digest) return false;
      const now = new Date(this.#terminal.now());
      const verdict = await judgeByEnvironment(own, { client: this.#client, reference, now, signal });
      return verdict.accepted && verdict.digest === image.digest;
    } catch {
      // What cannot be seen from here is found out by the promotion itself.
      this.#terminal.signal.throwIfAborted();
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #soon(): AbortSignal {
    return AbortSignal.any([this.#terminal.signal, deadlineAfter(LOOK_WITHIN_MS)]);
  }
}
