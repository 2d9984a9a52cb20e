/**
 * The raw data path: one HTTP/1.1 exchange over a socket of our own, for bodies of known length alone. Bytes are read
 * into one buffer per connection and handed on before it is used again, which costs a third of what streams cost
 * (`npm run bench -- copy`). It understands plain answers and nothing else; whoever calls falls back to undici.
 */
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { NotPlainError, parseHead } from './bulk-head.ts';
import type { PlainHead } from './bulk-head.ts';
import { openBulkSocket } from './bulk-socket.ts';

/** Takes a piece of a body. The piece is valid until the promise, if there is one, has settled. */
export type Take = (piece: Uint8Array) => Promise<void> | undefined;

export interface BulkRequest {
  readonly method: 'GET' | 'PUT' | 'PATCH';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Exactly `size` bytes, which `feed` hands to `write` one piece after the other. */
  readonly body?: { readonly size: number; readonly feed: (write: Take) => Promise<void> };
  /** What `net.connect` or `tls.connect` are told beside host and port; the same object for the same kind of connection. */
  readonly connect: ConnectionOptions & { readonly timeout: number };
  /** Idle time, in milliseconds; `commitMs` once the whole body has been sent. */
  readonly idleMs: number;
  readonly commitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface BulkAnswer extends Pick<PlainHead, 'status' | 'headers'> {
  readonly length: number;
  /** Hands the body on, once. */
  readonly read: (take: Take) => Promise<void>;
  /** Ends the connection, unless the body was read. */
  readonly close: () => void;
}

/** The answer came before the whole body was sent: there is no use in sending the rest. */
class AnsweredEarlyError extends Error {}

/** One socket, used for one exchange after the other. */
export class BulkConnection {
  readonly socket: Socket;
  #heard = Buffer.alloc(0);
  #head: PlainHead | undefined;
  #left = 0;
  #take: Take | undefined;
  /** Whether the other side is not to blame for the silence: a reader waits for its writer, or a writer for its reader. */
  #isHeld = false;
  #isReady = false;
  #isReusable = true;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor({ url, connect }: Pick<BulkRequest, 'url' | 'connect'>) {
    this.socket = openBulkSocket(url, connect, (bytes) => this.#receive(bytes));
    this.socket.setTimeout(connect.timeout);
    this.socket.on('timeout', () => {
      if (!this.#isHeld) this.end(networkError('ETIMEDOUT', 'nothing heard'));
    });
    this.socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      this.#isReady = true;
      this.#wake();
    });
    this.socket.on('error', (error) => this.end(error));
    this.socket.on('close', () => this.end(networkError('ECONNRESET', 'the other side closed the connection')));
  }

  /** Whether anything came back in the current exchange. */
  get hasHeard(): boolean {
    return this.#heard.length > 0;
  }

  /** Ends the connection; what is going on fails with `error`. */
  end(error: unknown): void {
    this.#failure ??= { error };
    this.socket.destroy();
    this.#wake();
  }

