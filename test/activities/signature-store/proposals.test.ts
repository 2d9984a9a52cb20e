import { describe, expect, it } from 'vitest';
import { proposalMessage } from '../../../activities/signature-store/trailers.ts';
import { branchOf, digestOf, numbered, pathOf, publishInput, recordOf, signature, useStores } from './store-fixture.ts';

const stores = useStores();
const input = publishInput();
const branch = branchOf(input.record);

describe('propose', () => {
  it('commits on a branch of its own and leaves the served branch alone', async () => {
    const store = await stores.open();
    const head = await store.head();
    const proposal = await store.propose(input);
    expect(proposal).toEqual({ branch, commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    expect(await store.head()).toBe(head);
    expect(await stores.repository.git('show', '-s', '--format=%P %s', branch)).toBe(
      `${head} Propose acme/shop/web:1.0 for prod\n`,
    );
    expect(await stores.repository.files(branch)).toHaveProperty([pathOf(1)]);
    expect(await store.proposals()).toEqual([{ ...input.record, ...proposal }]);
  });

  it('returns the commit that is there when it is repeated, from another process and on a newer head too', async () => {
    const first = await (await stores.open()).propose(input);
    await stores.repository.commit('main', { [pathOf(1)]: 'of another tag' });
    const again = await (await stores.open()).propose({ ...input, time: '2024-06-01T00:00:00.000Z' });
    expect(again).toEqual(first);
    expect(await stores.repository.pushes()).toHaveLength(1);
  });

  it('makes the same commit for the same head and time', async () => {
    const store = await stores.open();
    const first = await store.propose(input);
    await store.discard(first);
    expect(await store.propose(input)).toEqual(first);
  });

  it('adds one more commit when the signatures were renewed', async () => {
    const store = await stores.open();
    const first = await store.propose(input);
    const renewed = { ...input, signatures: [signature('renewed')], time: '2024-06-01T00:00:00.000Z' };
    const second = await store.propose(renewed);
    expect(second.commit).not.toBe(first.commit);
    expect(await stores.repository.git('rev-parse', `${second.commit}^`)).toBe(`${first.commit}\n`);
    expect((await stores.repository.read(branch, pathOf(1))).toString()).toBe('signature renewed');
    expect(await stores.repository.files(branch)).not.toHaveProperty([pathOf(2)]);
    await expect(store.publish({ ...renewed, proposal: second })).resolves.toMatchObject({ alreadyThere: false });
    expect((await store.signatures('acme/shop/web', digestOf('a'))).map(String)).toEqual(['signature renewed']);
  });

  it('gives every run and every environment a branch of its own', async () => {
    const store = await stores.open();
    const records = [recordOf(), recordOf({ run: 'run-2' }), recordOf({ environment: 'qa' })];
    const proposals = [];
    for (const record of records) proposals.push(await store.propose(publishInput({ record })));
    expect(new Set(proposals.map((proposal) => proposal.branch)).size).toBe(3);
    expect(await store.proposals()).toHaveLength(3);
  });

  it('refuses to go on with a branch on which somebody else has committed', async () => {
    const store = await stores.open();
    await store.propose(input);
    const foreign = await stores.repository.commit(branch, { 'images/evil': 'x' });
    await expect(store.propose(input)).rejects.toMatchObject({
      code: 'proposal-foreign',
      branch,
      commits: [foreign],
      paths: ['images/evil'],
    });
  });
});

describe('publish with a proposal', () => {
  it.each([
    ['a file', { 'images/evil@sha256=00/signature-1': 'x' }, 'images/evil@sha256=00/signature-1'],
    ['a changed signature', { [pathOf(1)]: 'another signature' }, pathOf(1)],
    ['a removed signature', { [pathOf(1)]: null }, pathOf(1)],
    ['a file deep elsewhere', { 'docs/a/b/c.html': '<html>' }, 'docs/a/b/c.html'],
  ])('refuses %s that somebody put onto the branch, and names it', async (_name, changes, path) => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    // With our own words, as somebody who knows us would write them.
    const foreign = await stores.repository.commit(branch, changes, proposalMessage(input.record));
    const failure = await store.publish({ ...input, proposal }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'proposal-foreign', branch, commits: [foreign], paths: [path] });
    expect(String(failure)).toContain(foreign);
    expect(String(failure)).toContain(path);
    expect(await store.publications(input.record.reference)).toEqual([]);
  });

  it('refuses a branch that was replaced by another history', async () => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    await stores.repository.git('update-ref', '-d', `refs/heads/${branch}`);
    const foreign = await stores.repository.commit(branch, { 'images/evil': 'x' });
    await expect(store.publish({ ...input, proposal })).rejects.toMatchObject({
      code: 'proposal-foreign',
      commits: [foreign],
    });
  });

  it('refuses a commit that is not what the branch held, even where the caller names it', async () => {
    const store = await stores.open();
    const { commit: first } = await store.propose(input);
    const evil = await stores.repository.commit(branch, { 'images/evil': 'x' }, proposalMessage(input.record));
    expect(evil).not.toBe(first);
    await expect(store.publish({ ...input, proposal: { branch, commit: evil } })).rejects.toMatchObject({
      code: 'proposal-foreign',
      paths: ['images/evil'],
    });
  });

  it('refuses to publish other signatures than were proposed', async () => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    const others = publishInput({ signatures: [signature('another')], proposal });
    await expect(store.publish(others)).rejects.toMatchObject({ code: 'proposal-foreign' });
    const more = publishInput({ signatures: [signature('one'), signature('two', digestOf('b'))], proposal });
    await expect(store.publish(more)).rejects.toMatchObject({ code: 'proposal-foreign' });
  });

  it('never merges the tree of the proposal', async () => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    await stores.repository.commit('main', { [pathOf(1)]: 'of another tag', 'README.md': 'newer' });
    await store.publish({ ...input, proposal });
    expect((await stores.repository.read('main', 'README.md')).toString()).toBe('newer');
    expect((await stores.repository.read('main', pathOf(1))).toString()).toBe('of another tag');
    expect((await stores.repository.read('main', pathOf(2))).toString()).toBe('signature one');
  });

  it('publishes when the branch was deleted and its commit is still in hand', async () => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    await stores.repository.commit('main', { 'other/file': 'newer' });
    await stores.repository.git('update-ref', '-d', `refs/heads/${branch}`);
    const { commit } = await store.publish({ ...input, proposal });
    expect(await stores.repository.git('rev-parse', `${commit}^2`)).toBe(`${proposal.commit}\n`);
  });

  it('says so when the proposal is gone altogether', async () => {
    const store = await stores.open();
    const proposal = { branch, commit: 'd'.repeat(40) };
    await expect(store.publish({ ...input, proposal })).rejects.toMatchObject({ code: 'proposal-foreign' });
  });

  it('adds no second signature when somebody merged the branch', async () => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    await stores.repository.git('update-ref', 'refs/heads/main', proposal.commit);
    expect(await store.publications(input.record.reference)).toEqual([]);
    const { numbers } = await store.publish({ ...input, proposal });
    expect(numbers[0]?.number).toBe(1);
    expect(await store.publications(input.record.reference)).toHaveLength(1);
  });
});

