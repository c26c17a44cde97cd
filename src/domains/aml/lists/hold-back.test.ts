import { describe, expect, test } from 'bun:test';
import type { ListEntity } from './entity.ts';
import { screeningHash } from './entity.ts';
import { holdBack } from './hold-back.ts';
import { readEntity } from './read-list.ts';

const OLD: ListEntity = {
  sourceId: 'x-1',
  kind: 'person',
  names: [
    { name: 'Testan Examplov', type: 'primary' },
    { name: 'T. Examplov', type: 'alias' },
  ],
  birthDates: ['1961-02-28'],
  countries: ['RU'],
  genders: [],
  identifiers: [{ type: 'passport', number: 'P123456' }],
  programs: ['TEST'],
  remarks: '',
  raw: {},
};

/** What is in force of the entry after a file that says this of it, and how many entries are held. */
function after(change: Partial<ListEntity> | undefined, old: Partial<ListEntity> = {}) {
  const before = { ...OLD, ...old };
  const file = change === undefined ? [] : [readEntity({ ...before, ...change })];
  const held = holdBack(file, new Map([[before.sourceId, before]]));
  const [entity] = held.entities.map(({ record }) => JSON.parse(record) as ListEntity);
  return { count: held.count, entity, total: held.entities.length, before };
}

describe('is in force at once:', () => {
  test.each<[string, Partial<ListEntity>]>([
    ['a further name', { names: [...OLD.names, { name: 'Another', type: 'alias' }] }],
    [
      'a weak alias that became a good one',
      { names: OLD.names.map((name) => ({ ...name, type: 'primary' as const })) },
    ],
    ['a further number', { identifiers: [...OLD.identifiers, { type: 'national_id', number: '998877' }] }],
    ['a further birth date beside another', { birthDates: ['1961-02-28', '1962'] }],
    ['another remark, programme or layout', { remarks: 'new', programs: ['OTHER'], raw: { a: 1 } }],
    ['the same values in another order', { names: OLD.names.toReversed() }],
  ])('%s', (_title, change) => {
    const { count, entity, before } = after(change);
    expect([count, entity]).toEqual([0, { ...before, ...change }]);
  });
});

describe('stays until a second person agreed:', () => {
  test.each<[string, Partial<ListEntity> | undefined]>([
    ['the entry', undefined],
    ['an alias', { names: OLD.names.slice(0, 1) }],
    ['all its names, whatever it is called now', { names: [{ name: 'Zzz', type: 'primary' }] }],
    ['the weight of a name', { names: OLD.names.map((name) => ({ ...name, type: 'weak_alias' as const })) }],
    ['a number', { identifiers: [] }],
    ['a birth date', { birthDates: ['1999'] }],
    ['a country', { countries: [] }],
    ['that it is there to be stopped', { purpose: 'pep' }],
  ])('%s', (_title, change) => {
    const { count, entity, total, before } = after(change);
    expect([count, total]).toEqual([1, 1]);
    for (const name of before.names) {
      expect(entity?.names).toContainEqual(name);
    }
    expect(entity?.identifiers).toEqual(expect.arrayContaining([...before.identifiers]));
    expect(entity?.birthDates).toEqual(expect.arrayContaining([...before.birthDates]));
    expect(entity?.countries).toEqual(expect.arrayContaining([...before.countries]));
    expect(entity?.purpose).toBeUndefined();
  });

  test('that nothing told it from its namesakes: a first birth date, country or gender can only lower a score', () => {
    const bare = { birthDates: [], countries: [], genders: [] };
    for (const change of [{ birthDates: ['1999'] }, { countries: ['MU'] }, { genders: ['male' as const] }]) {
      const { count, entity } = after(change, bare);
      expect([count, entity?.birthDates, entity?.countries, entity?.genders]).toEqual([1, [], [], []]);
    }
  });

  test('the whole old entry, unchanged, where the file only takes away', () => {
    const { entity, before } = after({ names: OLD.names.slice(0, 1), remarks: 'less' });
    expect(entity).toEqual(before);
  });

  test('a kind: an entry that is called something else is compared as either', () => {
    expect(after({ kind: 'vessel' }).entity?.kind).toBe('unknown');
  });
});

test('what brings a name beside what it takes brings the name at once', () => {
  const { count, entity, before } = after({ names: [{ name: 'Brand New', type: 'primary' }] });
  expect(count).toBe(1);
  expect(entity?.names.map(({ name }) => name)).toEqual(['Brand New', 'Testan Examplov', 'T. Examplov']);
  expect(screeningHash(entity ?? OLD)).not.toBe(screeningHash(before));
});
