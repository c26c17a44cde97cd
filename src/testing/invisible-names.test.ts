import { expect, test } from 'bun:test';
import { NewBeneficiary } from '../domains/funding/api.ts';
import { Register } from '../domains/identity/api.ts';
import { Declaration } from '../domains/kyc/api.ts';
import { Company, PartyDetails } from '../domains/kyc/applications/company.ts';
import { bankBeneficiary } from './funding-desk.ts';

const address = { street: '12 Royal Road', city: 'Curepipe', country: 'MUS' };
const person = { birthDate: '1961-02-28', nationality: 'MUS' };

/** Everything that takes a name, with how it is sent; what is screened, compared or paid has to be what people see. */
const TAKES: readonly (readonly [string, (name: string) => { success: boolean }])[] = [
  [
    'registering',
    (name) =>
      Register.safeParse({
        email: 'anjali@example.mu',
        password: 'a rather long password 42',
        firstName: name,
        lastName: 'Ramgoolam',
      }),
  ],
  [
    'a declaration',
    (name) =>
      Declaration.safeParse({
        ...person,
        firstName: 'Anjali',
        lastName: name,
        address,
        occupation: 'Engineer',
        purpose: 'Saving',
        sourceOfFunds: 'Salary',
        taxResidence: 'MUS',
        politicallyExposed: false,
      }),
  ],
  [
    'a company',
    (name) =>
      Company.safeParse({
        legalName: name,
        registrationNumber: 'C123',
        incorporatedOn: '2020-01-01',
        country: 'MUS',
        legalForm: 'Limited',
        registeredAddress: address,
        natureOfBusiness: 'Trade',
        taxResidences: ['MUS'],
      }),
  ],
  [
    'somebody behind a company',
    (name) => PartyDetails.safeParse({ person: { ...person, firstName: name, lastName: 'Ramgoolam' } }),
  ],
  [
    'a company behind a company',
    (name) => PartyDetails.safeParse({ organisation: { legalName: name, country: 'MUS' } }),
  ],
  ['a payee', (name) => NewBeneficiary.safeParse({ ...bankBeneficiary(), holderName: name })],
];

test.each(TAKES)('%s takes a name as it is seen, and none with a sign that is not', (_title, take) => {
  expect([take('Osama').success, take('ශ්\u200Dරී').success]).toEqual([true, true]);
  for (const sign of ['\u1160', '\u3164', '\uFFA0', '\u034F', '\u202E', '\u00AD']) {
    expect(take(`O${sign}sama`).success).toBe(false);
    expect(take(sign).success).toBe(false);
  }
});