  /**
   * Sends a request and returns when the head of the answer is there. The connection must be idle.
   * @param onIdle is called when it is idle again, which it may never be.
   * @throws NotPlainError, network errors as they are, the reason of an aborted signal; the connection has ended then.
   */
  async exchange(request: BulkRequest, onIdle: () => void): Promise<BulkAnswer> {
    const { signal, body } = request;
    const abort = (): void => this.end(signal?.reason);
    let isSettled = false;
    const settle = (): void => {
      if (isSettled) return;
      isSettled = true;
      signal?.removeEventListener('abort', abort);
      if (this.#failure === undefined && this.#isReusable && !this.#head?.headers.has('connection')) onIdle();
    };
    let deadline: NodeJS.Timeout | undefined;
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', abort, { once: true });
      [this.#heard, this.#head] = [Buffer.alloc(0), undefined];
      await this.#until(() => this.#isReady);
      await this.#send(request);
      // The rest is up to the other side: what drips in is no sign of life.
      const waitMs = body === undefined ? request.idleMs : request.commitMs;
      deadline = setTimeout(() => this.end(networkError('ETIMEDOUT', 'no answer')), waitMs);
      await this.#until(() => this.#head !== undefined);
      return this.#answer(request, settle);
    } catch (error) {
      this.end(error);
      settle();
      throw this.#failure?.error ?? error;
    } finally {
      clearTimeout(deadline);
    }
  }

  async #send({ method, url, headers, body, idleMs }: BulkRequest): Promise<void> {
    const length = body === undefined ? {} : { 'content-length': String(body.size) };
    const fields = Object.entries({ host: url.host, ...headers, ...length });
    if (fields.some(([name, value]) => /[^\t\x20-\x7e\x80-\xff]/.test(name + value)))
      throw new Error('header with control characters');
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.socket.setTimeout(idleMs);
    this.socket.write(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines}\r\n`, 'latin1');
    if (body === undefined) return;
    let left = body.size;
    this.#isHeld = true;
    try {
      await body.feed((piece) => {
        left -= piece.length;
        return this.#write(piece);
      });
    } catch (error) {
      if (!(error instanceof AnsweredEarlyError)) throw error;
      this.#isReusable = false;
    } finally {
      this.#isHeld = false;
    }
    if (left !== 0 && this.#isReusable)
      throw new Error(`expected ${body.size} bytes to send, received ${body.size - left}`);
  }

  /** Where the system took all of a piece at once, its bytes are free again and there is nothing to wait for. */
  #write(piece: Uint8Array): Promise<void> | undefined {
    if (this.#head !== undefined) throw new AnsweredEarlyError();
    if (this.#failure !== undefined) throw this.#failure.error as Error;
    this.socket.write(piece, () => this.#wake());
    return this.socket.writableLength === 0 ? undefined : this.#flush();
  }

  async #flush(): Promise<void> {
    this.#isHeld = false;
    await this.#until(() => this.socket.writableLength === 0 || this.#head !== undefined);
    this.#isHeld = true;
    if (this.#head !== undefined) throw new AnsweredEarlyError();
  }

  #answer({ body }: BulkRequest, settle: () => void): BulkAnswer {
    if (this.#head === undefined) throw new Error('expected the head of an answer');
    const { status, headers, end, length: plain } = this.#head;
    if (plain === undefined && body === undefined) throw new NotPlainError('no single content length');
    // Of the answer to an upload the head is what counts; where its end is unclear, the connection is of no more use.
    if (plain === undefined) this.end(networkError('ECONNABORTED', 'no single content length'));
    const length = plain ?? 0;
    const rest = plain === undefined ? new Uint8Array(0) : this.#heard.subarray(end);
    const isDone = (): boolean => this.#left === 0;
    this.#left = length;
    if (rest.length > length) throw new NotPlainError('more bytes than it announced');
    if (length === 0) settle();
    return {
      status,
      headers,
      length,
      read: async (take) => {
        this.#take = take;
        try {
          if (rest.length === 0 || this.#deliver(rest)) this.socket.resume();
          await this.#until(isDone);
        } catch (error) {
          this.end(error);
          throw error;
        } finally {
          settle();
        }
      },
      close: () => {
        if (!isDone()) this.end(networkError('ECONNABORTED', 'given up'));
        settle();
      },
    };
  }

  /** Returns whether to go on reading. */
  #receive(bytes: Buffer): boolean {
    try {
      if (this.#head !== undefined) return this.#deliver(bytes);
      this.#heard = Buffer.concat([this.#heard, bytes]);
      this.#head = parseHead(this.#heard);
      if (this.#head !== undefined) this.#wake();
      return this.#head === undefined;
    } catch (error) {
      this.end(error);
      return false;
    }
  }

  /** What was not taken counts as not received: a body is through when all of it was taken. */
  #deliver(bytes: Uint8Array): boolean {
    if (bytes.length > this.#left) throw new NotPlainError('more bytes than it announced');
    const waits = this.#take?.(bytes);
    if (waits === undefined) {
      this.#left -= bytes.length;
      if (this.#left === 0) this.#wake();
      return true;
    }
    this.#isHeld = true;
    waits.then(
      () => {
        this.#left -= bytes.length;
        this.#isHeld = false;
        this.socket.resume();
        this.#wake();
      },
      (error: unknown) => this.end(error),
    );
    return false;
  }

  /** There is one who waits at a time: what is sent is sent before the answer is read. */
  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.#failure !== undefined) throw this.#failure.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function networkError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
