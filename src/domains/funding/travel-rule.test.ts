import { afterAll, beforeAll, expect, test } from 'bun:test';
import { newId } from '../../kernel/id.ts';
import { sealJson } from '../../platform/crypto/seal.ts';
import { transact } from '../../platform/db/transact.ts';
import {
  BITCOIN_BENEFICIARY,
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
