import { describe, expect, test } from 'bun:test';
import { travelRuleData } from './ivms101.ts';

const legal = { primaryIdentifier: 'Ramgoolam', secondaryIdentifier: 'Anaïs', nameIdentifierType: 'LEGL' };
const home = { addressType: 'HOME', townName: 'Curepipe', addressLine: ['12 Royal Road'], country: 'MU' };
const passport = { nationalIdentifier: 'X123', nationalIdentifierType: 'CCPT', countryOfIssue: 'MU' };
const firm = (more: object = {}) => ({
  legalPerson: {
    name: {
      nameIdentifier: [{ legalPersonName: 'Exchange Ltd', legalPersonNameIdentifierType: 'LEGL' }],
    },
    ...more,
  },
});
const natural = (more: object = {}) => ({
  naturalPerson: { name: { nameIdentifier: [legal] }, ...more },
});

function whole(originator: object = natural({ geographicAddress: [home] }), vasp: object = firm()) {
  return {
    originator: { originatorPersons: [originator], accountNumber: ['A1'] },
    beneficiary: { beneficiaryPersons: [natural()], accountNumber: ['bc1q'] },
    originatingVASP: { originatingVASP: firm() },
    beneficiaryVASP: { beneficiaryVASP: vasp },
  };
}

function isTaken(data: object): boolean {
  return travelRuleData.safeParse(data).success;
}

describe('an originator', () => {
  test.each([
    ['an address', natural({ geographicAddress: [home] }), true],
    ['a document', natural({ nationalIdentification: passport }), true],
    ['a number with the firm', natural({ customerIdentification: 'C1' }), true],
    [
      'day and place of birth',
      natural({ dateAndPlaceOfBirth: { dateOfBirth: '1990-04-12', placeOfBirth: 'Curepipe' } }),
      true,
    ],
    ['a name alone', natural(), false],
    ['a country alone', natural({ countryOfResidence: 'MU' }), false],
    ['a firm with an address', firm({ geographicAddress: [{ ...home, addressType: 'GEOG' }] }), true],
    ['a firm by name alone', firm(), false],
    ['both a person and a firm', { ...natural({ customerIdentification: 'C1' }), ...firm() }, false],
  ])('told by %s', (_what, originator, taken) => {
    expect(isTaken(whole(originator))).toBe(taken);
  });
});

describe('the structure', () => {
  test.each([
    [
      'a name that is not the legal one',
      { name: { nameIdentifier: [{ ...legal, nameIdentifierType: 'ALIA' }] } },
    ],
    ['a name of 101 signs', { name: { nameIdentifier: [{ ...legal, primaryIdentifier: 'x'.repeat(101) }] } }],
    ['an address without lines or a building', { geographicAddress: [{ ...home, addressLine: undefined }] }],
    ['a town of 36 signs', { geographicAddress: [{ ...home, townName: 'x'.repeat(36) }] }],
    ['eight lines', { geographicAddress: [{ ...home, addressLine: Array(8).fill('x') }] }],
    ['a country of three letters', { geographicAddress: [{ ...home, country: 'MUS' }] }],
    ['a firm’s identifier', { nationalIdentification: { ...passport, nationalIdentifierType: 'LEIX' } }],
    ['a member the standard does not have', { nickname: 'A' }],
  ])('refuses %s', (_what, more) => {
    expect(isTaken(whole(natural({ geographicAddress: [home], ...more })))).toBe(false);
  });

  test.each([
    ['an LEI', { nationalIdentifier: '5493001KJTIIGC8Y1R12', nationalIdentifierType: 'LEIX' }, true],
    [
      'a registration with its authority',
      { nationalIdentifier: 'C1', nationalIdentifierType: 'RAID', registrationAuthority: 'RA000435' },
      true,
    ],
    ['a registration without', { nationalIdentifier: 'C1', nationalIdentifierType: 'RAID' }, false],
    ['a passport', passport, false],
    [
      'an LEI with a country of issue',
      { nationalIdentifier: 'L', nationalIdentifierType: 'LEIX', countryOfIssue: 'MU' },
      false,
    ],
  ])('of a firm with %s', (_what, nationalIdentification, taken) => {
    expect(isTaken(whole(undefined, firm({ nationalIdentification })))).toBe(taken);
  });

  test('takes no firm for a wallet of one’s own', () => {
    const { beneficiaryVASP: _none, ...own } = whole();
    expect(isTaken(own)).toBe(true);
  });
});
