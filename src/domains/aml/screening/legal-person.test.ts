import { afterAll, beforeAll, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { changeGate } from '../../identity/index.ts';
import { kycParties } from '../../kyc/applications/schema.ts';
import { kycApplications, kycDecisions } from '../../kyc/schema.ts';
import { amlAlertItems } from '../alerts/schema.ts';
import { amlAlerts } from '../schema.ts';
import { subjectsOf } from './subjects.ts';

const COMPANY = {
  legalName: 'Coral Reef Trading',
  registrationNumber: 'C123456',
  incorporatedOn: '2015-03-01',
  country: 'MUS',
  legalForm: 'Ltd',
  registeredAddress: { street: '1 Quay', city: 'Port Louis', country: 'MUS' },
  natureOfBusiness: 'Trade',
  taxResidences: ['MUS'],
};

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

type Name = readonly [string, string];

/** Somebody who handed in an application for a legal person with one director. */
async function actingFor(legalName: string, director: Name): Promise<Person> {
  const person = await desk.newPerson();
  await handIn(person, legalName, director, 'submitted');
  await screen(person);
  return person;
}

async function screen({ userId }: Person): Promise<void> {
  await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId });
}

async function handIn(
  person: Person,
  legalName: string,
  director: Name,
  status: 'submitted' | 'approved' | 'withdrawn',
): Promise<void> {
  const { userId } = person;
  await transact(desk.system, 'engine', async (tx) => {
    const id = newId();
    const at = desk.deps.clock.now();
    const key = await desk.deps.personKeys.of(tx, userId);
    // As handing in does, without the documents that a company needs: they are no matter of screening.
    await tx.insert(kycApplications).values({
      id,
      userId,
      level: 'basic',
      status,
      applicantKind: 'legal',
      declaration: sealJson(
        key,
        { table: 'kyc_applications', column: 'declaration', rowId: id },
        declarationOf(person),
      ),
      company: sealJson(
        key,
        { table: 'kyc_applications', column: 'company', rowId: id },
        { ...COMPANY, legalName },
      ),
      provider: 'manual',
      createdAt: at,
      submittedAt: at,
      ...(status === 'submitted' ? {} : { decidedAt: at }),
    });
    if (status === 'approved') {
      const outcome = { outcome: status, reason: 'As the test has it', evidence: {} } as const;
      const by = { decidedBy: desk.officer.userId, decidedAt: at };
      await tx.insert(kycDecisions).values({ id: newId(), applicationId: id, userId, ...outcome, ...by });
    }
    const partyId = newId();
    const [firstName, lastName] = director;
    const details = { person: { firstName, lastName, birthDate: '1961-02-28', nationality: 'MUS' } };
    await tx.insert(kycParties).values({
      id: partyId,
      applicationId: id,
      userId,
      role: 'director',
      kind: 'person',
      details: sealJson(key, { table: 'kyc_parties', column: 'details', rowId: partyId }, details),
      addedAt: at,
    });
    await changeGate(tx, desk.system, userId, { kycStatus: 'pending' });
  });
}

async function partiesFound({ userId }: Person) {
  const rows = await desk.deps.db.engine
    .select({ party: amlAlertItems.party, sourceId: amlAlertItems.sourceId })
    .from(amlAlertItems)
    .innerJoin(amlAlerts, eq(amlAlerts.id, amlAlertItems.alertId))
    .where(eq(amlAlerts.userId, userId));
  return rows.map(({ party, sourceId }) => [party.split(':')[0], sourceId]);
}

test('a director who is on a list is a hit about the customer, told apart from them', async () => {
  const person = await actingFor('Coral Reef Trading', ['Balthazar', 'Ferrington']);
  expect(await partiesFound(person)).toEqual([['party', 'x-1']]);
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
});

test('the legal person itself is compared as one, not as a person', async () => {
  const person = await actingFor('Obsidian Lantern Holdings', ['Zebulon', 'Quickfall']);
  expect(await partiesFound(person)).toEqual([['party', 'x-2']]);
});

test('nobody behind it on a list is clear', async () => {
  const person = await actingFor('Coral Reef Trading', ['Zebulon', 'Quickfall']);
  expect(await partiesFound(person)).toEqual([]);
  expect(await desk.gateOf(person)).toMatchObject({ screening: 'clear' });
});

test('whoever stood behind it when it was approved is compared although it was declared anew without them', async () => {
  const person = await desk.newPerson();
  await handIn(person, 'Coral Reef Trading', ['Balthazar', 'Ferrington'], 'approved');
  await handIn(person, 'Coral Reef Trading', ['Zebulon', 'Quickfall'], 'withdrawn');
  await screen(person);
  expect(await partiesFound(person)).toEqual([['party', 'x-1']]);
});

test('it is compared itself although its customer then declared for themselves alone', async () => {
  const person = await desk.newPerson();
  await handIn(person, 'Obsidian Lantern Holdings', ['Zebulon', 'Quickfall'], 'approved');
  const path = await desk.apply(person);
  expect((await desk.call(person, 'POST', `${path}/withdraw`)).status).toBe(200);
  await screen(person);
  expect(await partiesFound(person)).toEqual([['party', 'x-2']]);
});

test('whoever is declared again as approved is compared once', async () => {
  const person = await desk.newPerson();
  const { userId } = person;
  await handIn(person, 'Coral Reef Trading', ['Zebulon', 'Quickfall'], 'approved');
  await handIn(person, 'Coral Reef Trading', ['Zebulon', 'Quickfall'], 'submitted');
  const { parties } = await transact(desk.system, 'engine', (tx) => subjectsOf(tx, desk.system, userId));
  expect(parties.map(({ subject }) => subject.name)).toEqual(['Coral Reef Trading', 'Zebulon Quickfall']);
});