describe('discard', () => {
  it('deletes the branch and nothing else, and may be repeated', async () => {
    const store = await stores.open();
    const [one, two] = [await store.propose(input), await store.propose(numbered(2))];
    await store.discard({ branch: one.branch });
    await store.discard({ branch: one.branch });
    expect((await store.proposals()).map((proposal) => proposal.branch)).toEqual([two.branch]);
  });

  it('deletes the branch of what was published', async () => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    await store.publish({ ...input, proposal });
    await store.discard({ branch });
    expect(await store.proposals()).toEqual([]);
  });

  it('leaves a branch that holds somebody else’s commits, also when our commit is named', async () => {
    const store = await stores.open();
    const proposal = await store.propose(input);
    await stores.repository.commit(branch, { 'images/evil': 'x' });
    await expect(store.discard({ branch })).rejects.toMatchObject({ code: 'proposal-foreign' });
    await expect(store.discard(proposal)).rejects.toMatchObject({ code: 'proposal-foreign' });
    expect(await stores.repository.files(branch)).toHaveProperty(['images/evil']);
  });

  it.each(['main', 'countersign/../main', 'countersign/prod/x y', '--all'])('refuses branch %j', async (name) => {
    const store = await stores.open();
    await expect(store.discard({ branch: name })).rejects.toMatchObject({ code: 'configuration-invalid' });
  });
});
