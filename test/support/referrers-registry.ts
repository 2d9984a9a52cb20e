/** A registry with the referrers API of OCI 1.1 on loopback, in memory. It is lax: not for tests of correctness. */
import { ensureParts, freePort, startProcess } from './parts/index.mjs';

export interface ReferrersRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Requests in its own words: `GET /v2/acme/web/referrers/sha256:…`, with the status where it was an error. */
  readonly requests: () => readonly string[];
  readonly stop: () => Promise<void>;
}

const REQUEST_LINE = /^([A-Z]+ \/\S*.*)$/;

/** Starts one on a free port; `stop` it after the test. */
export async function startReferrersRegistry(): Promise<ReferrersRegistry> {
  const name = 'referrers-registry';
  const program = (await ensureParts([name]))[name];
  const host = `127.0.0.1:${await freePort()}`;
  const requests: string[] = [];
  const running = await startProcess(program, [host], {
    name,
    ready: async () => (await fetch(`http://${host}/v2/`)).ok,
    onLine: (line) => {
      const [, request] = REQUEST_LINE.exec(line) ?? [];
      if (request !== undefined) requests.push(request);
    },
  });
  return { host, requests: () => [...requests], stop: () => running.stop() };
}
