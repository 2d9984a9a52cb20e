import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { judgeImage, parsePolicy } from '../../../activities/trust/index.ts';
import type { ImageVerdict, ManifestSource } from '../../../activities/trust/index.ts';
import { formatReference } from '../../../workflows/domain/reference.ts';
import type { ImageReference } from '../../../workflows/domain/reference.ts';
import { ensureParts } from '../../support/parts/index.mjs';
import { fetchManifestRaw } from '../../support/registry-push.ts';

/** What a pull by skopeo said. */
export interface Pull {
  readonly accepted: boolean;
  readonly log: string;
}

/** A plain web server with signatures in it, and the two judges over it: skopeo and ours. */
export class SkopeoJudge {
  readonly folder: string;
  /** Path to bytes, or to a status. */
  readonly served = new Map<string, Uint8Array | number>();
  readonly #program: string;
  readonly #server: Server;

  private constructor(folder: string, program: string, server: Server) {
    this.folder = folder;
    this.#program = program;
    this.#server = server;
    server.on('request', (request, response) => {
      const found = this.served.get(request.url ?? '') ?? 404;
      if (typeof found === 'number') response.writeHead(found).end();
      else response.writeHead(200).end(found);
    });
  }

  static async start(): Promise<SkopeoJudge> {
    const { skopeo } = await ensureParts(['skopeo']);
    const folder = await mkdtemp(path.join(await realpath(os.tmpdir()), 'judge-'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SkopeoJudge(folder, skopeo, server);
  }

  get servedAt(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/images`;
  }

  /** Writes a file into the judge's folder and returns its path. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const file = path.join(this.folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
    return file;
  }

  /** Pulls one platform as a cluster does. */
  async pull(
    reference: ImageReference,
    config: { readonly policyJson: string; readonly registriesD: string },
    architecture: string,
  ): Promise<Pull> {
    const policy = await this.write('policy.json', config.policyJson);
    await this.write('registries.d/test.yaml', config.registriesD);
    const target = await mkdtemp(path.join(this.folder, 'pulled-'));
    const global = ['--policy', policy, '--registries.d', path.join(this.folder, 'registries.d')];
    const platform = ['--override-os', 'linux', '--override-arch', architecture];
    const source = `docker://${formatReference(reference)}`;
    const args = [...global, ...platform, 'copy', '-q', '--src-tls-verify=false', source, `dir:${target}`];
    return await new Promise((resolve) => {
      execFile(this.#program, args, { env: { ...process.env, HOME: this.folder } }, (error, _, log) => {
        resolve({ accepted: error === null, log });
      });
    });
  }

  /** Our own verdict, over the same registry and the same server. */
  judge(
    reference: ImageReference,
    config: { readonly policyJson: string },
    lookasideBase = this.servedAt,
  ): Promise<ImageVerdict> {
    const client: ManifestSource = {
      fetchManifest: async ({ domain, path: repository, tag, digest }) => {
        const found = await fetchManifestRaw(domain, repository, digest ?? tag ?? 'latest');
        if (found === undefined) throw new Error('no such manifest');
        return found;
      },
    };
    const policy = parsePolicy(Buffer.from(config.policyJson), 'policy.json');
    return judgeImage({ client, reference, policy, lookasideBase, now: new Date() });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }
}
