import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inOrder } from '../../cli/batch/in-order.ts';
import { textInputs } from '../../cli/batch/inputs.ts';
import { readLines } from '../../cli/batch/read-lines.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { fakeTerminal } from './fake-terminal.ts';
import type { FakeTerminalOptions } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

async function* chunksOf(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function all<Item>(source: AsyncIterable<Item>): Promise<readonly Item[]> {
  const items: Item[] = [];
  for await (const item of source) items.push(item);
  return items;
}

interface Line {
  readonly input: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

async function run(args: readonly string[], options: FakeTerminalOptions = {}) {
  const terminal = fakeTerminal(options);
  const code = await runFake(args, { terminal });
  const lines = terminal.out().split('\n').slice(0, -1);
  return { code, lines, json: () => lines.map((line) => JSON.parse(line) as Line), err: terminal.err() };
}

describe('readLines', () => {
  const read = (limit: number, ...chunks: (string | Uint8Array)[]) => all(readLines(chunksOf(...chunks), { limit }));

  it('joins what comes in pieces, also in the middle of a character', async () => {
    const bytes = Buffer.from('grün\nblau');
    expect(await read(100, bytes.subarray(0, 3), bytes.subarray(3), '\nro', 't\r\n')).toEqual(
      ['grün', 'blau', 'rot'].map((text) => ({ text })),
    );
  });

  it('keeps blank lines and ends without a last line feed', async () => {
    expect(await read(100, 'a\n\n b \n')).toEqual(['a', '', ' b '].map((text) => ({ text })));
  });

  it('reports a line that is too long, and reads the next one', async () => {
    const [long, next] = await read(10, 'x'.repeat(8), 'x'.repeat(8), 'x'.repeat(1000), '\nshort\n');
    expect(long).toEqual({ cut: 'x'.repeat(16) });
    expect(next).toEqual({ text: 'short' });
  });
});

describe('inOrder', () => {
  it('keeps the order and the limit', async () => {
    let running = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      most = Math.max(most, ++running);
      await sleep(item % 3);
      running -= 1;
      return item;
    };
    const items = Array.from({ length: 50 }, (_, index) => index);
    async function* source(): AsyncGenerator<number> {
      for (const item of items) yield await Promise.resolve(item);
    }
    expect(await all(inOrder(source(), { concurrency: 4, work }))).toEqual(items);
    expect(most).toBe(4);
  });

  it('gives an answer while the source waits for it', async () => {
    let hear: (text: string) => void = () => undefined;
    async function* conversation(): AsyncGenerator<string> {
      for (const question of ['one', 'two']) {
        const heard = new Promise<string>((resolve) => (hear = resolve));
        yield question;
        expect(await heard).toBe(question);
      }
    }
    for await (const answer of inOrder(conversation(), { concurrency: 8, work: (item) => Promise.resolve(item) })) {
      hear(answer);
    }
  });

  it('passes an error on', async () => {
    const work = (item: string): Promise<string> => Promise.reject(new Error(`no ${item}`));
    await expect(all(inOrder(textInputsOf('a', 'b'), { concurrency: 2, work }))).rejects.toThrow('no a');
  });

  async function* textInputsOf(...items: string[]): AsyncGenerator<string> {
    for (const item of items) yield await Promise.resolve(item);
  }
});

describe('several inputs in one process', () => {
  it('answers ten thousand lines in their order', async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `registry.example.com/acme/app${index}:1`);
    const { code, json } = await run(['reference', 'parse', '-'], { input: names.join('\n') });
    expect(code).toBe(EXIT.success);
    expect(json().map(({ input }) => input)).toEqual(names);
  });

  it('tells what is wrong with a line in its place, and goes on', async () => {
    const { code, json } = await run(['reference', 'parse', '-'], { input: 'busybox\nBAD\n\n"\\u0000"\n"half\nb' });
    expect(code).toBe(EXIT.usage);
    expect(json().map(({ input, error }) => [input, error?.code])).toEqual([
      ['busybox', undefined],
      ['BAD', 'reference-invalid'],
      ['', 'reference-invalid'],
      ['\u0000', 'reference-invalid'],
      ['"half', 'usage'],
      ['b', undefined],
    ]);
  });

  it('ends with 1 where the reasons differ', async () => {
    const args = ['reference', 'compare', '-'];
    const input = '{"image":"NO","signed":"x"}\n{"image":"a.io/x:1","signed":"a.io/x:2"}\n';
    expect(await run(args, { input })).toMatchObject({ code: EXIT.failure });
  });

  it('writes JSON for programs, text for a terminal, and what was asked for', async () => {
    const two = ['reference', 'parse', 'a', 'b'];
    expect((await run(two)).json()).toHaveLength(2);
    expect((await run(two, { isTTY: true })).lines[0]).toBe('docker.io/library/a');
    expect((await run([...two, '--output', 'text'])).lines[0]).toBe('docker.io/library/a');
    expect((await run(['reference', 'parse', 'a'])).lines[0]).toBe('docker.io/library/a');
    expect((await run(['reference', 'parse', 'a', '--output', 'json'])).json()).toHaveLength(1);
  });

  it('names a single wrong input on standard error', async () => {
    expect(await run(['reference', 'parse', 'BAD'])).toMatchObject({
      code: EXIT.usage,
      lines: [],
      err: expect.stringContaining('must be lower case'),
    });
  });

  it('reads standard input once', async () => {
    await expect(all(textInputs(['-', '-'], chunksOf('a'), { blankLines: 'skip' }))).rejects.toThrow('once only');
  });
});

