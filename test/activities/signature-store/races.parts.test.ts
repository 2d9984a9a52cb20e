import { afterEach, describe, expect, it, vi } from 'vitest';
import { digestOf, numbered, PATH, pathOf, publishInput, recordOf, signature, useStores } from './store-fixture.ts';

const stores = useStores();
const count = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);
const ascending = (one: number, other: number): number => one - other;

describe('concurrent calls of publish', () => {
  it('share few pushes, with one commit and one number for each', async () => {
    const store = await stores.open();
    const results = await Promise.all(count(12).map((number) => store.publish(numbered(number))));
    expect(new Set(results.map(({ commit }) => commit)).size).toBe(12);
    expect(results.map(({ numbers }) => numbers[0]?.number ?? 0).sort(ascending)).toEqual(count(12));
    expect((await stores.repository.pushes()).length).toBeLessThanOrEqual(2);
    expect(await store.signatures(PATH, digestOf('a'))).toHaveLength(12);
    for (const [index, { commit }] of results.entries()) {
      expect((await store.publications(numbered(index + 1).record.reference)).map((one) => one.commit)).toEqual([
        commit,
      ]);
    }
  });

  it('get their own errors, and the others their results', async () => {
    const store = await stores.open();
    const foreign = numbered(2);
    const proposal = await store.propose(foreign);
    await stores.repository.commit(proposal.branch, { 'images/evil': 'x' });
    const late = publishInput({ record: recordOf({ run: 'late', started: '2025-01-01T00:00:00.000Z' }) });
    await store.publish(late);
    const before = (await stores.repository.pushes()).length;
    const [one, two, three, four] = await Promise.allSettled([
      store.publish(numbered(1)),
      store.publish({ ...foreign, proposal }),
      store.publish(publishInput({ signatures: [signature('early')] })),
      store.publish(numbered(4)),
    ]);
    expect(one.status).toBe('fulfilled');
    expect(two).toMatchObject({ reason: { code: 'proposal-foreign' } });
    expect(three).toMatchObject({ reason: { code: 'superseded' } });
    expect(four.status).toBe('fulfilled');
    expect(await stores.repository.pushes()).toHaveLength(before + 1);
  });

  it('with the same input make one publication', async () => {
    const store = await stores.open();
    const results = await Promise.all(count(3).map(() => store.publish(publishInput())));
    expect(new Set(results.map(({ commit }) => commit)).size).toBe(1);
    expect(results.filter(({ alreadyThere }) => !alreadyThere)).toHaveLength(1);
    expect(await store.publications(recordOf().reference)).toHaveLength(1);
  });

  it('go on when one of them is aborted', async () => {
    const store = await stores.open();
    const stop = new AbortController();
    const aborted = store.publish(numbered(1), { signal: stop.signal });
    const others = [store.publish(numbered(2)), store.publish(numbered(3))];
    stop.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await Promise.all(others);
    expect((await store.signatures(PATH, digestOf('a'))).map(String)).toEqual(['signature 2', 'signature 3']);
  });
});

