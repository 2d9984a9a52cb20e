/** What the tests against a real Pulp share: clients, judges, and requests without the client under test. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { copyImage, createRegistryClient, parseDockerConfig } from '../../../activities/oci/index.ts';
import type { RegistryClient } from '../../../activities/oci/index.ts';
import { generatePolicy, judgeImage, parsePolicy } from '../../../activities/trust/index.ts';
import type { ImageVerdict } from '../../../activities/trust/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import type { ImageReference } from '../../../workflows/domain/reference.ts';
import { SkopeoJudge } from '../../activities/trust/skopeo-judge.ts';
import type { Pull } from '../../activities/trust/skopeo-judge.ts';
import type { SampleImage } from '../sample-image.ts';
import { startScriptedRegistry } from '../scripted-registry.ts';
import { ADMIN } from './pulp-server.ts';

export const AUTH = Buffer.from(`${ADMIN.user}:${ADMIN.password}`).toString('base64');

/** A client that pushes as the administrator. */
export function openAdmin(...hosts: readonly string[]): RegistryClient {
  return createRegistryClient({ credentials: parseDockerConfig(loginFor(hosts), 'docker configuration') });
}

/** Copies an image into Pulp with our own client, by digest and then under the tag. */
export async function push(client: RegistryClient, image: SampleImage, target: ImageReference): Promise<void> {
  const source = await startScriptedRegistry();
  try {
    source.add('built/web', image);
    const reference = { domain: source.host, path: 'built/web', digest: image.digest };
    const { tag } = target;
    const repository = { domain: target.domain, path: target.path };
    await copyImage({
      source: { client, reference },
      target: { client, repository },
      ...(tag !== undefined && { tag }),
    });
  } finally {
    await source.stop();
  }
}

/** Both judges, over a policy whose registries.d names a signature store that must never be asked. */
export class Judges {
  readonly #skopeo: SkopeoJudge;
  readonly #key: Buffer;

  private constructor(skopeo: SkopeoJudge, key: Buffer) {
    this.#skopeo = skopeo;
    this.#key = key;
  }

  static async start(key: Buffer, hosts: readonly string[]): Promise<Judges> {
    const skopeo = await SkopeoJudge.start();
    await skopeo.write('key.asc', key);
    // Readers log in, as nodes do; the registry of passwords lets nobody else in.
    await mkdir(path.join(skopeo.folder, '.docker'));
    await writeFile(path.join(skopeo.folder, '.docker', 'config.json'), loginFor(hosts));
    return new Judges(skopeo, key);
  }

  async both(client: RegistryClient, image: string): Promise<{ ours: ImageVerdict; pulls: readonly Pull[] }> {
    const reference = parseReference(image);
    const config = this.#configuration(reference);
    const policy = parsePolicy(Buffer.from(config.policyJson), 'policy.json');
    const ours = await judgeImage({
      client,
      reference,
      policy,
      lookasideBase: this.#skopeo.servedAt,
      now: new Date(),
      readFile: () => Promise.resolve(this.#key),
    });
    const pulls: Pull[] = [];
    for (const architecture of ['amd64', 'arm64']) {
      pulls.push(await this.#skopeo.pull(reference, config, architecture));
    }
    return { ours, pulls };
  }

  /** What both said in short, and skopeo's words where it refused. */
  async verdicts(client: RegistryClient, image: string): Promise<{ ours: boolean; skopeo: boolean[]; log: string }> {
    const { ours, pulls } = await this.both(client, image);
    return {
      ours: ours.accepted,
      skopeo: pulls.map(({ accepted }) => accepted),
      log: pulls.map(({ log }) => log).join(''),
    };
  }

  async stop(): Promise<void> {
    await this.#skopeo.stop();
  }

  #configuration({ domain, path: repository }: ImageReference): { policyJson: string; registriesD: string } {
    return generatePolicy([
      {
        registry: `${domain}/${repository.split('/')[0] ?? ''}`,
        keys: [{ fileName: 'key.asc' }],
        keyDirectory: this.#skopeo.folder,
        servedAt: this.#skopeo.servedAt,
      },
    ]);
  }
}

/** An entry as the extension takes it, sent with a password and without our client. */
export async function putRaw(
  { host, path: repository }: { readonly host: string; readonly path: string },
  digest: Digest,
  entry: object,
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://${host}/extensions/v2/${repository}/signatures/${digest}`, {
    method: 'PUT',
    headers: { authorization: `Basic ${AUTH}` },
    body: JSON.stringify(entry),
  });
  return { status: answer.status, text: await answer.text() };
}

/** What the extension wants around a signature. */
export function entryFor(digest: Digest, blob: Uint8Array): object {
  const content = Buffer.from(blob).toString('base64');
  return { schemaVersion: 2, type: 'atomic', name: `${digest}@${'0'.repeat(32)}`, content };
}

function loginFor(hosts: readonly string[]): string {
  return JSON.stringify({ auths: Object.fromEntries(hosts.map((host) => [host, { auth: AUTH }])) });
}
