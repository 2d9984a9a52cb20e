import { writeFile } from 'node:fs/promises';
import { diagnose } from '../../../activities/doctor/index.ts';
import type { Diagnosis, Patient } from '../../../activities/doctor/index.ts';
import { createRegistryClient } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { signaturePath } from '../../../workflows/domain/signature-path.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { SampleImage } from '../../support/sample-image.ts';
import { startScriptedRegistry } from '../../support/scripted-registry.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { startLoopback } from '../signature-server/http-fixture.ts';
import type { Loopback } from '../signature-server/http-fixture.ts';
import { makeSigner } from '../trust/signers.ts';
import type { Signer } from '../trust/signers.ts';

/** What a signature server answers for one path. */
export interface Served {
  readonly status: number;
  readonly body: Uint8Array | string;
  readonly type?: string;
}

/** A signature server whose every answer a test can change. */
export interface FakeStore {
  readonly url: string;
  readonly address: string;
  /** By path below `/images/`. */
  readonly files: Map<string, Served>;
  /** Answers everything, where it is set. */
  all?: Served;
  readonly close: () => Promise<void>;
}

/** One environment on loopback: a registry with an image of two platforms, signature servers, a key. */
export interface Installation {
  readonly registry: ScriptedRegistry;
  readonly image: SampleImage;
  readonly store: FakeStore;
  readonly replica: FakeStore;
  readonly signer: Signer;
  readonly keyFile: string;
  /** `HOST/acme/web:1` */
  readonly reference: string;
  /** Signs manifests under a reference and puts the blob at the next free number. */
  readonly sign: (options?: SignOptions) => Promise<void>;
  readonly put: (digest: Digest, number: number, body: Uint8Array | string, status?: number) => void;
  readonly diagnose: (patient?: Partial<Patient> & { readonly asked?: string }) => Promise<Diagnosis>;
  readonly close: () => Promise<void>;
}

/** What is unusual about signatures. */
export interface SignOptions {
  readonly signer?: Signer;
  readonly reference?: string;
  readonly digests?: readonly Digest[];
  readonly time?: Date;
  readonly change?: (blob: Uint8Array) => Uint8Array;
}

const NAME = 'acme/web';
let sample: Promise<SampleImage> | undefined;
let signers: Promise<Signer> | undefined;

/** Starts one, unsigned; `close` it after the test. `key` is where its public key is written. */
export async function startInstallation(keyFile: string): Promise<Installation> {
  sample ??= buildSampleImage({ layerBytes: 64 });
  signers ??= makeSigner();
  const [image, signer, registry, store, replica] = await Promise.all([
    sample,
    signers,
    startScriptedRegistry(),
    startStore(),
    startStore(),
  ]);
  registry.add(NAME, image, '1');
  await writeFile(keyFile, signer.publicKey);
  const reference = `${registry.host}/${NAME}:1`;
  const put: Installation['put'] = (digest, number, body, status = 200) => {
    for (const server of [store, replica]) server.files.set(signaturePath(NAME, digest, number), { status, body });
  };
  const parts = { registry, image, store, replica, signer, keyFile, reference };
  return {
    ...parts,
    put,
    sign: (options) => sign(parts, put, options),
    diagnose: (given) => diagnoseIn(parts, given),
    close: async () => {
      await Promise.all([registry.stop(), store.close(), replica.close()]);
    },
  };
}

type Parts = Omit<Installation, 'put' | 'sign' | 'diagnose' | 'close'>;

async function sign(
  { image, store, signer, reference }: Parts,
  put: Installation['put'],
  options: SignOptions = {},
): Promise<void> {
  for (const digest of options.digests ?? image.everyManifest.map((manifest) => manifest.digest)) {
    const by = options.signer ?? signer;
    const blob = await by.sign(options.reference ?? reference, digest, options.time);
    let number = 1;
    while (store.files.has(signaturePath(NAME, digest, number))) number += 1;
    put(digest, number, options.change?.(blob) ?? blob);
  }
}

async function diagnoseIn(
  { registry, store, replica, keyFile, reference }: Parts,
  { asked = reference, environment, ...given }: Partial<Patient> & { readonly asked?: string } = {},
): Promise<Diagnosis> {
  const client = createRegistryClient({ retryDelayMs: 1 });
  try {
    return await diagnose({
      image: parseReference(asked),
      environment: {
        name: 'prod',
        registry: `${registry.host}/acme`,
        publicKeyFiles: [keyFile],
        servedAt: `${store.url}/images`,
        replicas: { addresses: [store.address, replica.address] },
        ...environment,
      },
      origin: { name: 'qa', registry: 'registry.qa.example.com/acme' },
      client,
      now: new Date(Date.now() + 1_000),
      requestTimeoutMs: 2_000,
      ...given,
    });
  } finally {
    await client.close();
  }
}

/** A signature server, empty. */
export async function startStore(): Promise<FakeStore> {
  const files = new Map<string, Served>();
  const store: { all?: Served } = {};
  const loopback: Loopback = await startLoopback((request, response) => {
    const path = (request.url ?? '').replace(/^\/images\//, '');
    const found = store.all ?? files.get(path);
    if (found === undefined) response.writeHead(404).end();
    else response.writeHead(found.status, { 'content-type': found.type ?? 'application/octet-stream' }).end(found.body);
  });
  const { url, address, close } = loopback;
  return Object.assign(store, { url, address, files, close });
}