describe('countersign reference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox', 'busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/a/b:1', 'docker.io/a/b:1', 'a/b:1', 'docker.io/a/b:1'],
    ['docker.io/library/a/b', 'docker.io/library/a/b', 'library/a/b', 'docker.io/library/a/b:latest'],
    ['localhost:5000/x:1', 'localhost:5000/x:1', 'localhost:5000/x:1', 'localhost:5000/x:1'],
  ])('parses %s', async (text, reference, familiar, pull) => {
    const { json } = await run(['reference', 'parse', text, '--output', 'json']);
    expect(json()[0]).toMatchObject({ input: text, reference, familiar, pull });
  });

  it('knows that registries refuse a tag and a digest together', async () => {
    const text = `quay.io/a/b:1@sha256:${'0'.repeat(64)}`;
    const { json } = await run(['reference', 'parse', text, '--output', 'json']);
    expect(json()[0]).toMatchObject({ tag: '1', digest: `sha256:${'0'.repeat(64)}`, pull: null });
  });

  it.each([
    [{ type: 'matchRepository' }, 'a.io/x:2', true],
    [{ type: 'exactReference', dockerReference: 'b.io/y:3' }, 'b.io/y:3', true],
    [{ type: 'exactRepository', dockerRepository: 'b.io/y' }, 'b.io/y:3', true],
    [{ type: 'remapIdentity', prefix: 'a.io', signedPrefix: 'b.io' }, 'b.io/x:1', true],
    [{ type: 'matchExact' }, 'a.io/x:2', false],
  ])('compares by %j', async (identity, signed, matches) => {
    const input = JSON.stringify({ id: 7, image: 'a.io/x:1', signed, identity });
    const { code, json } = await run(['reference', 'compare', '-'], { input });
    expect(code).toBe(matches ? EXIT.success : EXIT.failure);
    expect(json()[0]).toMatchObject({ input: { id: 7 }, matches: { [identity.type]: matches } });
  });

  it.each([
    ['{"image":"a","signed":"b","identity":{"type":"none"}}', 'identity'],
    ['{"image":"a"}', 'expected image and signed'],
    ['{"image":"a","signed":"b","extra":1}', 'unknown member "extra"'],
    ['[1]', 'expected one JSON object'],
  ])('refuses the line %s', async (input, message) => {
    const { json } = await run(['reference', 'compare', '-'], { input });
    expect(json()[0]?.error?.message).toContain(message);
  });
});
