/** A registry that sends more than anybody needs. */
import { gzipSync } from 'node:zlib';
import { behaviours, say } from './behaviour.ts';
import type { Answer, Behaviour, BehaviourDraft, Endpoint, Probe } from './behaviour.ts';
import { INDEX_TYPE, MANIFEST, MANIFEST_TYPE, SMALL, descriptorOf, piece } from './content.ts';

const SPACES = Buffer.alloc(64 * 1024, ' ');
const CHUNK = Buffer.concat([Buffer.from('10000\r\n'), SPACES, Buffer.from('\r\n')]);
const JSON_HEAD = 'content-type: application/json\r\n';

/** A body without end: chunked, up to the end of the connection, or of an announced petabyte. */
function endless(how: 'chunked' | 'until-close' | 'announced', status = 200, headers = JSON_HEAD): Answer {
  const framing = {
    chunked: 'transfer-encoding: chunked\r\n',
    'until-close': 'connection: close\r\n',
    announced: 'content-length: 1125899906842624\r\n',
  }[how];
  const piece = how === 'chunked' ? CHUNK : SPACES;
  return ({ pour }) => pour(`HTTP/1.1 ${status} Said\r\n${headers}${framing}\r\n`, piece);
}

const MANIFEST_HEAD = `content-type: ${MANIFEST_TYPE}\r\n`;
const INDEX_HEAD = `content-type: ${INDEX_TYPE}\r\n`;

function flood(
  name: string,
  probe: Probe,
  at: Endpoint,
  answer: Answer,
  more: Partial<Behaviour> = {},
): BehaviourDraft {
  return {
    name: `endless-${name}`,
    does: `answers ${at} with a body without end (${name})`,
    probes: [probe],
    at: [at],
    answer,
    // A slow machine needs seconds for a limit in MiB; that a flood ends by its size is what is tested.
    timeoutMs: 15_000,
    ...more,
  };
}

const ENDLESS: readonly BehaviourDraft[] = [
  flood('manifest', 'manifest', 'manifest', endless('chunked', 200, MANIFEST_HEAD)),
  flood('manifest-until-close', 'manifest', 'manifest', endless('until-close', 200, MANIFEST_HEAD)),
  flood('manifest-announced', 'manifest', 'manifest', endless('announced', 200, MANIFEST_HEAD)),
  flood('manifest-by-digest', 'manifest-by-digest', 'manifest', endless('chunked', 200, MANIFEST_HEAD)),
  flood('referrers', 'referrers', 'referrers', endless('chunked', 200, INDEX_HEAD)),
  flood('blob', 'blob', 'blob', endless('chunked'), { expect: ['content-mismatch'] }),
  flood('blob-announced', 'blob', 'blob', endless('announced'), { expect: ['content-mismatch'] }),
  flood('bulk-blob', 'bulk-blob', 'blob', endless('chunked'), { expect: ['content-mismatch'] }),
  flood('bulk-blob-announced', 'bulk-blob', 'blob', endless('announced'), { expect: ['content-mismatch'] }),
  flood('signatures', 'signatures', 'signatures', endless('chunked'), { expect: ['registry-refused'] }),
  flood('lookaside', 'lookaside', 'lookaside', endless('chunked'), { expect: ['served-wrong'] }),
  flood('token', 'manifest', 'token', endless('chunked'), { auth: 'bearer', expect: ['registry-refused'] }),
  flood('token-announced', 'manifest', 'token', endless('announced'), { auth: 'bearer', expect: ['registry-refused'] }),
  flood('token-error', 'manifest', 'token', endless('chunked', 403), { auth: 'bearer', expect: ['access-denied'] }),
  flood('error', 'manifest', 'manifest', endless('chunked', 400), { expect: ['registry-refused'] }),
  flood('denial', 'manifest', 'manifest', endless('chunked', 403), { expect: ['access-denied'] }),
  flood('not-found', 'manifest', 'manifest', endless('chunked', 404), { expect: ['image-unknown'] }),
  flood('redirect', 'manifest', 'manifest', endless('chunked', 302, 'location: /v2/x/nowhere\r\n'), {
    expect: ['registry-refused', 'image-unknown'],
  }),
  flood('upload-opened', 'upload', 'open-upload', endless('chunked', 202, 'location: /v2/x/blobs/uploads/1\r\n'), {
    expect: ['success'],
  }),
  flood('upload-done', 'upload', 'upload', endless('chunked', 201), { expect: ['success'] }),
  flood('bulk-upload-done', 'bulk-upload', 'upload', endless('announced', 201), {
    expect: ['success', 'registry-unavailable'],
  }),
  flood('put-manifest', 'put-manifest', 'put-manifest', endless('chunked', 201), { expect: ['success'] }),
  flood('delete', 'delete-tag', 'delete-manifest', endless('chunked', 202), { expect: ['success'] }),
  flood('has-blob', 'has-blob', 'blob', endless('announced', 404), {
    expect: ['success', 'absent', 'registry-unavailable'],
  }),
];

const referrersPage = JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [] });
const manyReferrers = JSON.stringify({
  schemaVersion: 2,
  mediaType: INDEX_TYPE,
  manifests: Array.from({ length: 5000 }, (_, at) => descriptorOf(piece(String(at), MANIFEST_TYPE))),
});

