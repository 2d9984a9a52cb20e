import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { BulkConnections } from '../../../activities/oci/bulk-connections.ts';
import type { BulkAnswer, BulkRequest, Take } from '../../../activities/oci/bulk-exchange.ts';
import { NotPlainError, parseHead } from '../../../activities/oci/bulk-head.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n';
const head = (text: string): ReturnType<typeof parseHead> => parseHead(Buffer.from(text, 'latin1'));

describe('parseHead', () => {
  it('reads status, headers, the length of the body and where it begins', () => {
    const read = head('HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nX:  a \r\nx:b\r\n\r\nabcde');
    expect(read).toMatchObject({ status: 206, length: 5, end: 64 });
    expect(read?.headers.get('x')).toEqual(['a', 'b']);
  });

  it.each(['', 'H', 'HTTP/1.1 ', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r'])(
    'waits for more of %j',
    (text) => {
      expect(head(text)).toBeUndefined();
    },
  );

  it.each([
    'HTTP/1.0 200 OK\r\n\r\n',
    'HTTP/2 200\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'ICY 200 OK',
    '<html>',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nupgrade: h2c\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n folded: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length : 3\r\n\r\n',
    'HTTP/1.1 200 OK\r\n: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\nx: a\nb: c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n',
    'HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n',
    `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(201)}\r\n`,
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`,
  ])('refuses %j', (text) => {
    expect(() => head(text)).toThrow(NotPlainError);
  });

  it.each([
    'content-length: 3\r\ntransfer-encoding: chunked',
    'transfer-encoding: chunked',
    'content-length: 3\r\ncontent-length: 3',
    'content-length: 3\r\ncontent-length: 4',
    'content-length: 3, 3',
    'content-length: +3',
    'content-length: 0x3',
    'content-length: -1',
    'content-length: 3e1',
    'content-length: 9999999999999999',
    'content-length:',
    'x: y',
  ])('knows no length from %j', (lines) => {
    expect(head(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`)?.length).toBeUndefined();
  });

  it('takes no other length than the one that is written, whatever else is broken (10,000 mutations)', () => {
    const good = Buffer.from(
      'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 1234\r\nConnection: close\r\n\r\n',
    );
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state % below;
    };
    for (let round = 0; round < 10_000; round++) {
      const bytes = Buffer.from(good);
      for (let changes = 1 + random(3); changes > 0; changes--) bytes[random(bytes.length)] = random(256);
      let read: ReturnType<typeof parseHead>;
      try {
        read = parseHead(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(NotPlainError);
        continue;
      }
      if (read?.length === undefined) continue;
      const text = bytes.toString('latin1').toLowerCase();
      expect(text).toMatch(new RegExp(`\\r\\ncontent-length:[\\t ]*0*${read.length}[\\t ]*\\r\\n`));
    }
  });
});

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

/** Speaks what it is told to whoever connects, piece by piece; `heard` is all that was sent to it. */
async function startServer(speak: (socket: net.Socket, round: number) => void | Promise<void>) {
  const heard: string[] = [];
  const sockets = new Set<net.Socket>();
  let round = 0;
  const server = net.createServer((socket) => {
    const index = heard.push('') - 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      heard[index] = `${heard[index] ?? ''}${piece.toString('latin1')}`;
    });
    socket.once('data', () => void speak(socket, round++));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, sockets };
}

function open(): BulkConnections {
  const connections = new BulkConnections();
  opened.push(() => connections.close());
  return connections;
}

const CONNECT = { timeout: 1000 };

function get(origin: string, more: Partial<BulkRequest> = {}): BulkRequest {
  const times = { connect: CONNECT, idleMs: 300, commitMs: 600 };
  return { method: 'GET', url: new URL(`${origin}/v2/a?b=c%2Fd`), headers: { 'x-a': 'b' }, ...times, ...more };
}

async function textOf(answer: BulkAnswer): Promise<string> {
  let text = '';
  await answer.read((piece) => void (text += Buffer.from(piece).toString('latin1')));
  return text;
}