describe('rival writers', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('are given up on when they never rest', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const store = await stores.open();
    let rivals = 0;
    stores.host.setFault(async ({ method, service }) => {
      if (method === 'GET' && service === 'git-receive-pack') {
        await stores.repository.commit('main', { 'README.md': `rival ${++rivals}` });
      }
      return undefined;
    });
    await expect(store.publish(publishInput())).rejects.toMatchObject({ code: 'repository-conflict' });
    expect(rivals).toBe(20);
    expect(await stores.repository.pushes()).toEqual([]);
  });

  it('lose nothing, four of them with ten publications each', async () => {
    const rivals = await Promise.all([1, 2, 3, 4].map(() => stores.open()));
    const all = Array.from({ length: 40 }, (_, index) => index + 1);
    await Promise.all(all.map((number) => rivals[number % 4]!.publish(numbered(number))));
    const found = (await rivals[0]!.signatures(PATH, digestOf('a'))).map(String).sort();
    expect(found).toEqual(all.map((number) => `signature ${number}`).sort());
    expect((await stores.repository.pushes()).length).toBeLessThan(20);
    await stores.repository.git('fsck', '--strict');
  });

  it('lose nothing when two processes publish at once', async () => {
    const [one, other] = [await stores.open(), await stores.open()];
    await Promise.all(count(8).map((number) => (number % 2 === 0 ? one : other).publish(numbered(number))));
    const signatures = (await one.signatures(PATH, digestOf('a'))).map(String);
    expect(signatures.sort()).toEqual(count(8).map((number) => `signature ${number}`));
    await stores.repository.git('fsck', '--strict');
  });

  it('are survived when they take our number before our push', async () => {
    const store = await stores.open();
    let isFirst = true;
    stores.host.setFault(async ({ method, service }) => {
      if (method !== 'GET' || service !== 'git-receive-pack' || !isFirst) return undefined;
      isFirst = false;
      await stores.repository.commit('main', { [pathOf(1)]: 'of the rival' });
      return undefined;
    });
    const { numbers, alreadyThere } = await store.publish(publishInput());
    expect({ number: numbers[0]?.number, alreadyThere }).toEqual({ number: 2, alreadyThere: false });
    expect((await stores.repository.read('main', pathOf(1))).toString()).toBe('of the rival');
  });

  it('are survived when they push on top of ours before we look', async () => {
    const store = await stores.open();
    afterOurPush(() => stores.repository.commit('main', { 'README.md': 'on top' }));
    const { commit, alreadyThere } = await store.publish(publishInput());
    expect(alreadyThere).toBe(false);
    expect(await stores.repository.git('rev-parse', 'main^')).toBe(`${commit}\n`);
    expect(await stores.repository.pushes()).toHaveLength(1);
  });

  it('are noticed when their forced push drops our commit, which is then made anew', async () => {
    const store = await stores.open();
    const before = await store.head();
    afterOurPush(async () => {
      await stores.repository.git('update-ref', 'refs/heads/main', before);
      await stores.repository.commit('main', { [pathOf(1)]: 'of the rival' });
    });
    const { numbers } = await store.publish(publishInput());
    expect(numbers[0]?.number).toBe(2);
    expect(await stores.repository.pushes()).toHaveLength(2);
    expect(await store.publications(recordOf().reference)).toHaveLength(1);
  });

  it('are reported when they take our file away or change it at once', async () => {
    const store = await stores.open();
    afterOurPush(() => stores.repository.commit('main', { [pathOf(1)]: 'changed' }));
    await expect(store.publish(publishInput())).rejects.toMatchObject({
      code: 'repository-conflict',
      paths: [pathOf(1)],
    });
  });

  it('do not get their proposals replaced', async () => {
    const store = await stores.open();
    const proposal = await store.propose(publishInput());
    await store.discard(proposal);
    let foreign = '';
    stores.host.setFault(async ({ method, service }) => {
      if (method === 'GET' && service === 'git-receive-pack' && foreign === '') {
        foreign = await stores.repository.commit(proposal.branch, { 'images/evil': 'x' });
      }
      return undefined;
    });
    const failure = await store.propose(publishInput()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'proposal-foreign', commits: [foreign] });
    expect(await stores.repository.git('rev-parse', proposal.branch)).toBe(`${foreign}\n`);
  });
});

/** Does something once, between our first accepted push and our next look at the remote. */
function afterOurPush(act: () => Promise<unknown>): void {
  let isDone = false;
  stores.host.setFault(async ({ service }) => {
    if (isDone || service !== 'git-upload-pack' || (await stores.repository.pushes()).length === 0) return undefined;
    isDone = true;
    await act();
    return undefined;
  });
}

describe('an empty repository', () => {
  const empty = useStores({ isEmpty: true });

  it('gets an empty first commit, and then the proposals of all who came at once', async () => {
    const [one, other] = [await empty.open(), await empty.open()];
    await Promise.all([one.propose(numbered(1)), other.propose(numbered(2, { time: '2024-07-01T00:00:00.000Z' }))]);
    expect(await empty.repository.files('main')).toEqual({});
    expect(await empty.repository.git('rev-list', '--count', 'main')).toBe('1\n');
    expect(await one.proposals()).toHaveLength(2);
    await one.publish(numbered(1));
    expect(await other.signatures(PATH, digestOf('a'))).toHaveLength(1);
  });

  it('has nothing to read', async () => {
    const store = await empty.open();
    expect(await store.signatures(PATH, digestOf('a'))).toEqual([]);
    expect(await store.publications(recordOf().reference)).toEqual([]);
    expect(await store.proposals()).toEqual([]);
    await expect(store.head()).rejects.toMatchObject({ code: 'configuration-invalid' });
    expect(await empty.repository.pushes()).toEqual([]);
  });

  it('is something else than a repository whose branch has another name', async () => {
    await empty.repository.commit('master', { 'README.md': 'x' });
    const store = await empty.open();
    const failure = await store.publish(publishInput()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'configuration-invalid', branch: 'main' });
    expect(String(failure)).toContain('found master');
    expect(await empty.repository.pushes()).toEqual([]);
  });
});
