import { describe, expect, it } from 'vitest';
import {
  digestOf,
  numbered,
  PATH,
  pathOf,
  publishInput,
  recordOf,
  signature,
  TIME,
  useStores,
} from './store-fixture.ts';

const stores = useStores();

describe('publish', () => {
  it('puts the signature under number 1 of its manifest and leaves everything else', async () => {
    const store = await stores.open();
    const before = await stores.repository.files('main');
    const result = await store.publish(publishInput());
    expect(result).toMatchObject({ alreadyThere: false, numbers: [{ digest: digestOf('a'), number: 1 }] });
    expect(await stores.repository.files('main')).toEqual({ ...before, [pathOf(1)]: expect.any(String) });
    expect((await stores.repository.read('main', pathOf(1))).toString()).toBe('signature one');
    expect(await store.head()).toBe(result.commit);
    expect(await store.signatures(PATH, digestOf('a'))).toEqual([Buffer.from('signature one')]);
    await stores.repository.git('fsck', '--strict');
  });

  it('has the proposal as second parent and its time as both dates', async () => {
    const store = await stores.open();
    const input = publishInput();
    const proposal = await store.propose(input);
    const before = await store.head();
    const { commit } = await store.publish({ ...input, proposal });
    expect(await stores.repository.git('show', '-s', '--format=%P|%aI|%cI|%an <%ae>', commit)).toBe(
      `${before} ${proposal.commit}|2024-05-06T07:08:09+00:00|2024-05-06T07:08:09+00:00|` +
        'Countersign <countersign@prod.example>\n',
    );
  });

  it('appends behind what is there, for several manifests in one commit', async () => {
    await stores.repository.commit('main', { [pathOf(1)]: 'of another tag', [pathOf(2)]: 'of a third tag' });
    const store = await stores.open();
    const signatures = [signature('a'), signature('b', digestOf('b')), signature('c')];
    const { numbers } = await store.publish(publishInput({ signatures }));
    expect(numbers.map(({ number }) => number)).toEqual([3, 1, 4]);
    expect((await stores.repository.read('main', pathOf(1))).toString()).toBe('of another tag');
    expect((await stores.repository.read('main', pathOf(4))).toString()).toBe('signature c');
  });

  it('fills a gap, since readers stop there', async () => {
    await stores.repository.commit('main', { [pathOf(1)]: 'first', [pathOf(3)]: 'third' });
    const store = await stores.open();
    expect((await store.publish(publishInput())).numbers[0]?.number).toBe(2);
    expect(await store.signatures(PATH, digestOf('a'))).toHaveLength(3);
  });

  it('does not add a signature twice that is there byte for byte', async () => {
    await stores.repository.commit('main', { [pathOf(1)]: 'signature one' });
    const store = await stores.open();
    const head = await store.head();
    const { commit, alreadyThere, numbers } = await store.publish(publishInput());
    expect({ alreadyThere, number: numbers[0]?.number }).toEqual({ alreadyThere: false, number: 1 });
    // A commit of trailers alone: another commit, the same tree.
    expect(await stores.repository.git('rev-parse', `${commit}^{tree}`)).toBe(
      await stores.repository.git('rev-parse', `${head}^{tree}`),
    );
    expect(await stores.repository.git('rev-parse', `${commit}^`)).toBe(`${head}\n`);
  });

  it('does not add a signature that the caller calls equal to one that is there', async () => {
    await stores.repository.commit('main', { [pathOf(1)]: 'another', [pathOf(2)]: 'equal in meaning' });
    const store = await stores.open();
    const asked: string[] = [];
    const { numbers } = await store.publish(
      publishInput({
        isEqual: (existing) => {
          asked.push(Buffer.from(existing).toString());
          return Promise.resolve(asked.at(-1) === 'equal in meaning');
        },
      }),
    );
    expect(asked).toEqual(['another', 'equal in meaning']);
    expect(numbers[0]?.number).toBe(2);
    expect(Object.keys(await stores.repository.files('main'))).not.toContain(pathOf(3));
  });

  it('passes on what the comparison throws, to that caller alone', async () => {
    await stores.repository.commit('main', { [pathOf(1)]: 'another' });
    const store = await stores.open();
    const failing = store.publish(numbered(1, { isEqual: () => Promise.reject(new Error('the key is gone')) }));
    const [one, other] = await Promise.allSettled([failing, store.publish(numbered(2))]);
    expect(one).toMatchObject({ status: 'rejected', reason: { message: 'the key is gone' } });
    expect(other).toMatchObject({ status: 'fulfilled', value: { numbers: [{ number: 2 }] } });
  });

  it('takes number 127 and refuses number 128', async () => {
    const files = Object.fromEntries(Array.from({ length: 126 }, (_, index) => [pathOf(index + 1), 'other']));
    await stores.repository.commit('main', files);
    const store = await stores.open();
    expect((await store.publish(numbered(1))).numbers[0]?.number).toBe(127);
    const head = await store.head();
    await expect(store.publish(numbered(2))).rejects.toMatchObject({ code: 'signature-limit' });
    await expect(store.propose(numbered(2))).rejects.toMatchObject({ code: 'signature-limit' });
    expect(await store.head()).toBe(head);
    expect(await store.signatures(PATH, digestOf('a'))).toHaveLength(127);
  });

  it('refuses to close a gap when readers would then see more than 127', async () => {
    const files: Record<string, string> = { [pathOf(127)]: 'last', [pathOf(128)]: 'hidden so far' };
    for (let number = 1; number < 126; number++) files[pathOf(number)] = 'other';
    await stores.repository.commit('main', files);
    const store = await stores.open();
    await expect(store.publish(numbered(1))).rejects.toMatchObject({ code: 'signature-limit' });
  });

  it('publishes the signatures of two tags of one manifest, proposed together, in either order', async () => {
    const store = await stores.open();
    const [one, two] = [numbered(1), numbered(2)];
    const [proposalOne, proposalTwo] = await Promise.all([store.propose(one), store.propose(two)]);
    expect(await stores.repository.files(proposalOne.branch)).toHaveProperty([pathOf(1)]);
    expect(await stores.repository.files(proposalTwo.branch)).toHaveProperty([pathOf(1)]);
    expect((await store.publish({ ...two, proposal: proposalTwo })).numbers[0]?.number).toBe(1);
    expect((await store.publish({ ...one, proposal: proposalOne })).numbers[0]?.number).toBe(2);
    expect((await store.signatures(PATH, digestOf('a'))).map(String)).toEqual(['signature 2', 'signature 1']);
  });

  it('returns the publication that is there when it is repeated, from another process too', async () => {
    const input = publishInput();
    const first = await (await stores.open()).publish(input);
    await stores.repository.commit('main', { 'README.md': 'changed' });
    const store = await stores.open();
    expect(await store.publish({ ...input, time: '2024-06-01T00:00:00.000Z' })).toEqual({
      ...first,
      alreadyThere: true,
    });
    expect(await store.publications(input.record.reference)).toHaveLength(1);
  });

  it('makes a commit of trailers alone for a new run', async () => {
    const store = await stores.open();
    const first = await store.publish(publishInput());
    const record = recordOf({ run: 'run-2', started: '2024-06-01T00:00:00.000Z' });
    const again = await store.publish(publishInput({ record }));
    expect(again.commit).not.toBe(first.commit);
    expect(again.numbers).toEqual(first.numbers);
    expect((await store.publications(record.reference)).map(({ run }) => run)).toEqual(['run-1', 'run-2']);
  });

  it('says so when a publication is repeated whose signature was taken away', async () => {
    const store = await stores.open();
    const input = publishInput();
    const { commit } = await store.publish(input);
    await stores.repository.commit('main', { [pathOf(1)]: null });
    await expect(store.publish(input)).rejects.toMatchObject({ code: 'repository-conflict', commits: [commit] });
  });

  it.each([
    ['time', { time: 'yesterday' }],
    ['signatures', { signatures: [] }],
    ['repository path', { repositoryPath: '../../etc' }],
    ['repository path', { repositoryPath: 'Acme/web' }],
    ['environment', { record: recordOf({ environment: '../main' }) }],
    ['start time', { record: recordOf({ started: '2024-05-06' }) }],
    ['commit', { proposal: { branch: 'countersign/prod/x', commit: '--output=/tmp/x' } }],
    ['branch of the proposal', { proposal: { branch: 'main', commit: 'a'.repeat(40) } }],
  ])('refuses a wrong %s before anything is done', async (name, changed) => {
    const store = await stores.open();
    const failure = await store.publish(publishInput(changed)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    expect(String(failure)).toContain(name);
    expect(await stores.repository.pushes()).toEqual([]);
  });
});

describe('a later promotion to the same reference', () => {
  const early = recordOf({ promotion: 'promotion/early', started: '2024-05-06T07:00:00.000Z' });
  const late = recordOf({ promotion: 'promotion/late', started: '2024-05-06T07:00:00.001Z', digest: digestOf('b') });
  const lateInput = publishInput({ record: late, signatures: [signature('late', digestOf('b'))] });

  it('supersedes an earlier one that was not published yet', async () => {
    const store = await stores.open();
    const { commit } = await store.publish(lateInput);
    await expect(store.publish(publishInput({ record: early }))).rejects.toMatchObject({
      code: 'superseded',
      commits: [commit],
    });
    expect(await store.signatures(PATH, digestOf('a'))).toEqual([]);
  });

  it('is published after the earlier one', async () => {
    const store = await stores.open();
    await store.publish(publishInput({ record: early }));
    await store.publish(lateInput);
    expect((await store.publications(late.reference)).map(({ digest }) => digest)).toEqual([early.digest, late.digest]);
    // And the earlier one, asked again after a lost reply, is told that it was published.
    expect(await store.publish(publishInput({ record: early }))).toMatchObject({ alreadyThere: true });
  });

  it('does not supersede a promotion to another reference', async () => {
    const store = await stores.open();
    await store.publish(lateInput);
    const record = recordOf({ ...early, reference: `${early.reference}-other` });
    await expect(store.publish(publishInput({ record, time: TIME }))).resolves.toMatchObject({ alreadyThere: false });
  });

  it('supersedes an earlier one that shares its push', async () => {
    const store = await stores.open();
    const [one, other] = await Promise.allSettled([
      store.publish(lateInput),
      store.publish(publishInput({ record: early })),
    ]);
    expect(one.status).toBe('fulfilled');
    expect(other).toMatchObject({ status: 'rejected', reason: { code: 'superseded' } });
  });

  it('supersedes nothing while its own push is refused', async () => {
    const store = await stores.open();
    await stores.repository.setPreReceive('exit 1');
    const [, other] = await Promise.allSettled([
      store.publish(lateInput),
      store.publish(publishInput({ record: early })),
    ]);
    expect(other).toMatchObject({ status: 'rejected', reason: { code: 'repository-denied' } });
    await stores.repository.setPreReceive(undefined);
    await expect(store.publish(publishInput({ record: early }))).resolves.toMatchObject({ alreadyThere: false });
  });

  it('supersedes nothing that came before it in the same push', async () => {
    const store = await stores.open();
    await Promise.all([store.publish(publishInput({ record: early })), store.publish(lateInput)]);
    const published = await store.publications(late.reference);
    expect(published.map(({ promotion }) => promotion)).toEqual([early.promotion, late.promotion]);
  });

  it('supersedes when it wins the race for the push', async () => {
    const [store, rival] = [await stores.open(), await stores.open()];
    let raced = false;
    const isEqual = async (): Promise<boolean> => {
      if (!raced) await rival.publish(lateInput);
      raced = true;
      return false;
    };
    await stores.repository.commit('main', { [pathOf(1)]: 'another' });
    await expect(store.publish(publishInput({ record: early, isEqual }))).rejects.toMatchObject({ code: 'superseded' });
    expect(raced).toBe(true);
    expect((await store.signatures(PATH, digestOf('a'))).map(String)).toEqual(['another']);
  });
});