describe('BulkConnections', () => {
  it('sends the request line, the host and the headers as they are', async () => {
    const { origin, heard } = await startServer((socket) => void socket.write(`${OK}abc`));
    expect(await textOf(await open().exchange(get(origin)))).toBe('abc');
    expect(heard).toEqual([`GET /v2/a?b=c%2Fd HTTP/1.1\r\nhost: ${new URL(origin).host}\r\nx-a: b\r\n\r\n`]);
  });

  it('reads an answer that comes byte by byte', async () => {
    const { origin } = await startServer(async (socket) => {
      for (const byte of `${OK}abc`) {
        socket.write(byte);
        await sleep(1);
      }
    });
    expect(await textOf(await open().exchange(get(origin)))).toBe('abc');
  });

  it('waits for whoever takes the pieces, and does not call that idle', async () => {
    const big = 'x'.repeat(600_000);
    const { origin } = await startServer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${big.length}\r\n\r\n${big}`);
    });
    const answer = await open().exchange(get(origin, { idleMs: 60 }));
    let [taken, isBusy] = [0, false];
    await answer.read(async (piece) => {
      expect(isBusy).toBe(false);
      isBusy = true;
      await sleep(taken === 0 ? 200 : 1);
      taken += piece.length;
      isBusy = false;
    });
    expect(taken).toBe(big.length);
  });

  it.each([
    ['more than it announced', `${OK}abcd`],
    ['a second answer behind the first', `${OK}abc${OK}abc`],
    ['a transfer encoding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\nabc'],
    ['garbage', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ])('refuses %s', async (_, text) => {
    const { origin } = await startServer((socket) => void socket.write(text));
    const read = open().exchange(get(origin)).then(textOf);
    await expect(read).rejects.toThrow(NotPlainError);
  });

  it.each(['reset', 'end'])('fails where the body breaks off by %s', async (how) => {
    const { origin } = await startServer((socket) => {
      socket.write(`${OK}a`, () => (how === 'end' ? socket.end() : setTimeout(() => socket.resetAndDestroy(), 20)));
    });
    await expect(open().exchange(get(origin)).then(textOf)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it.each(['', 'HTTP/1.1 200', OK, `${OK}a`])('gives up where nothing follows %j', async (text) => {
    const { origin } = await startServer((socket) => void socket.write(text));
    const begun = performance.now();
    await expect(open().exchange(get(origin)).then(textOf)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('gives up a head that drips', async () => {
    const { origin } = await startServer(async (socket) => {
      while (!socket.destroyed) {
        socket.write('H');
        await sleep(20);
      }
    });
    await expect(open().exchange(get(origin))).rejects.toThrow();
  });

  it('throws what the taker throws, also with the last piece, and the reason of a signal', async () => {
    const { origin } = await startServer((socket) => void socket.write(`${OK}abc`));
    const failure = new Error('enough');
    for (const take of [() => Promise.reject(failure), () => raise(failure)]) {
      const answer = await open().exchange(get(origin));
      await expect(answer.read(take)).rejects.toBe(failure);
    }
    const controller = new AbortController();
    const answer = await open().exchange(get(origin, { signal: controller.signal }));
    const reading = answer.read(() => sleep(10_000));
    controller.abort(failure);
    await expect(reading).rejects.toBe(failure);
  });

  it('uses a connection again whose body was read, and no other', async () => {
    const { origin, heard } = await startServer((socket) => {
      socket.write(`${OK}abc`);
      socket.on('data', () => void socket.write(`${OK}abc`));
    });
    const connections = open();
    for (let count = 0; count < 3; count++) expect(await textOf(await connections.exchange(get(origin)))).toBe('abc');
    expect(heard).toHaveLength(1);
    (await connections.exchange(get(origin))).close();
    await textOf(await connections.exchange(get(origin)));
    expect(heard).toHaveLength(2);
  });

  it('opens a new connection where the other side has closed the idle one', async () => {
    const { origin, sockets } = await startServer((socket) => {
      socket.write(`${OK}abc`);
      socket.on('data', () => socket.destroy());
    });
    const connections = open();
    await textOf(await connections.exchange(get(origin)));
    expect(await textOf(await connections.exchange(get(origin)))).toBe('abc');
    expect(sockets.size).toBe(2);
  });

  it('sends a body of known length, and stops where the answer comes early', async () => {
    const { origin, heard } = await startServer(async (socket, round) => {
      if (round === 0) await sleep(50);
      socket.write('HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n');
    });
    const put = (size: number): BulkRequest => ({
      ...get(origin, { method: 'PUT' }),
      body: {
        size,
        feed: async (write) => {
          for (let sent = 0; sent < size; sent += 1000) await (write(Buffer.alloc(1000, 'x')) ?? sleep(1));
        },
      },
    });
    expect((await open().exchange(put(3000))).status).toBe(201);
    expect(heard[0]).toMatch(/\r\ncontent-length: 3000\r\n\r\nx{3000}$/);
    expect((await open().exchange(put(3_000_000))).status).toBe(201);
    expect(heard[1]!.length).toBeLessThan(2_000_000);
  });

  it('fails where fewer bytes come than were announced to the other side', async () => {
    const { origin } = await startServer(() => undefined);
    const feed = async (write: Take): Promise<void> => {
      await write(Buffer.alloc(9));
    };
    const body = { size: 10, feed };
    await expect(open().exchange(get(origin, { method: 'PUT', body }))).rejects.toThrow('expected 10 bytes');
  });

  it('lets no header out that ends a line', async () => {
    const { origin, heard } = await startServer(() => undefined);
    const headers = { authorization: 'Bearer x\r\nx-evil: 1' };
    await expect(open().exchange(get(origin, { headers }))).rejects.toThrow('header');
    expect(heard.join('')).toBe('');
  });
});

function raise(error: Error): never {
  throw error;
}
