/** What the real consumer says, beside what we say: each case is a pod on the node, `verify`, and `doctor`. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../activities/signing/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { approve, start, untilAsked, untilReleased } from '../end-to-end/promote.ts';
import { fetchManifestRaw } from '../support/registry-push.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { judgeByPod } from './pods.ts';
import type { NodeVerdict } from './pods.ts';
import { restartSignatureServer, startTrustedSite, trustOnNode } from './trusted-site.ts';
import type { TrustedSite } from './trusted-site.ts';
import { VerdictTable } from './verdict-table.ts';

const folder = useTempFolder({ per: 'suite' });
const table = new VerdictTable();
let trusted: TrustedSite;
/** Promoted and released. */
let promoted: Digest;

beforeAll(async () => {
  trusted = await startTrustedSite(folder.path, { gates: { qa: 'none' } });
  const { site } = trusted;
  await writeFile(path.join(folder.path, 'keys', 'expired.asc'), trusted.expiredKey.publicKey);
  const configuration = await readFile(site.configurationFile, 'utf8');
  await writeFile(
    site.configurationFile,
    configuration.replace('- keys/prod.asc', '- keys/prod.asc\n        - keys/expired.asc'),
  );
  await site.startWorkers();
  await trustOnNode(site, { environment: 'prod' });
  promoted = await trusted.push(`${site.environments[0]!.prefix}/web:1.0`, 'hello from web 1.0');
});
afterAll(async () => {
  table.print();
  await trusted.site.stop();
});

/** Why an image is refused, in CRI-O's words and in the doctor's. */
interface Reasons {
  readonly node: RegExp;
  readonly doctor: RegExp;
}

/** The node's verdict and ours, which must be the same, for the same reason; both go into the table. */
async function judge(what: string, image: string, reasons?: Reasons): Promise<NodeVerdict> {
  const node = await judgeByPod(image);
  const { site } = trusted;
  const verify = await site.run('verify', image, '--environment', 'prod', '--output', 'json');
  const doctor = await site.run('doctor', image, '--environment', 'prod', '--output', 'json');
  table.add({ what, node, verify, doctor });
  expect(
    { verify: verify.code === 0, doctor: doctor.code === 0 },
    `${node.message}\n${verify.stdout}\n${doctor.stdout}`,
  ).toEqual({ verify: node.isAccepted, doctor: node.isAccepted });
  if (reasons !== undefined) {
    expect(node).toMatchObject({ isAccepted: false });
    expect(node.message).toMatch(reasons.node);
    expect((JSON.parse(doctor.stdout) as { readonly cause: string }).cause).toMatch(reasons.doctor);
  }
  return node;
}

async function pushToProduction(name: string): Promise<{ readonly image: string; readonly digest: Digest }> {
  const image = `${trusted.production}/${name}`;
  return { image, digest: await trusted.push(image, `hello from ${name}`) };
}

const REFUSED = 'SignatureValidationFailed';

describe('an image on its way', () => {
  it('cannot be pulled before it is approved, runs by tag and digest once it is released', async () => {
    const { site, production } = trusted;
    const { id } = await start(site, 'web:1.0', 'prod');
    await untilAsked(site, id);
    const waiting = await judge('copied and proposed, not approved', `${production}/web@${promoted}`, {
      node: /no signature exists/,
      doctor: /it has no signature/,
    });
    expect(waiting).toMatchObject({ isAccepted: false, reason: REFUSED });
    expect(waiting.message).toContain('no signature exists');
    expect(await approve(site, id)).toMatchObject({ code: 0 });
    await untilReleased(site, id);
    expect(await judge('approved and released, by tag', `${production}/web:1.0`)).toMatchObject({ isAccepted: true });
    expect(await judge('approved and released, by digest', `${production}/web@${promoted}`)).toMatchObject({
      isAccepted: true,
    });
  });
});

