import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Confirmation } from '../../cli/confirmation/confirm-image.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import type { FakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';
import { startManifestRegistry } from './manifest-registry.ts';
import type { ManifestRegistry } from './manifest-registry.ts';

const folder = useTempFolder();
let registry: ManifestRegistry;
let servers: { readonly server: Server; readonly host: string; serves: string | undefined }[];
/** Called before every request. */
let onRequest: (count: number) => void;
let minutes = 0;

async function startServer(): Promise<void> {
  const one = { serves: 'out' as string | undefined, host: '', server: createServer() };
  let count = 0;
  one.server.on('request', (request, response) => {
    onRequest(++count);
    const file = folder.join(one.serves ?? 'nothing', decodeURIComponent(request.url ?? '').replace('/images/', ''));
    readFile(file).then(
      (bytes) => response.writeHead(200).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => one.server.listen(0, '127.0.0.1', resolve));
  one.host = `127.0.0.1:${(one.server.address() as AddressInfo).port}`;
  servers.push(one);
}

function terminalOf(): FakeTerminal {
  const env = { HOME: folder.path, PATH: process.env['PATH'] ?? '' };
  return fakeTerminal({ cwd: folder.path, env, now: Date.now() + 1000 + 60_000 * minutes });
}

async function run(args: readonly string[], terminal = terminalOf()) {
  const code = await runFake(args, { terminal });
  return { code, out: terminal.out(), err: terminal.err() };
}

const image = () => `${registry.host}/acme/web:1`;
const sign = (directory = 'out', key = 'prod') =>
  run(['sign', image(), '--key', `${key}/signing-key.asc`, '--output-dir', directory]);
async function confirm(more: readonly string[] = [], terminal = terminalOf()) {
  const [front, ...replicas] = servers.map(({ host }) => host);
  const place = [
    '--served-at',
    `http://${front ?? ''}/images`,
    '--replica',
    ...replicas,
    '--key',
    'prod/public-key.asc',
  ];
  const { code, out, err } = await run(['confirm', image(), ...place, '-o', 'json', ...more], terminal);
  return { code, err, answer: (out === '' ? {} : JSON.parse(out)) as Confirmation };
}

beforeEach(async () => {
  minutes = 0;
  servers = [];
  onRequest = () => undefined;
  registry = await startManifestRegistry();
  for (let count = 0; count < 3; count++) await startServer();
  for (const name of ['prod', 'other']) {
    await run(['keys', 'generate', '--user', `${name} <${name}@example.com>`, '--type', 'ed25519', '--out', name]);
  }
  await sign();
});
afterEach(async () => {
  await registry.close();
  for (const { server } of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('countersign confirm', () => {
  it.each([[[]], [['--signatures', 'out']]])(
    'accepts what every server serves, at the first look (%j)',
    async (more) => {
      const { code, err, answer } = await confirm(more);
      expect({ code, err }).toEqual({ code: EXIT.success, err: '' });
      expect(answer).toEqual({
        ...{ image: image(), digest: registry.index, servedAt: `http://${servers[0]?.host ?? ''}/images` },
        replicas: [servers[1]?.host, servers[2]?.host].sort(),
        ...{ accepted: true, reason: 'served by all, and accepted on every platform', waitedMs: 0, attempts: 1 },
      });
    },
  );

  it('waits for the replica that comes last, and names it', async () => {
    const [, , late] = servers;
    if (late === undefined) throw new Error('no server');
    late.serves = undefined;
    let looks = 0;
    const terminal = terminalOf();
    const sleeping = {
      ...terminal,
      sleep: async (ms: number) => {
        if (++looks === 3) late.serves = 'out';
        await terminal.sleep(ms);
      },
    };
    const { code, err, answer } = await confirm([], sleeping);
    expect({ code, attempts: answer.attempts, waitedMs: answer.waitedMs }).toEqual({
      ...{ code: EXIT.success, attempts: 4 },
      waitedMs: 1000 + 1500 + 2250,
    });
    // Said once, not at every look.
    expect(err.match(new RegExp(late.host, 'g'))).toHaveLength(1);
    expect(err).toContain('1 of 3 servers asked do not serve them');
  });

  it('ends with 9 where nothing is served in time, and looks once with 0', async () => {
    for (const one of servers) one.serves = undefined;
    const { code, answer } = await confirm(['--within', '5 minutes']);
    expect(code).toBe(EXIT.unfinished);
    expect(answer).toMatchObject({ accepted: false, waitedMs: 300_000 });
    expect(answer.reason).toMatch(/serves no signature of sha256:/);
    const once = await confirm(['--within', '0']);
    expect(once).toMatchObject({ code: EXIT.unfinished, answer: { attempts: 1, waitedMs: 0 } });
  });

  it('ends with 9 where a replica is out of reach, and when it is interrupted', async () => {
    servers[2]?.server.closeAllConnections();
    await new Promise((resolve) => servers[2]?.server.close(resolve));
    expect((await confirm(['--within', '3s'])).code).toBe(EXIT.unfinished);
    const terminal = terminalOf();
    onRequest = () => terminal.abort();
    expect((await confirm([], terminal)).code).toBe(EXIT.unfinished);
  });

  it('ends with 1 where what is served stays that of another key, when the time is over', async () => {
    await rm(folder.join('out'), { recursive: true });
    await sign('out', 'other');
    const { code, answer } = await confirm(['--within', '1 minute']);
    expect(code).toBe(EXIT.failure);
    expect(answer.reason).toContain('none of them by one of the keys for this reference');
    expect(answer.waitedMs).toBe(60_000);
  });

  it('is refused at once where the given signatures are those of another key', async () => {
    await sign('wrong', 'other');
    const { code, answer } = await confirm(['--signatures', 'wrong']);
    expect(code).toBe(EXIT.failure);
    expect(answer).toMatchObject({ accepted: false, attempts: 0, waitedMs: 0 });
    expect(answer.reason).toContain('not in the key ring');
  });

  it('waits for those of the directory although others of another key are served', async () => {
    await sign('wrong', 'other');
    for (const one of servers) one.serves = 'wrong';
    const { code, answer } = await confirm(['--signatures', 'out', '--within', '2s']);
    expect(code).toBe(EXIT.unfinished);
    expect(answer.reason).toContain('does not serve the given signature of');
  });

  it('takes an equal signature that was published before for the given one', async () => {
    minutes = 5;
    await sign('later');
    const { code } = await confirm(['--signatures', 'later']);
    expect(code).toBe(EXIT.success);
  });

  it.each([
    [['--within', 'soon'], EXIT.usage, 'expected a duration'],
    [['--replica', 'x'], EXIT.usage, 'expected [http://|https://]HOST:PORT'],
    [['--environment', 'prod'], EXIT.usage, 'expected no further option'],
    [['--signatures', 'none'], EXIT.usage, 'ENOENT'],
    [['--signatures', 'prod'], EXIT.notFound, 'there is no signature of'],
  ] as const)('refuses %j', async (more, code, why) => {
    expect(await confirm(more)).toMatchObject({ code, err: expect.stringContaining(why) as string });
  });

  it('ends with 10 where there is no such image', async () => {
    const place = ['--served-at', 'http://127.0.0.1:1/images', '--key', 'prod/public-key.asc'];
    expect((await run(['confirm', `${registry.host}/acme/web:2`, ...place])).code).toBe(EXIT.notFound);
    expect((await run(['confirm', `${registry.host}/acme/web`, ...place])).err).toContain('expected a tag');
  });
});
