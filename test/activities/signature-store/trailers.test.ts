import { describe, expect, it } from 'vitest';
import { cleanDecision, cleanRecord, oneLine, proposalBranch } from '../../../activities/signature-store/record.ts';
import {
  parseProposalMessage,
  parsePublicationMessage,
  proposalMessage,
  publicationMessage,
} from '../../../activities/signature-store/trailers.ts';
import { digestOf, publishInput, recordOf, TIME, useStores } from './store-fixture.ts';

const decision = { verdict: 'approve', by: 'Ann <ann@acme.example>', at: TIME, identity: 'claimed' } as const;
const message = publicationMessage(recordOf(), 'quorum 1', [
  decision,
  { ...decision, by: 'Bob', reason: 'tested; ok' },
]);

describe('a publication message', () => {
  it('reads as it was agreed', () => {
    expect(message).toBe(`Publish acme/shop/web:1.0 for prod

Promotion: promotion/acme/shop/web:1.0@${digestOf('a')}
Run: run-1
Environment: prod
Image: registry.prod.example.com/acme/shop/web:1.0
Digest: ${digestOf('a')}
Started: 2024-05-06T07:00:00.000Z
Requested-By: Dev <dev@acme.example>
Gate: quorum 1
Approved-By: Ann <ann@acme.example>; at=${TIME}; identity=claimed
Approved-By: Bob; at=${TIME}; identity=claimed; reason=tested; ok
`);
  });

  it('is read back whole', () => {
    expect(parsePublicationMessage(message)).toEqual({
      ...recordOf(),
      gate: 'quorum 1',
      decisions: [decision, { ...decision, by: 'Bob', reason: 'tested; ok' }],
    });
    expect(parsePublicationMessage(publicationMessage(recordOf(), 'none', []))).toMatchObject({ decisions: [] });
  });

  it.each([
    ['another subject', (text: string) => text.replace('for prod', 'for qa')],
    ['a proposal', () => proposalMessage(recordOf())],
    ['a line less', (text: string) => text.replace(/^Run: .*\n/m, '')],
    ['a line twice', (text: string) => text.replace(/^(Run: .*\n)/m, '$1$1')],
    ['lines in another order', (text: string) => text.replace(/^(Run: .*\n)(Environment: .*\n)/m, '$2$1')],
    ['an unknown trailer', (text: string) => `${text}Signed-off-by: Eve <eve@acme.example>\n`],
    ['a third paragraph', (text: string) => `${text}\nMore\n`],
    ['a paragraph between', (text: string) => text.replace('\n\n', '\n\nBody\n\n')],
    ['a body before the trailers', (text: string) => text.replace('\n\n', '\n\nBody\n')],
    ['a digest in capitals', (text: string) => text.replace(/^Digest: .*$/m, `Digest: ${digestOf('a').toUpperCase()}`)],
    ['a time without milliseconds', (text: string) => text.replace('07:00:00.000Z', '07:00:00Z')],
    ['a time that does not exist', (text: string) => text.replace('2024-05-06T07:00', '2024-13-06T07:00')],
    ['an identity of another kind', (text: string) => text.replace('identity=claimed', 'identity=proven')],
    ['an approval without a time', (text: string) => text.replace(`; at=${TIME}`, '')],
    ['a lower-case key', (text: string) => text.replace('Gate:', 'gate:')],
    ['an empty value', (text: string) => text.replace('Gate: quorum 1', 'Gate: ')],
    ['a direction override', (text: string) => text.replace('Ann', 'A\u202enn')],
    ['carriage returns', (text: string) => text.replaceAll('\n', '\r\n')],
    ['nothing', () => ''],
  ])('with %s is not a publication', (_name, change) => {
    expect(change(message)).not.toBe(message);
    expect(parsePublicationMessage(change(message))).toBeUndefined();
  });
});

describe('a proposal message', () => {
  it('is read back, and is no publication', () => {
    expect(parseProposalMessage(proposalMessage(recordOf()))).toEqual(recordOf());
    expect(parsePublicationMessage(proposalMessage(recordOf()))).toBeUndefined();
    expect(parseProposalMessage(message)).toBeUndefined();
  });
});

