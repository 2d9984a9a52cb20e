import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProxyAgent } from 'undici';
import {
  TrustError,
  builtInLookaside,
  evaluatePolicy,
  findLookaside,
  parsePolicy,
  readLookaside,
} from '../../activities/trust/index.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import { DIGEST, LOOKASIDE_EDGES, MANIFEST, randomLookaside } from './lookaside-cases.ts';
import type { LookasideCase } from './lookaside-cases.ts';
import type { Subject, Verdict } from './subject.ts';

interface Result {
  readonly count: number;
  readonly asked: readonly Asked[];
}
interface Asked {
  readonly url: string;
  readonly authorization: string;
}

/**
 * What is asked of a signature server, with which authorization, and when reading fails as a whole. Both readers get
 * their hosts from one server that stands in for all of them, so that every URL can be asked for.
 */
export const lookaside: Subject<LookasideCase> = {
  name: 'lookaside',
  weight: 3,
  exceptions: {
    encoded: 'no encoding is asked for, and one is a way to make much out of little',
    query:
      'of bytes beyond ASCII in a query some servers make one thing, some another, and some none; they can be escaped',
    'no-host': 'without a host the path of the image would become one, and the signatures would be asked of it',
    host: 'a host name of other characters than letters, digits, dots, hyphens, underscores; others are written as xn--',
  },
  generate: (random, index) => LOOKASIDE_EDGES[index] ?? randomLookaside(random),
  ours: judge,
  question: ({ base, reference, answers }) => ({
    kind: 'lookaside',
    reference,
    manifests: [Buffer.from(MANIFEST).toString('base64')],
    registriesD: {
      'a.yaml': Buffer.from(JSON.stringify({ 'default-docker': { lookaside: base } })).toString('base64'),
    },
    answers,
  }),
  compare(ours, judges) {
    const [one, other] = [comparable(ours as Result), comparable(judges as Result)];
    return one === other ? undefined : `ours ${one.slice(0, 900)}, the judge's ${other.slice(0, 900)}`;
  },
  excuse({ base, answers }) {
    if (Object.values(answers).some(({ headers }) => headers?.['Content-Encoding'] !== undefined)) return 'encoded';
    if (/^https?:(?!\/\/[^/])/i.test(base)) return 'no-host';
    if (/\?[^#]*[^!-~]/.test(base)) return 'query';
    const host = /^http:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(base)?.[1] ?? '';
    return /^[\w.~-]*(?::\d*)?$/.test(host) ? undefined : 'host';
  },
  describe: ({ base, reference, answers }) => `${base} for ${reference} ${JSON.stringify(answers).slice(0, 500)}`,
};

/** Names of hosts have no case, and a port of 80 goes without saying. */
function comparable({ count, asked }: Result): string {
  const plain = asked.map(({ url, authorization }) => [
    url.replace(/^http:\/\/[^/?]*/, (host) => host.toLowerCase().replace(/:(?:80)?$/, '')),
    authorization,
  ]);
  return JSON.stringify({ count, asked: plain });
}

async function judge({ base, reference, answers }: LookasideCase): Promise<Verdict> {
  const asked: Asked[] = [];
  const server = await serve(answers, asked);
  const proxy = new ProxyAgent({
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    proxyTunnel: false,
  });
  try {
    const { path } = parseReference(reference);
    const config = { docker: new Map(), defaultDocker: { lookaside: base } };
    const url = findLookaside(config, parseReference(reference), 'read').url ?? builtInLookaside();
    const blobs = await readLookaside(url, path, DIGEST, { dispatcher: proxy, timeoutMs: 20_000 });
    // What a first byte says is judged where the signatures are evaluated.
    const anything = parsePolicy(Buffer.from('{"default":[{"type":"insecureAcceptAnything"}]}'), 'p');
    const image = { reference: parseReference(reference), manifestDigest: DIGEST };
    const { accepted, reason } = await evaluatePolicy(anything, image, blobs, { now: new Date() });
    if (!accepted) return { accepted, reason: 'format', message: reason };
    return { accepted: true, result: { count: blobs.filter(isSimpleSigning).length, asked } };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { accepted: false, reason: error.code, message: error.message };
  } finally {
    await proxy.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function isSimpleSigning(blob: Uint8Array): boolean {
  return !Buffer.from(blob).toString('latin1').startsWith('\0sigstore-json');
}

async function serve(answers: LookasideCase['answers'], asked: Asked[]): Promise<Server> {
  const server = createServer((request, response) => {
    const url = Buffer.from(request.url ?? '', 'latin1').toString();
    asked.push({ url, authorization: request.headers.authorization ?? '' });
    const { status, headers = {}, body = '', size = 0 } = answers[url.replace('http://', '')] ?? { status: 404 };
    response.writeHead(status, headers).end(Buffer.concat([Buffer.from(body, 'base64'), Buffer.alloc(size)]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
