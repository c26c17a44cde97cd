import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  BITCOIN_BENEFICIARY,
  bankBeneficiary,
  type FundingDesk,
  HOLDER,
  startFundingDesk,
} from '../../testing/funding-desk.ts';
import { kycApplications } from '../kyc/schema.ts';
import { travelRuleOf } from './travel-rule.ts';

let desk: FundingDesk;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file);
});

afterAll(async () => {
  await desk.close();
});

test('tells who the customer declared to be, within the lengths of the standard', async () => {
  const person = await desk.newCustomer();
  const now = desk.deps.clock.now();
  const street = `${'Very long street '.repeat(11)}😀`;
  const travelRule = await transact(desk.system, 'engine', async (tx) => {
    const key = await desk.deps.personKeys.of(tx, person.userId);
    const id = newId();
    const declaration = {
      firstName: 'Anaïs',
      lastName: 'R'.repeat(150),
      birthDate: '1990-04-12',
      nationality: 'MUS',
      address: { street, city: 'C'.repeat(60), postalCode: '74213-EXTRA-LONG-ONE', country: 'MUS' },
      occupation: 'Engineer',
      purpose: 'Investment',
      sourceOfFunds: 'Salary',
      taxResidence: 'MUS',
      politicallyExposed: false,
    };
    await tx.insert(kycApplications).values({
      id,
      userId: person.userId,
      level: 'standard',
      status: 'approved',
      provider: 'manual',
      declaration: sealJson(
        key,
        { table: 'kyc_applications', column: 'declaration', rowId: id },
        declaration,
      ),
      createdAt: now,
      submittedAt: now,
    } as never);
    const { kind, chain, address } = BITCOIN_BENEFICIARY;
    return travelRuleOf(tx, desk.system, {
      userId: person.userId,
      accountId: person.accountId,
      amount: 1n as never,
      destination: { kind, chain, address, holderName: HOLDER } as never,
      travelRule: { wallet: 'self_hosted' },
    });
  });
  const [originator] = travelRule?.originator.originatorPersons ?? [];
  const told =
    originator !== undefined && 'naturalPerson' in originator ? originator.naturalPerson : undefined;
  expect(told?.name.nameIdentifier[0]).toEqual({
    primaryIdentifier: 'R'.repeat(100),
    secondaryIdentifier: 'Anaïs',
    nameIdentifierType: 'LEGL',
  });
  expect(told?.geographicAddress?.[0]).toMatchObject({ townName: 'C'.repeat(35), country: 'MU' });
  expect(told?.geographicAddress?.[0]?.addressLine?.join(' ').replaceAll(/\s+/g, ' ')).toContain('😀');
  expect(told).toMatchObject({ countryOfResidence: 'MU', customerIdentification: person.userId });
  expect(travelRule?.beneficiaryVASP).toBeUndefined();
});

test('tells what was approved, and nothing that was edited in an application that was sent back', async () => {
  const person = await desk.newCustomer();
  const now = desk.deps.clock.now();
  const declared = (city: string) => ({
    firstName: 'Anaïs',
    lastName: 'Ramgoolam',
    birthDate: '1990-04-12',
    nationality: 'MUS',
    address: { street: '12 Royal Road', city, country: 'MUS' },
    occupation: 'Engineer',
    purpose: 'Investment',
    sourceOfFunds: 'Salary',
    taxResidence: 'MUS',
    politicallyExposed: false,
  });
  const travelRule = await transact(desk.system, 'engine', async (tx) => {
    const key = await desk.deps.personKeys.of(tx, person.userId);
    for (const [status, city] of [
      ['approved', 'Curepipe'],
      ['resubmission_required', 'Elsewhere'],
    ] as const) {
      const id = newId();
      const place = { table: 'kyc_applications', column: 'declaration', rowId: id };
      await tx.insert(kycApplications).values({
        id,
        userId: person.userId,
        level: 'standard',
        status,
        provider: 'manual',
        declaration: sealJson(key, place, declared(city)),
        createdAt: now,
        submittedAt: now,
      } as never);
    }
    const { kind, chain, address } = BITCOIN_BENEFICIARY;
    return travelRuleOf(tx, desk.system, {
      userId: person.userId,
      accountId: person.accountId,
      amount: 1n as never,
      destination: { kind, chain, address, holderName: HOLDER } as never,
      travelRule: { wallet: 'self_hosted' },
    });
  });
  const told = JSON.stringify(travelRule?.originator);
  expect(told).toContain('Curepipe');
  expect(told).not.toContain('Elsewhere');
});

test('of a legal person speaks in its name; it is paid under that name, and who acts for it under none of theirs', async () => {
  const person = await desk.newCustomer();
  const company = {
    legalName: 'Lagoon Trading Ltd',
    registrationNumber: 'C123456',
    incorporatedOn: '2020-01-15',
    country: 'MUS',
    legalForm: 'Private company limited by shares',
    registeredAddress: { street: '1 Cybercity', city: 'Ebène', country: 'MUS' },
    natureOfBusiness: 'Wholesale',
    taxResidences: ['MUS'],
  };
  const travelRule = await transact(desk.system, 'engine', async (tx) => {
    const key = await desk.deps.personKeys.of(tx, person.userId);
    const id = newId();
    const sealed = (column: string, value: object) =>
      sealJson(key, { table: 'kyc_applications', column, rowId: id }, value);
    await tx.insert(kycApplications).values({
      id,
      userId: person.userId,
      level: 'enhanced',
      status: 'approved',
      provider: 'manual',
      declaration: sealed('declaration', {}),
      handedIn: sealed('handed_in', { declaration: {}, company }),
      createdAt: desk.deps.clock.now(),
      submittedAt: desk.deps.clock.now(),
    } as never);
    const { kind, chain, address } = BITCOIN_BENEFICIARY;
    return travelRuleOf(tx, desk.system, {
      userId: person.userId,
      accountId: person.accountId,
      amount: 1n as never,
      destination: { kind, chain, address, holderName: company.legalName } as never,
      travelRule: { wallet: 'self_hosted' },
    });
  });
  const named = (name: string) => ({
    name: { nameIdentifier: [{ legalPersonName: name, legalPersonNameIdentifierType: 'LEGL' }] },
  });
  expect(travelRule?.originator.originatorPersons).toEqual([
    {
      legalPerson: {
        ...named('Lagoon Trading Ltd'),
        countryOfRegistration: 'MU',
        customerNumber: person.userId,
        geographicAddress: [
          { addressType: 'BIZZ', country: 'MU', townName: 'Ebène', addressLine: ['1 Cybercity'] },
        ],
      },
    },
  ] as never);
  expect(travelRule?.beneficiary.beneficiaryPersons).toEqual([
    { legalPerson: named('Lagoon Trading Ltd') },
  ] as never);
  const add = (holderName: string) =>
    desk.request(person, 'POST', '/v1/beneficiaries', { body: { ...bankBeneficiary(), holderName } });
  expect((await add(HOLDER)).body.code).toBe('beneficiary_name_mismatch');
  expect((await add('LAGOON TRADING LTD.')).status).toBe(201);
});