describe('an image that did not come by a promotion', () => {
  it('is refused without a signature', async () => {
    const { image } = await pushToProduction('unsigned:1');
    expect(
      await judge('unsigned', image, { node: /no signature exists/, doctor: /it has no signature/ }),
    ).toMatchObject({ isAccepted: false, reason: REFUSED });
  });

  it('is refused with a signature of another key', async () => {
    const { image, digest } = await pushToProduction('other-key:1');
    const key = await generateKey({ userId: { name: 'other', email: 'other@example.com' }, type: 'rsa3072' });
    await trusted.plant({ path: 'acme/other-key', digest, claims: image, key });
    expect(
      await judge('signed by another key', image, {
        node: /Invalid GPG signature/,
        doctor: /whose key is not trusted here/,
      }),
    ).toMatchObject({ isAccepted: false, reason: REFUSED });
  });

  it('is refused under a tag that its signature does not name', async () => {
    const { image, digest } = await pushToProduction('other-tag:2');
    await trusted.plant({
      path: 'acme/other-tag',
      digest,
      claims: image.replace(/:2$/, ':1'),
      key: await productionKey(),
    });
    expect(
      await judge('signed for another tag', image, {
        node: /Signature for identity .*:1\\?" is not accepted/,
        doctor: /for another tag, 1/,
      }),
    ).toMatchObject({ isAccepted: false, reason: REFUSED });
  });

  it('is refused with a signature for another repository', async () => {
    const { image, digest } = await pushToProduction('other-name:1');
    await trusted.plant({
      path: 'acme/other-name',
      digest,
      claims: `${trusted.production}/web:1`,
      key: await productionKey(),
    });
    expect(
      await judge('signed for another repository', image, {
        node: /Signature for identity .* is not accepted/,
        doctor: /for another repository/,
      }),
    ).toMatchObject({ isAccepted: false, reason: REFUSED });
  });

  it('is refused with a signature of a key that has expired', async () => {
    const { image, digest } = await pushToProduction('expired:1');
    const time = new Date(Date.now() - 40 * 86_400_000);
    await trusted.plant({ path: 'acme/expired', digest, claims: image, key: trusted.expiredKey, time });
    expect(
      await judge('signed by a key that has expired', image, { node: /Invalid GPG signature/, doctor: /has expired/ }),
    ).toMatchObject({
      isAccepted: false,
      reason: REFUSED,
    });
  });

  it('is refused where a layer was changed in the registry, and the doctor that reads layers says so', async () => {
    const { site, production } = trusted;
    const image = `${production}/layer:1`;
    const digest = await trusted.push(image, 'hello from layer 1', { layers: 1, megabytes: 1 });
    await trusted.plant({ path: 'acme/layer', digest, claims: image, key: await productionKey() });
    const { registry } = site.environments.at(-1)!;
    const manifest = await fetchManifestRaw(registry, 'acme/layer', digest);
    const { layers } = JSON.parse(manifest!.bytes.toString()) as { readonly layers: readonly { digest: Digest }[] };
    const file = blobFile(registry.storage, layers.at(-1)!.digest);
    const bytes = await readFile(file);
    bytes[bytes.length - 2_000]! ^= 1;
    await writeFile(file, bytes);
    const node = await judgeByPod(image);
    const [verify, doctor] = await Promise.all([
      site.run('verify', image, '--environment', 'prod', '--output', 'json'),
      site.run('doctor', image, '--environment', 'prod', '--thorough', '--output', 'json'),
    ]);
    table.add({ what: 'layer changed in the registry (doctor --thorough)', node, verify, doctor });
    expect(node).toMatchObject({ isAccepted: false, reason: 'ErrImagePull' });
    expect(node.message).toMatch(/digest/i);
    // It judges signatures and manifests, as the policy does.
    expect(verify).toMatchObject({ code: 0 });
    expect(doctor).toMatchObject({ code: 1 });
    const { cause } = JSON.parse(doctor.stdout) as { readonly cause: string };
    expect(cause).toMatch(/has other bytes in the registry than its digest says/);
  });

  it('is refused outside the registry prefix that is trusted', async () => {
    const image = trusted.production.replace(/\/acme$/, '/other/web:1');
    await trusted.push(image, 'hello from elsewhere');
    expect(
      await judge('outside the trusted prefix', image, { node: /is rejected by policy/, doctor: /lies outside/ }),
    ).toMatchObject({ isAccepted: false, reason: REFUSED });
  });
});

describe('a released image', () => {
  it('is refused where the registry serves other bytes than were signed', async () => {
    const { site, production } = trusted;
    const { storage } = site.environments.at(-1)!.registry;
    const file = blobFile(storage, promoted);
    const bytes = await readFile(file);
    await writeFile(file, bytes.toString().replace('"layers"', ' "layers"'));
    try {
      const node = await judge('manifest changed in the registry', `${production}/web:1.0`, {
        node: /no signature exists/,
        doctor: /it has no signature/,
      });
      expect(node).toMatchObject({ isAccepted: false });
    } finally {
      await writeFile(file, bytes);
    }
  });

  it('is refused where the signature server is down', async () => {
    const { site, production } = trusted;
    await site.environments.at(-1)!.signatureServer.process.stop();
    try {
      expect(
        await judge('signature server down', `${production}/web:1.0`, {
          node: /connection refused/,
          doctor: /cannot be read: no answer/,
        }),
      ).toMatchObject({ isAccepted: false });
    } finally {
      await restartSignatureServer(site);
    }
  });

  it('is refused where something answers for the signature server with a page of HTML', async () => {
    const { site, production } = trusted;
    const { signatureServer } = site.environments.at(-1)!;
    await signatureServer.process.stop();
    const page = await servePage(Number(new URL(signatureServer.url).port));
    try {
      expect(
        await judge('HTML with 200 for every signature', `${production}/web:1.0`, {
          node: /unrecognized signature format/,
          doctor: /is a web page/,
        }),
      ).toMatchObject({
        isAccepted: false,
      });
    } finally {
      page.close();
      page.closeAllConnections();
      await restartSignatureServer(site);
    }
  });

  it('runs again when all is well again', async () => {
    expect(await judge('all is well again', `${trusted.production}/web:1.0`)).toMatchObject({ isAccepted: true });
  });
});

/** Where Distribution keeps a blob or manifest. */
function blobFile(storage: string, digest: Digest): string {
  const hex = digest.replace('sha256:', '');
  return path.join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

async function productionKey() {
  const { secrets } = trusted.site.environments.at(-1)!;
  const privateKey = await readFile(path.join(secrets, 'signing-key.asc'), 'utf8');
  const passphrase = (await readFile(path.join(secrets, 'signing-key.passphrase'), 'utf8')).trim();
  return { privateKey, passphrase };
}

async function servePage(port: number): Promise<Server> {
  const server = createServer((_, answer) => {
    answer.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Please log in</body></html>');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