const LISTS: readonly BehaviourDraft[] = [
  {
    name: 'referrer-pages-without-end',
    does: 'has a next page of referrers behind every page',
    probes: ['referrers'],
    at: ['referrers'],
    answer: ({ request, reply }) =>
      reply(
        200,
        { 'content-type': INDEX_TYPE, link: `<${request.target.split('?')[0] ?? ''}?n=${Math.random()}>; rel="next"` },
        referrersPage,
      ),
  },
  {
    name: 'referrer-page-elsewhere',
    does: 'has the next page of referrers at another host',
    probes: ['referrers'],
    at: ['referrers'],
    answer: ({ reply }, { stage }) =>
      reply(
        200,
        { 'content-type': INDEX_TYPE, link: `<https://${stage.attacker.host}/next>; rel="next"` },
        referrersPage,
      ),
    expect: ['registry-refused'],
    threat: 'redirect',
  },
  {
    name: 'referrers-thousands',
    does: 'lists 5,000 referrers',
    probes: ['referrers'],
    at: ['referrers'],
    answer: say(200, { 'content-type': INDEX_TYPE }, manyReferrers),
  },
  {
    name: 'huge-blob-length',
    does: 'says to HEAD that a blob has a petabyte',
    probes: ['has-blob'],
    at: ['blob'],
    answer: say(200, { 'content-length': '1125899906842624' }),
    expect: ['content-mismatch'],
  },
  {
    name: 'more-than-asked',
    does: 'answers a request for a blob with one byte more',
    probes: ['blob'],
    at: ['blob'],
    answer: ({ reply }) => reply(200, {}, Buffer.concat([SMALL.bytes, Buffer.alloc(1)])),
    expect: ['content-mismatch'],
  },
  {
    name: 'less-than-asked',
    does: 'answers a request for a blob with one byte less',
    probes: ['blob'],
    at: ['blob'],
    answer: ({ reply }) => reply(200, {}, SMALL.bytes.subarray(1)),
    expect: ['content-mismatch'],
  },
];

const FLOOD_OF_SIGNATURES: readonly BehaviourDraft[] = [
  {
    name: 'signatures-without-end',
    does: 'has a signature under every number',
    probes: ['lookaside'],
    at: ['lookaside'],
    answer: say(200, {}, 'signature'),
    auth: 'none',
  },
];

const ENCODED: readonly BehaviourDraft[] = [
  ...(
    [
      ['manifest', 'manifest', 'manifest', MANIFEST.bytes],
      ['blob', 'blob', 'blob', SMALL.bytes],
      ['referrers', 'referrers', 'referrers', Buffer.from(referrersPage)],
      ['signatures', 'signatures', 'signatures', Buffer.from('{"signatures":[]}')],
    ] as const
  ).map(([name, probe, at, bytes]): BehaviourDraft => ({
    name: `gzip-${name}`,
    does: `answers ${at} compressed, which nobody asked for`,
    probes: [probe],
    at: [at],
    answer: say(
      200,
      { 'content-type': at === 'referrers' ? INDEX_TYPE : MANIFEST_TYPE, 'content-encoding': 'gzip' },
      gzipSync(bytes),
    ),
  })),
  {
    name: 'gzip-lookaside',
    does: 'answers a request for a signature compressed',
    probes: ['lookaside'],
    at: ['lookaside'],
    answer: say(200, { 'content-encoding': 'gzip' }, gzipSync('signature')),
    expect: ['served-wrong'],
  },
  {
    name: 'encoding-bomb',
    does: 'answers a manifest of 100 MB in 100 kB',
    probes: ['manifest'],
    at: ['manifest'],
    answer: (exchange) => exchange.reply(200, { 'content-type': MANIFEST_TYPE, 'content-encoding': 'gzip' }, bomb()),
  },
  {
    name: 'encoding-chain',
    does: 'says that a manifest was encoded 1,500 times',
    probes: ['manifest'],
    at: ['manifest'],
    answer: say(
      200,
      { 'content-type': MANIFEST_TYPE, 'content-encoding': Array(1500).fill('gzip').join(',') },
      MANIFEST.bytes,
    ),
    expect: ['registry-refused', 'registry-unavailable'],
  },
  {
    name: 'encoding-identity-then-gzip',
    does: 'names identity in one header line and gzip in the next',
    probes: ['manifest'],
    at: ['manifest'],
    answer: say(
      200,
      { 'content-type': MANIFEST_TYPE, 'content-encoding': ['identity', 'gzip'] },
      gzipSync(MANIFEST.bytes),
    ),
    expect: ['registry-refused', 'manifest-unsupported'],
  },
];

let made: Buffer | undefined;

function bomb(): Buffer {
  made ??= gzipSync(Buffer.alloc(100_000_000, ' '));
  return made;
}

export const FLOODS: readonly Behaviour[] = [
  ...behaviours(
    {
      threat: 'too-much',
      sound: 'stops reading at its limit, within two seconds and 32 MiB',
      expect: ['manifest-unsupported'],
    },
    [...ENDLESS, ...LISTS],
  ),
  ...behaviours({ threat: 'signature-flood', sound: 'stops at 128', expect: ['served-wrong'] }, FLOOD_OF_SIGNATURES),
  ...behaviours(
    { threat: 'encoding', sound: 'refuses what it did not ask for', expect: ['registry-refused'] },
    ENCODED,
  ),
];
