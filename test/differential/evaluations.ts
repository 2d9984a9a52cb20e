import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acceptedSignatures, evaluatePolicy, parsePolicy } from '../../activities/trust/index.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import { Forger } from '../activities/signing/crafting.ts';
import { randomScene } from './evaluation-scenes.ts';
import type { Cast, Scene, SignatureMade } from './evaluation-scenes.ts';
import type { Subject, Verdict } from './subject.ts';

interface Prepared extends Cast {
  readonly folder: string;
  readonly forgers: Readonly<Record<string, Forger>>;
  /** The files of `files` that can be read, by path. */
  readonly contents: Readonly<Record<string, Buffer>>;
}
interface Case extends Scene {
  readonly blobs: readonly Buffer[];
  /** The key files that the policy names and that can be read. */
  readonly keyFiles: Readonly<Record<string, Buffer>>;
  readonly now: string;
}

/**
 * What a policy says about an image: which scope counts, which requirements, which identities. The judge pulls it by the
 * registry transport, from a registry and a signature store of its own.
 */
export const evaluations: Subject<Case, Prepared> = {
  name: 'evaluations',
  weight: 1,
  exceptions: {
    sigstore: 'sigstoreSigned is refused, since sigstore signatures are not evaluated here',
  },
  prepare,
  cleanUp: ({ folder }) => rm(folder, { recursive: true }),
  generate(random, _, prepared) {
    const scene = randomScene(random, prepared);
    const named = Object.entries(prepared.contents).filter(([path]) => scene.policy.includes(JSON.stringify(path)));
    const blobs = scene.signatures.map((made) => blobOf(made, prepared));
    return { ...scene, blobs, keyFiles: Object.fromEntries(named), now: new Date().toISOString() };
  },
  ours: judge,
  question: ({ policy, reference, manifests, instance, digest, blobs }) => ({
    kind: 'evaluate',
    policy: base64(policy),
    reference,
    manifests: manifests.map(base64),
    instance,
    signatures: { [digest]: blobs.map((blob) => blob.toString('base64')) },
  }),
  compare(ours, judges) {
    const { allowed, reason, accepted } = judges as { allowed: boolean; reason: string; accepted: unknown };
    const [one, other] = [JSON.stringify(ours), JSON.stringify({ allowed, accepted })];
    return one === other ? undefined : `ours ${one}, the judge's ${other} ${reason}`;
  },
  excuse: ({ policy }) => (policy.includes('sigstoreSigned') ? 'sigstore' : undefined),
  describe: (scene) => JSON.stringify({ ...scene, blobs: undefined, keyFiles: undefined }),
};

async function prepare(): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), 'evaluations-'));
  const [alice, bob] = await Promise.all([Forger.create(), Forger.create()]);
  const texts = {
    alice: alice.key.publicKey,
    bob: bob.key.publicKey,
    both: `${alice.key.publicKey}\n${bob.key.publicKey}`,
    garbage: 'no key at all',
    empty: '',
  };
  const files: Record<string, string> = { missing: join(folder, 'missing.asc'), folder };
  const contents: Record<string, Buffer> = {};
  for (const [name, text] of Object.entries(texts)) {
    const path = join(folder, `${name}.asc`);
    files[name] = path;
    contents[path] = Buffer.from(text);
    await writeFile(path, text);
  }
  return { folder, forgers: { alice, bob }, files, contents, data: { alice: texts.alice, bob: texts.bob } };
}

async function judge(scene: Case): Promise<Verdict> {
  const image = { reference: parseReference(scene.reference), manifestDigest: parseDigest(scene.digest) };
  const policy = parsePolicy(Buffer.from(scene.policy), 'policy.json');
  const readFile = (path: string): Promise<Uint8Array> => {
    const content = scene.keyFiles[path];
    return content === undefined ? Promise.reject(new Error(`cannot read ${path}`)) : Promise.resolve(content);
  };
  const options = { now: new Date(scene.now), readFile };
  const verdict = await evaluatePolicy(policy, image, scene.blobs, options);
  const numbers = await acceptedSignatures(policy, image, scene.blobs, options);
  if (verdict.requirements.length === 0) {
    return { accepted: false, reason: 'unreadable', message: verdict.reason };
  }
  const accepted = numbers.map((number) => claimOf(scene.signatures[number - 1]));
  return { accepted: true, result: { allowed: verdict.accepted, accepted } };
}

function blobOf({ by, digest, reference, form }: SignatureMade, { forgers }: Prepared): Buffer {
  if (form === 'unknown') return Buffer.from('<html>');
  if (form === 'sigstore') return Buffer.from('\0sigstore-json\n{"mimeType":"m","payload":"","annotations":{}}');
  const identity = { 'docker-reference': reference };
  const critical = { type: 'atomic container signature', image: { 'docker-manifest-digest': digest }, identity };
  const content = Buffer.from(JSON.stringify({ critical, optional: {} }));
  const { blob } = (forgers[by] as Forger).message({ content });
  return form === 'named' ? Buffer.concat([Buffer.from('\0simple-signing\n'), blob]) : blob;
}

function claimOf(made: SignatureMade | undefined): { digest: string; reference: string } {
  return { digest: made?.digest ?? '', reference: made?.reference ?? '' };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
