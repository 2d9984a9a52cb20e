import { describe, expect, it } from 'vitest';
import { BlobCache, createBlobLoader } from '../../../activities/signature-server/blob-loader.ts';
import { parseListing } from '../../../activities/signature-server/snapshot.ts';

describe('BlobCache', () => {
  it('drops what was not used for longest when it is full', () => {
    const cache = new BlobCache(10);
    cache.set('a', Buffer.alloc(4));
    cache.set('b', Buffer.alloc(4));
    cache.get('a');
    cache.set('c', Buffer.alloc(4));
    expect(['a', 'b', 'c'].map((id) => cache.get(id) !== undefined)).toEqual([true, false, true]);
  });

  it('keeps nothing larger than itself, and counts a blob once', () => {
    const cache = new BlobCache(10);
    cache.set('large', Buffer.alloc(11));
    expect(cache.get('large')).toBeUndefined();
    for (let again = 0; again < 5; again++) cache.set('a', Buffer.alloc(4));
    cache.set('b', Buffer.alloc(4));
    expect(cache.get('a')).toBeDefined();
  });
});

describe('createBlobLoader', () => {
  const answering = (answer: (id: string) => string) => {
    const inputs: string[][] = [];
    let at = 0;
    let most = 0;
    const local = async ({ input = '' }: { readonly input?: Uint8Array | string }): Promise<Buffer> => {
      const ids = String(input).trim().split('\n');
      inputs.push(ids);
      most = Math.max(most, (at += 1));
      await new Promise((resolve) => setImmediate(resolve));
      at -= 1;
      return Buffer.from(ids.map(answer).join(''));
    };
    return { access: { local }, inputs, most: () => most };
  };
  const blob = (id: string): string => `${id} blob 3\n${id}-1\n`;

  it('asks for everything wanted meanwhile in one run, and for a blob once', async () => {
    const { access, inputs, most } = answering(blob);
    const load = createBlobLoader(access, new BlobCache(1000));
    const wanted = ['a', 'b', 'c', 'b', 'a'];
    const loaded = await Promise.all(wanted.map((id) => load({ id, size: 3 })));
    expect(loaded.map(String)).toEqual(wanted.map((id) => `${id}-1`));
    expect(inputs).toEqual([['a'], ['b', 'c', 'a']]);
    expect(inputs).toHaveLength(2);
    expect(most()).toBe(1);
    expect(String(await load({ id: 'c', size: 3 }))).toBe('c-1');
    expect(inputs).toHaveLength(2);
  });

  it.each([
    ['a missing blob', () => 'a missing\n'],
    ['another size', () => 'a blob 4\nabcd\n'],
    ['another blob', () => 'b blob 3\nabc\n'],
    ['a tree', () => 'a tree 3\nabc\n'],
    ['an answer that is cut off', () => 'a blob 3\nab'],
    ['no answer', () => ''],
  ])('refuses %s, and goes on', async (_name, answer) => {
    let broken = true;
    const { access } = answering((id) => (broken ? answer() : blob(id)));
    const load = createBlobLoader(access, new BlobCache(1000));
    await expect(load({ id: 'a', size: 3 })).rejects.toThrow(/blob a/);
    broken = false;
    expect(String(await load({ id: 'a', size: 3 }))).toBe('a-1');
  });
});

describe('parseListing', () => {
  const id = '1'.repeat(40);

  it('keeps regular files with their bytes for a name', () => {
    const listing = Buffer.concat([
      Buffer.from(`100644 blob ${id}      12\ta\tb\n\0`),
      Buffer.from(
        `120000 blob ${id}       3\tlink\x00160000 commit ${id}       -\tmodule\x00100755 blob ${id}       0\t`,
      ),
      Buffer.from([0xff, 0x40, 0]),
    ]);
    expect([...parseListing(listing)]).toEqual([
      ['a\tb\n', { id, size: 12 }],
      ['\xff@', { id, size: 0 }],
    ]);
    expect(parseListing(Buffer.alloc(0)).size).toBe(0);
  });

  it.each([`100644 blob ${id} 12\ta`, `100644 blob ${id} 12 a\0`, `100644 blob ${id} -\ta\0`])(
    'refuses the listing %j',
    (listing) => {
      expect(() => parseListing(Buffer.from(listing))).toThrow(/tree listing/);
    },
  );
});