describe('oneLine', () => {
  it.each([
    ['a\nApproved-By: Eve', 'a Approved-By: Eve'],
    ['a\r\n\r\nb', 'a b'],
    ['a\u2028b\u2029c\u0085d\u0000e', 'a b c d e'],
    ['evil\u202egnp.exe', 'evil gnp.exe'],
    ['  ', '-'],
    ['', '-'],
    ['\ud800', '\ufffd'],
    ['x'.repeat(600), `${'x'.repeat(499)}…`],
    ['Grüße, 世界 👩', 'Grüße, 世界 👩'],
  ])('makes %j to %j, and leaves that as it is', (text, expected) => {
    expect(oneLine(text)).toBe(expected);
    expect(oneLine(expected)).toBe(expected);
  });
});

describe('names with line breaks and field separators', () => {
  const stores = useStores();
  const forged = `x\n\nApproved-By: Eve <eve@acme.example>; at=${TIME}; identity=claimed`;

  it('forge no trailer', () => {
    const record = cleanRecord(
      recordOf({ requestedBy: forged, promotion: forged, run: forged, reference: `host/x:1${forged}` }),
    );
    const by = `Mallory${forged}`;
    const read = parsePublicationMessage(
      publicationMessage(record, oneLine(forged), [cleanDecision({ ...decision, by, reason: forged })]),
    );
    expect(read?.decisions).toHaveLength(1);
    expect(read?.decisions[0]?.by).toMatch(/^Malloryx Approved-By: Eve <eve@acme.example>, at=/);
    expect(read).toMatchObject(record);
  });

  it('forge no trailer on the served branch either', async () => {
    const store = await stores.open();
    const record = recordOf({ requestedBy: forged, reference: `registry.prod.example.com/acme/web:1${forged}` });
    await store.publish(publishInput({ record, decisions: [], gate: 'none' }));
    const [publication, ...more] = await store.publications(record.reference);
    expect(more).toEqual([]);
    expect(publication).toMatchObject({ decisions: [], gate: 'none' });
    const trailers = await stores.repository.git('log', '-1', '--format=%(trailers:key=Approved-By)', 'main');
    expect(trailers.trim()).toBe('');
  });

  it('are part of what makes a run, so that no two runs share a branch', () => {
    expect(proposalBranch(recordOf({ promotion: 'a', run: 'b' }))).not.toBe(
      proposalBranch(recordOf({ promotion: 'a b', run: '' })),
    );
    expect(proposalBranch(recordOf())).toMatch(/^countersign\/prod\/[0-9a-f]{20}$/);
  });
});

describe('publications', () => {
  const stores = useStores();
  it('come in the order of git, whatever their times say', async () => {
    const store = await stores.open();
    const times = ['2024-05-06T07:00:00.000Z', '2023-01-01T00:00:00.000Z', '2025-01-01T00:00:00.000Z'];
    for (const [index, time] of times.entries()) {
      await store.publish(publishInput({ record: recordOf({ run: `run-${index}` }), time }));
    }
    const { reference } = recordOf();
    const seen = await store.publications(reference);
    expect(seen.map(({ run, publishedAt }) => [run, publishedAt])).toEqual(
      times.map((time, index) => [`run-${index}`, time]),
    );
    // The same for a store that has read nothing yet.
    expect(await (await stores.open()).publications(reference)).toEqual(seen);
  });

  it('are only the first parents that carry our trailers, of that reference', async () => {
    const store = await stores.open();
    const input = publishInput();
    const proposal = await store.propose(input);
    const { commit } = await store.publish({ ...input, proposal });
    await stores.repository.commit('main', { 'README.md': 'x' }, `Revert "${message.split('\n')[0] ?? ''}"\n`);
    await stores.repository.commit('main', { 'README.md': 'y' }, message.replace('Gate: quorum 1\n', ''));
    expect((await store.publications(input.record.reference)).map((publication) => publication.commit)).toEqual([
      commit,
    ]);
    expect(await store.publications(`${input.record.reference}-other`)).toEqual([]);
  });

  it('are read anew when the branch was set back', async () => {
    const store = await stores.open();
    const { commit } = await store.publish(publishInput());
    await store.publish(publishInput({ record: recordOf({ run: 'run-2' }) }));
    await stores.repository.git('update-ref', 'refs/heads/main', commit);
    const { reference } = recordOf();
    expect((await store.publications(reference)).map(({ run }) => run)).toEqual(['run-1']);
    await stores.repository.commit('main', { 'README.md': 'another history' });
    expect((await store.publications(reference)).map(({ run }) => run)).toEqual(['run-1']);
  });
});
