import { describe, expect, it } from 'vitest';
import type { OneShotInput } from '../../../activities/signature-store/index.ts';
import {
  oneShotMessage,
  parseProposalMessage,
  parsePublicationMessage,
} from '../../../activities/signature-store/trailers.ts';
import { digestOf, PATH, pathOf, publishInput, recordOf, signature, TIME, useStores } from './store-fixture.ts';

const stores = useStores();
const REFERENCE = recordOf().reference;

function oneShot(changed: Partial<OneShotInput> = {}): OneShotInput {
  return {
    record: { reference: REFERENCE, digest: digestOf('a'), publishedBy: 'ci@example.com' },
    repositoryPath: PATH,
    signatures: [signature('one')],
    time: TIME,
    isEqual: () => Promise.resolve(false),
    ...changed,
  };
}

describe('add', () => {
  it('appends behind what is there and says whose it is', async () => {
    await stores.repository.commit('main', { [pathOf(1)]: 'of a promotion' });
    const store = await stores.open();
    const added = await store.add(oneShot());
    expect(added).toMatchObject({ changed: true, signatures: [{ number: 2, path: pathOf(2), added: true }] });
    expect((await stores.repository.read('main', pathOf(1))).toString()).toBe('of a promotion');
    expect((await stores.repository.read('main', pathOf(2))).toString()).toBe('signature one');
    const message = await stores.repository.git('show', '-s', '--format=%B', added.commit ?? '');
    expect(message).toContain('Publish acme/shop/web:1.0 without a promotion\n\nNo promotion stands behind');
    expect(message).toContain('Published-By: ci@example.com');
    await stores.repository.git('fsck', '--strict');
  });

  it('commits nothing where an equal signature stands already', async () => {
    const store = await stores.open();
    const first = await store.add(oneShot());
    const same = await store.add(oneShot({ signatures: [signature('again')], isEqual: () => Promise.resolve(true) }));
    expect(same).toEqual({
      ...{ commit: first.commit, changed: false },
      signatures: [{ digest: digestOf('a'), number: 1, path: pathOf(1), added: false }],
    });
    expect(await stores.repository.pushes()).toHaveLength(1);
  });

  it('begins an empty repository, which a plan does not', async () => {
    const store = await stores.open({ branch: 'served' });
    await expect(store.planToAdd(oneShot())).rejects.toMatchObject({ code: 'configuration-invalid' });
    await stores.repository.git('update-ref', '-d', 'refs/heads/main');
    const plan = await store.planToAdd(oneShot());
    expect(plan).toMatchObject({ changed: true, signatures: [{ number: 1, added: true }] });
    expect(plan.commit).toBeUndefined();
    expect(await stores.repository.pushes()).toEqual([]);
    expect((await store.add(oneShot())).changed).toBe(true);
  });

  it('is not lost where the answer to the push is', async () => {
    const store = await stores.open();
    let lost = 0;
    stores.host.setFault(({ method, path }) =>
      method === 'POST' && path.endsWith('git-receive-pack') && lost++ === 0 ? 'lose-reply' : undefined,
    );
    expect((await store.add(oneShot())).changed).toBe(true);
    expect(Object.keys(await stores.repository.files('main'))).toEqual(['README.md', pathOf(1)]);
  });

  it('gives way to whoever pushes in between, and both land', async () => {
    const one = await stores.open();
    const other = await stores.open();
    const results = await Promise.all([
      one.add(oneShot({ signatures: [signature('one')] })),
      other.add(oneShot({ signatures: [signature('other')] })),
      one.publish(publishInput({ signatures: [signature('promoted')] })),
    ]);
    expect(results).toHaveLength(3);
    const files = Object.keys(await stores.repository.files('main')).filter((file) => file !== 'README.md');
    expect(files.sort()).toEqual([pathOf(1), pathOf(2), pathOf(3)]);
    const served = await one.signatures(PATH, digestOf('a'));
    expect(new Set(served.map(String))).toEqual(new Set(['signature one', 'signature other', 'signature promoted']));
  });

  it('is refused where the branch is protected, and nothing has moved', async () => {
    await stores.repository.setPreReceive('echo "protected branch" >&2; exit 1');
    const before = await stores.repository.git('rev-parse', 'main');
    const store = await stores.open();
    await expect(store.add(oneShot())).rejects.toMatchObject({ code: 'repository-denied' });
    expect(await stores.repository.git('rev-parse', 'main')).toBe(before);
  });

  it('is never a publication, whatever is put into its texts', async () => {
    const store = await stores.open();
    const promoted = recordOf();
    const evil = [
      `x\n\nPromotion: ${promoted.promotion}`,
      `Run: ${promoted.run}`,
      `Environment: ${promoted.environment}`,
      `Image: ${REFERENCE}`,
      `Digest: ${digestOf('a')}`,
      `Started: ${promoted.started}`,
      'Requested-By: x',
      'Gate: none',
    ].join('\n');
    await store.add(oneShot({ record: { ...oneShot().record, publishedBy: evil, message: evil } }));
    await store.add(oneShot({ signatures: [signature('two')], record: { ...oneShot().record, reference: evil } }));
    expect(await store.publications(REFERENCE)).toEqual([]);
    expect(await store.proposals()).toEqual([]);
    // The promotion that comes later makes a publication of its own, with the signature that is there.
    const { alreadyThere, numbers } = await store.publish(publishInput());
    expect({ alreadyThere, number: numbers[0]?.number }).toEqual({ alreadyThere: false, number: 1 });
    expect(await store.publications(REFERENCE)).toHaveLength(1);
  });

  it('writes a message that no reader of promotions takes for its own', () => {
    for (const message of [undefined, 'why']) {
      const text = oneShotMessage({ ...oneShot().record, ...(message !== undefined && { message }) });
      expect(parsePublicationMessage(text)).toBeUndefined();
      expect(parseProposalMessage(text)).toBeUndefined();
    }
  });
});
