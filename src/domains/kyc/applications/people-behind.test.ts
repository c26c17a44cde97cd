import { describe, expect, test } from 'bun:test';
import { identifiedPeople } from './people-behind.ts';

const THRESHOLD_BPS = 2_000;
const [ANJALI, BORIS] = [new Uint8Array([1, 2, 3]), new Uint8Array([4, 5, 6])];

let ids = 0;
function party(role: string, identityIndex: Uint8Array | null, more: object = {}) {
  ids += 1;
  return { id: `party ${ids}`, role, kind: 'person', shareBps: null, parentId: null, identityIndex, ...more };
}

function owner(identityIndex: Uint8Array | null, shareBps: number, more: object = {}) {
  return party('beneficial_owner', identityIndex, { shareBps, ...more });
}

type Party = ReturnType<typeof party>;

function idsOf(parties: readonly Party[]): readonly (readonly string[])[] {
  return identifiedPeople(parties, THRESHOLD_BPS).map((all) => all.map(({ id }) => id));
}

describe('whose identity has to be shown', () => {
  test('whoever owns enough in all, in however many parts they say it', () => {
    const parts = Array.from({ length: 5 }, () => owner(ANJALI, 1_999));
    expect(idsOf(parts)).toEqual([parts.map(({ id }) => id)]);
    expect(idsOf(parts.slice(0, 1))).toEqual([]);
  });

  test('whoever owns enough directly and through others together', () => {
    const company = owner(null, 3_000, { kind: 'organisation' });
    const direct = owner(ANJALI, 1_500);
    const indirect = owner(ANJALI, 5_000, { parentId: company.id });
    const other = owner(BORIS, 5_000, { parentId: company.id });
    expect(idsOf([company, direct, indirect, other])).toEqual([[direct.id, indirect.id]]);
  });

  test('not two who own enough only together, nor somebody whom no index names', () => {
    expect(idsOf([owner(ANJALI, 1_999), owner(BORIS, 1_999)])).toEqual([]);
    expect(idsOf([owner(null, 1_999), owner(null, 1_999)])).toEqual([]);
  });

  test.each(['director', 'trustee', 'settlor', 'beneficiary', 'protector'])(
    'a %s, whatever they own, with all of their parties',
    (role) => {
      const [small, named] = [owner(ANJALI, 1), party(role, ANJALI)];
      expect(idsOf([small, named, party(role, null, { kind: 'organisation' })])).toEqual([
        [small.id, named.id],
      ]);
    },
  );

  test('not who only signs', () => {
    expect(idsOf([party('authorised_signatory', ANJALI)])).toEqual([]);
  });
});
