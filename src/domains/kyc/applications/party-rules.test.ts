import { describe, expect, test } from 'bun:test';
import { effectiveShareBps, type PartyFacts, partyFaults } from './party-rules.ts';

let ids = 0;
function party(role: string, more: Partial<PartyFacts> = {}): PartyFacts {
  ids += 1;
  return { id: `party ${ids}`, role, kind: 'person', shareBps: null, parentId: null, ...more };
}

function owner(shareBps: number, more: Partial<PartyFacts> = {}): PartyFacts {
  return party('beneficial_owner', { shareBps, ...more });
}

const RULE = { thresholdBps: 2_000, isDispersed: false, trust: null };
const PEOPLE = [party('director'), party('authorised_signatory')];

describe('who has to be named', () => {
  const company = owner(6_000, { kind: 'organisation' });
  const small = owner(1_999, { kind: 'organisation' });
  const [left, right] = [
    owner(1, { id: 'left', parentId: 'right' }),
    owner(1, { id: 'right', parentId: 'left' }),
  ];

  test.each<[string, readonly PartyFacts[], readonly string[]]>([
    ['one of each is enough', [...PEOPLE, owner(10_000)], []],
    ['nobody is named', [], ['director_missing', 'signatory_missing', 'owner_missing']],
    [
      'only a company directs',
      [party('director', { kind: 'organisation' }), ...PEOPLE.slice(1), owner(10_000)],
      ['director_missing'],
    ],
    [
      'a chain ends in a company',
      [...PEOPLE, owner(4_000), company],
      ['owner_not_a_person', 'ownership_unexplained'],
    ],
    [
      'a chain ends in a person',
      [...PEOPLE, owner(4_000), company, owner(10_000, { parentId: company.id })],
      [],
    ],
    ['one owner of next to nothing is named', [...PEOPLE, owner(1)], ['ownership_unexplained']],
    [
      'a company is owned by somebody of next to nothing',
      [...PEOPLE, owner(4_000), company, owner(1, { parentId: company.id })],
      ['ownership_unexplained'],
    ],
    [
      'one company is entered twice, each too small to matter',
      [
        ...PEOPLE,
        owner(7_000),
        owner(1_500, { kind: 'organisation' }),
        owner(1_500, { kind: 'organisation' }),
      ],
      ['ownership_unexplained'],
    ],
    ['all but a fifth is named', [...PEOPLE, owner(8_000)], ['ownership_unexplained']],
    ['less than a fifth is not named', [...PEOPLE, owner(8_001)], []],
    ['a company owns too little to matter', [...PEOPLE, owner(8_001), small], []],
    ['all own more than all', [...PEOPLE, owner(5_001), owner(5_000)], ['shares_exceed_whole']],
    ['exactly all is owned', [...PEOPLE, owner(5_000), owner(5_000)], []],
    [
      'a layer is more than all',
      [
        ...PEOPLE,
        owner(4_000),
        company,
        owner(6_000, { parentId: company.id }),
        owner(6_000, { parentId: company.id }),
      ],
      ['shares_exceed_whole'],
    ],
    ['owners own each other', [...PEOPLE, owner(5_000), left, right], ['ownership_cycle']],
  ])('%s', (_title, parties, faults) => {
    expect(partyFaults(parties, RULE)).toEqual([...faults] as never);
  });

  test('the threshold is what the set says, and dispersed ownership is an exception that is said', () => {
    const parties = [...PEOPLE, owner(8_500)];
    expect(partyFaults(parties, RULE)).toEqual([]);
    expect(partyFaults(parties, { ...RULE, thresholdBps: 1_500 })).toEqual(['ownership_unexplained']);
    expect(partyFaults(PEOPLE, { ...RULE, isDispersed: true })).toEqual([]);
    expect(partyFaults([...PEOPLE, owner(1)], { ...RULE, isDispersed: true })).toEqual([]);
  });

  test('a chain of a hundred is too deep, one of eight is not', () => {
    const chain = (length: number) =>
      Array.from({ length }, (_one, at) =>
        owner(10_000, {
          id: `link ${at}`,
          kind: at === length - 1 ? 'person' : 'organisation',
          parentId: at === 0 ? null : `link ${at - 1}`,
        }),
      );
    expect(partyFaults([...PEOPLE, ...chain(8)], RULE)).toEqual([]);
    expect(partyFaults([...PEOPLE, ...chain(9)], RULE)).toEqual(['ownership_too_deep']);
    expect(partyFaults([...PEOPLE, ...chain(100)], RULE)).toEqual(['ownership_too_deep']);
  });
});

