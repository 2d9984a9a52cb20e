/** What our client is made to do, and what it makes of the answers. */
import {
  createRegistryClient,
  parseDockerConfig,
  readImageTree,
  RegistryError,
} from '../../../activities/oci/index.ts';
import type { RegistryClient, RegistryClientOptions } from '../../../activities/oci/index.ts';
import { readLookaside, TrustError } from '../../../activities/trust/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import type { Behaviour, Outcome, Probe } from './behaviour.ts';
import { BULK, INDEX_TAG, MANIFEST, SMALL } from './content.ts';
import { basicOf } from './stage.ts';
import type { Stage } from './stage.ts';

export interface ProbeContext {
  readonly client: RegistryClient;
  readonly stage: Stage;
  /** The authority that vouches for everybody in the case. */
  readonly ca: string;
  readonly timeoutMs: number;
}

/** More than the system keeps for a connection whose other end does not read. */
const HUGE_BYTES = 32 * 1024 * 1024;

/** A client with the case's secrets. */
export function openProbingClient(
  { credential = 'password', dataPath }: Pick<Behaviour, 'credential' | 'dataPath'>,
  stage: Stage,
  options: RegistryClientOptions,
): RegistryClient {
  const entry = credential === 'identity-token' ? { identitytoken: stage.canary.identityToken } : {};
  const auths = { [stage.registry.host]: { auth: basicOf(stage.canary), ...entry } };
  const credentials =
    credential === 'none' ? {} : { credentials: parseDockerConfig(JSON.stringify({ auths }), 'canary') };
  return createRegistryClient({ retryDelayMs: 1, ...(dataPath && { dataPath }), ...credentials, ...options });
}

const PROBES: Readonly<Record<Probe, (context: ProbeContext) => Promise<unknown>>> = {
  manifest: ({ client, stage }) => client.fetchManifest(reference(stage, ':1')),
  'manifest-by-digest': ({ client, stage }) => client.fetchManifest(reference(stage, `@${MANIFEST.digest}`)),
  tree: ({ client, stage }) => readImageTree(client, reference(stage, `:${INDEX_TAG}`)),
  'has-manifest': ({ client, stage }) => client.hasManifest(repository(stage), parseDigest(MANIFEST.digest)),
  'put-manifest': ({ client, stage }) =>
    client.putManifest(repository(stage), { ...MANIFEST, digest: parseDigest(MANIFEST.digest) }),
  'delete-tag': ({ client, stage }) => client.deleteTag(reference(stage, ':1')),
  blob: ({ client, stage }) => client.readBlob(repository(stage), blobOf(SMALL)),
  'bulk-blob': ({ client, stage }) => client.readBlob(repository(stage), blobOf(BULK)),
  'has-blob': ({ client, stage }) => client.blobExists(repository(stage), blobOf(SMALL)),
  upload: (context) => upload(context, SMALL),
  'bulk-upload': (context) => upload(context, BULK),
  'huge-upload': (context) => upload(context, { ...BULK, bytes: Buffer.alloc(HUGE_BYTES) }),
  mount: ({ client, stage }) =>
    client.openUpload({
      repository: repository(stage),
      blob: blobOf(SMALL),
      neighbour: { domain: stage.registry.host, path: 'other/image' },
    }),
  referrers: ({ client, stage }) => client.listReferrers(repository(stage), parseDigest(MANIFEST.digest)),
  signatures: ({ client, stage }) => client.listSignatures(repository(stage), parseDigest(MANIFEST.digest)),
  lookaside: ({ stage, ca, timeoutMs }) =>
    readLookaside(`https://${stage.registry.host}/lookaside`, 'x', parseDigest(MANIFEST.digest), {
      ca,
      timeoutMs,
      headers: { authorization: `Basic ${basicOf(stage.canary)}` },
    }),
};

/** What came of a probe; errors that are none of ours are thrown. */
export async function probe(which: Probe, context: ProbeContext): Promise<{ outcome: Outcome; message: string }> {
  try {
    const value = await PROBES[which](context);
    return { outcome: value === undefined || value === false ? 'absent' : 'success', message: '' };
  } catch (error) {
    if (!(error instanceof RegistryError) && !(error instanceof TrustError)) throw error;
    return { outcome: error.code as Outcome, message: error.message };
  }
}

async function upload({ client, stage }: ProbeContext, { bytes, digest }: typeof SMALL): Promise<boolean> {
  const blob = { digest: parseDigest(digest), size: bytes.length };
  const opened = await client.openUpload({ repository: repository(stage), blob, mode: 'send' });
  if (opened.is !== 'open') throw new Error(`expected an open upload, received ${opened.is}`);
  const body = bytes.length > 1024 * 1024 ? { size: bytes.length, feed: feeding(bytes) } : bytes;
  await opened.upload.finish(blob, body);
  return true;
}

/** In pieces, as a copy does it. */
function feeding(bytes: Buffer) {
  return async (write: (piece: Uint8Array) => Promise<void> | undefined): Promise<void> => {
    for (let from = 0; from < bytes.length; from += 65_536) await write(bytes.subarray(from, from + 65_536));
  };
}

function blobOf({ digest, bytes }: typeof SMALL) {
  return { digest: parseDigest(digest), size: bytes.length };
}

function reference({ registry }: Stage, rest: string) {
  return parseReference(`${registry.host}/x${rest}`);
}

function repository({ registry }: Stage) {
  return { domain: registry.host, path: 'x' };
}
