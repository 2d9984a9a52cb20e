import { describe, expect, it } from 'vitest';

import { parseDuration } from '../../worker/configuration/duration.ts';
import { countPersons } from '../../worker/configuration/persons.ts';
import { suggest } from '../../worker/configuration/suggestion.ts';

describe('parseDuration', () => {
  it.each([
    ['7 days', 604_800_000],
    ['30 minutes', 1_800_000],
    ['1 minute', 60_000],
    ['1.5h', 5_400_000],
    ['500ms', 500],
    ['10s', 10_000],
    ['2 weeks', 1_209_600_000],
    ['1 m', 60_000],
  ])('reads %s', (text, expected) => expect(parseDuration(text)).toBe(expected));

  it.each([
    '',
    '7',
    '-1 day',
    'soon',
    '7  days',
    '7 Days',
    '1 month',
    '1 year',
    '1e3 days',
    ' 1 day',
    '1 day\n',
    '9999999 days',
  ])('refuses %j', (text) => expect(parseDuration(text)).toBeUndefined());
});

describe('suggest', () => {
  const keys = ['registry', 'registries', 'signatures', 'gate', 'confirm'];
  it.each([
    ['registy', 'registry'],
    ['Registry', 'registry'],
    ['regsitry', 'registry'],
    ['signature', 'signatures'],
    ['gat', 'gate'],
    ['gaet', 'gate'],
    ['zzz', undefined],
    ['x'.repeat(10_000), undefined],
    ['', undefined],
  ])('%j leads to %s', (word, expected) => expect(suggest(word, keys)).toBe(expected));
});

describe('countPersons', () => {
  it.each<{ readonly name: string; readonly keys: readonly (readonly string[])[]; readonly persons: number }>([
    { name: 'nobody', keys: [], persons: 0 },
    { name: 'a certificate without user id', keys: [[]], persons: 0 },
    { name: 'two people', keys: [['A <a@x>'], ['B <b@x>']], persons: 2 },
    { name: 'two names in one certificate', keys: [['A <a@x>', 'A <a@y>']], persons: 1 },
    { name: 'five keys of one person', keys: Array.from({ length: 5 }, () => ['A <a@x>']), persons: 1 },
    { name: 'one address under two spellings', keys: [['A <a@x>'], ['Big A <A@X>']], persons: 1 },
    {
      name: 'a certificate that joins two others',
      keys: [['A <a@x>'], ['A <a@y>'], ['A <a@x>', 'A <a@y>']],
      persons: 1,
    },
    { name: 'names without address', keys: [['alice'], ['bob'], ['Alice']], persons: 2 },
  ])('$name: $persons', ({ keys, persons }) => {
    expect(countPersons(keys.map((userIds) => ({ userIds })))).toBe(persons);
  });
});
