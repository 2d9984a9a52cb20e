// @ts-check
// Packs `copy` into one file, and keeps what V8 made of it while it ran once: to load its modules one by one takes more
// processor time than to copy a small image.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import vm from 'node:vm';
import { rolldown } from 'rolldown';
import { root } from './bootstrap.mjs';

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const LAYER = Buffer.alloc(1);
const LARGE_LAYER = Buffer.alloc(2 * 1024 * 1024);

/**
 * Writes `copy-alone.cjs` and `copy-alone.v8`, which `cli/load-copy-alone.ts` reads.
 * @param {string} built the folder with what was compiled
 */
export async function packCopy(built) {
  const file = path.join(built, 'copy-alone.cjs');
  const input = path.join(built, 'cli/copy-alone.js');
  const bundle = await rolldown({ input, platform: 'node', plugins: [slimUndici] });
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false, minify: WITHOUT_SPACE });
  // V8 keeps text of one byte per character in half the memory.
  const body = output[0].code.replace(/[\u0080-\uffff]/g, escapeCharacter);
  const source = `(function (exports, require) {${body}\n})`;
  writeFileSync(file, source);
  const script = new vm.Script(source, { filename: file });
  const packed = /** @type {{ runCopyAlone: typeof import('../../cli/copy-alone.ts').runCopyAlone }} */ ({});
  script.runInThisContext()(packed, createRequire(file));
  await copyOnce(packed.runCopyAlone);
  writeFileSync(path.join(built, 'copy-alone.v8'), script.createCachedData());
}

/**
 * What we use of undici. The whole of it brings its `fetch`, and asks for that of Node, which Node loads only then.
 * @type {import('rolldown').Plugin}
 */
const slimUndici = {
  name: 'slim-undici',
  resolveId: (id) => (id === 'undici' ? SLIM_UNDICI : undefined),
  load: (id) => (id === SLIM_UNDICI ? SLIM_UNDICI_CODE : undefined),
};
const SLIM_UNDICI = path.join(root, 'node_modules/undici/slim.cjs');
const SLIM_UNDICI_CODE = `
Object.assign(require('./lib/dispatcher/dispatcher.js').prototype, require('./lib/api/index.js'));
exports.Agent = require('./lib/dispatcher/agent.js');
exports.Pool = require('./lib/dispatcher/pool.js');
exports.ProxyAgent = require('./lib/dispatcher/proxy-agent.js');
exports.buildConnector = require('./lib/core/connect.js');
`;

/** @type {AbortSignal} */
const NEVER = AbortSignal.any([]);
const WITHOUT_SPACE = { compress: false, mangle: false, codegen: true };

/** @param {string} character */
function escapeCharacter(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * V8 keeps what ran.
 * @param {typeof import('../../cli/copy-alone.ts').runCopyAlone} run
 */
async function copyOnce(run) {
  const registry = createServer(answer);
  await new Promise((resolve) => registry.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = registry.address();
  const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  let said = '';
  const note = { write: (/** @type {string} */ text) => (said += text) };
  const terminal = {
    ...{ stdin: process.stdin, stdout: note, stderr: note, env: {}, cwd: process.cwd() },
    ...{ signal: NEVER, now: () => Date.now(), sleep: async () => undefined },
  };
  const args = ['copy', `${host}/packed/from:1`, `${host}/packed/to:1`, '--output', 'json', '--plain-http', host];
  const services = /** @type {any} */ ({});
  const status = await run(args, terminal, services).finally(() => registry.close());
  if (status !== 0) throw new Error(`pack copy: expected it to copy an image, received ${said}`);
}

const blobs = new Map([LAYER, LARGE_LAYER].map((bytes) => [digestOf(bytes), bytes]));
const layers = [...blobs].map(([digest, { length: size }]) => ({
  ...{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size },
}));
const manifest = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config: layers[0], layers: layers.slice(1) }),
);

/** @param {Buffer} bytes */
function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * A registry that holds one image in `packed/from`, and takes everything.
 * @type {import('node:http').RequestListener}
 */
function answer(request, response) {
  const { method, url = '' } = request;
  request.resume();
  request.on('end', () => {
    if (method === 'POST') response.writeHead(202, { location: '/v2/packed/to/blobs/uploads/1' }).end();
    else if (method === 'PUT') response.writeHead(201).end();
    else if (url.startsWith('/v2/packed/to/')) response.writeHead(404).end();
    else {
      const body = url.includes('/manifests/') ? manifest : blobs.get(url.slice(url.lastIndexOf('/') + 1));
      if (body === undefined) response.writeHead(404).end();
      else
        response
          .writeHead(200, { 'content-type': MANIFEST_TYPE, 'content-length': body.length })
          .end(method === 'HEAD' ? undefined : body);
    }
  });
}