describe('an organisation whose shares are listed', () => {
  const LISTED = { kind: 'organisation', isListed: true };
  const parent = owner(10_000, LISTED);
  const between = owner(10_000, { kind: 'organisation' });

  test.each<[string, readonly PartyFacts[], readonly string[]]>([
    ['ends a chain', [...PEOPLE, parent], []],
    ['ends one through others', [...PEOPLE, between, owner(9_000, { ...LISTED, parentId: between.id })], []],
    ['speaks for its own share and no more', [...PEOPLE, owner(8_000, LISTED)], ['ownership_unexplained']],
    [
      'does not speak for another beside it',
      [...PEOPLE, owner(5_000, LISTED), owner(5_000, { kind: 'organisation' })],
      ['owner_not_a_person', 'ownership_unexplained'],
    ],
    [
      'is one only where it is said',
      [...PEOPLE, owner(10_000, { kind: 'organisation', isListed: false })],
      ['owner_missing', 'owner_not_a_person', 'ownership_unexplained'],
    ],
  ])('%s', (_title, parties, faults) => {
    expect(partyFaults(parties, RULE)).toEqual([...faults] as never);
  });

  test('may be said beside dispersed ownership, which excuses no organisation that is not listed', () => {
    const rule = { ...RULE, isDispersed: true };
    expect(partyFaults([...PEOPLE, parent], rule)).toEqual([]);
    expect(partyFaults([...PEOPLE, between], rule)).toEqual(['owner_not_a_person']);
  });
});

describe('a trust', () => {
  const TRUST = { hasProtector: false };
  const CLASS = { ...TRUST, beneficiaryClass: 'Children of the settlor' };
  const trustee = party('trustee', { shareBps: 10_000 });
  const rest = [party('settlor'), party('beneficiary')];

  test.each<[string, readonly PartyFacts[], typeof CLASS | typeof TRUST | null, readonly string[]]>([
    ['names who settled it, who holds and for whom', [trustee, ...rest], TRUST, []],
    ['names a class where it is for nobody by name', [trustee, party('settlor')], CLASS, []],
    ['says so in the form', [trustee, ...rest], null, ['trust_undeclared']],
    ['names somebody who settled it', [trustee, party('beneficiary')], TRUST, ['settlor_missing']],
    ['names somebody it is for', [trustee, party('settlor')], TRUST, ['beneficiary_missing']],
    [
      'names a protector where there is one',
      [trustee, ...rest],
      { ...TRUST, hasProtector: true },
      ['protector_missing'],
    ],
    [
      'has a protector who is named',
      [trustee, ...rest, party('protector')],
      { ...TRUST, hasProtector: true },
      [],
    ],
    [
      'is no trust without a trustee',
      [owner(10_000), ...rest],
      TRUST,
      ['trust_share_missing', 'trustee_missing'],
    ],
    [
      'says what it holds, and explains nothing else',
      [party('trustee'), ...rest, owner(1)],
      TRUST,
      ['trust_share_missing', 'ownership_unexplained'],
    ],
    [
      'speaks for its own share and no more',
      [party('trustee', { shareBps: 7_000 }), ...rest, owner(1_000)],
      TRUST,
      ['ownership_unexplained'],
    ],
    [
      'of co-trustees is told once, and holds no more than all',
      [trustee, party('trustee'), ...rest, owner(1)],
      TRUST,
      ['shares_exceed_whole'],
    ],
    [
      'that nobody holds for is declared',
      [owner(10_000), party('settlor')],
      null,
      ['trust_undeclared', 'trust_share_missing', 'trustee_missing', 'beneficiary_missing'],
    ],
  ])('%s', (_title, parties, trust, faults) => {
    expect(partyFaults([...PEOPLE, ...parties], { ...RULE, trust })).toEqual([...faults] as never);
  });

  test('holds through a company, and one that is a company itself needs no person who owns it', () => {
    const company = owner(10_000, { kind: 'organisation' });
    const held = party('trustee', { kind: 'organisation', shareBps: 10_000, parentId: company.id });
    expect(partyFaults([...PEOPLE, company, held, ...rest], { ...RULE, trust: TRUST })).toEqual([]);
  });
});

test('what somebody owns through others is the product, rounded down once', () => {
  const top = owner(3_333, { id: 'top', kind: 'organisation' });
  const middle = owner(3_333, { id: 'middle', kind: 'organisation', parentId: 'top' });
  const person = owner(9_999, { id: 'person', parentId: 'middle' });
  expect(effectiveShareBps('person', [top, middle, person])).toBe(1_110);
  expect(effectiveShareBps('top', [top])).toBe(3_333);
  const round = owner(1, { id: 'round', parentId: 'round' });
  expect(effectiveShareBps('round', [round])).toBeNull();
});
