/** What an approval asks for where something changed since its applicant handed in. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { desc, eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { kycApplications, kycDecisions } from '../schema.ts';

const REASON = { reason: 'Verified against the originals' };

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function idOf(path: string): Id {
  return path.split('/').at(-1) as Id;
}

async function suspect(person: Person): Promise<void> {
  await tell(person, 'aml.suspicion_recorded', { caseId: newId() });
}

async function tell({ userId }: Person, type: string, data: object): Promise<void> {
  await transact(desk.system, 'engine', (tx) =>
    publish(tx, desk.system, [{ type, userId, customerVisible: false, data }]),
  );
  await desk.settle();
}

function approve(path: string) {
  return desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
}

async function newestDecision(path: string) {
  const [decision] = await desk.deps.db.engine
    .select()
    .from(kycDecisions)
    .where(eq(kycDecisions.applicationId, idOf(path)))
    .orderBy(desc(kycDecisions.id))
    .limit(1);
  return decision;
}

describe('a risk that rises while an application waits', () => {
  async function sentBack(): Promise<{ readonly person: Person; readonly path: string }> {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    await suspect(person);
    expect(await approve(path)).toMatchObject({ status: 409, body: { code: 'items_missing' } });
    const back = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON);
    expect(back.status).toBe(200);
    return { person, path };
  }

  test('asks for what it asks of everybody, and is approved by two once that is shown', async () => {
    const { person, path } = await sentBack();
    const early = await desk.call(person, 'POST', `${path}/submit`);
    expect(early.body.code).toBe('documents_missing');
    for (const type of ['passport', 'source_of_funds', 'source_of_wealth']) {
      expect((await desk.call(person, 'POST', `${path}/documents`, upload({ type }))).status).toBe(201);
    }
    for (const kind of ['tax_residence', 'fatca_crs'] as const) {
      await desk.call(person, 'POST', `${path}/declarations`, { kind, content: CERTIFIED[kind] });
    }
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    expect((await approve(path)).status).toBe(202);
  });

  test('is not content with a paper that nobody asked for and nobody looked at', async () => {
    const person = await desk.newPerson();
    const body = { level: 'basic', declaration: declarationOf(person) };
    const { id } = (await desk.call(person, 'POST', '/v1/kyc/applications', body)).body;
    const path = `/v1/kyc/applications/${id}`;
    for (const type of ['passport', 'source_of_funds', 'source_of_wealth']) {
      await desk.call(person, 'POST', `${path}/documents`, upload({ type }));
    }
    await desk.certify(person, path);
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    await suspect(person);
    expect(await approve(path)).toMatchObject({ status: 409, body: { code: 'items_missing' } });
    const back = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON);
    expect(back.status).toBe(200);
    expect((await desk.call(person, 'POST', `${path}/documents`, upload())).status).toBe(201);
    // What lies there is enough for who hands in again: then it is an item like any other.
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    expect((await itemsOf(path)).map(({ item }) => item)).toContain('source_of_funds');
    expect((await approve(path)).status).toBe(202);
  });

  test('lets nobody see before they hand in again what the firm thinks of them', async () => {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    const before = (await desk.call(person, 'GET', path)).body.items;
    await suspect(person);
    expect((await desk.call(person, 'GET', path)).body.items).toEqual(before);
  });

  test('is let pass by two where what it asks for cannot be had', async () => {
    const { person, path } = await sentBack();
    for (const { id } of (await itemsOf(path)).filter(({ item }) => item.startsWith('source_of_'))) {
      const waive = { decision: 'waive', note: 'Nothing is left of that time' };
      const answer = await desk.call(desk.officer, 'POST', `${path}/items/${id}/decide`, waive);
      expect(answer.status).toBe(200);
    }
    expect((await desk.call(person, 'POST', `${path}/documents`, upload())).status).toBe(201);
    for (const kind of ['tax_residence', 'fatca_crs'] as const) {
      await desk.call(person, 'POST', `${path}/declarations`, { kind, content: CERTIFIED[kind] });
    }
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    const asked = await approve(path);
    expect(asked.body.approval.payload.reasons).toContain('item_waived');
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(mlro, 'POST', vote, REASON)).status).toBe(200);
  });

  test('is said in the decision that sends it back, with all that was sent back and why', async () => {
    const { path } = await sentBack();
    const decision = await newestDecision(path);
    expect(decision?.evidence).toMatchObject({
      missing: ['source_of_funds', 'source_of_wealth'],
      sentBack: expect.arrayContaining([
        { item: 'identity', reasonCode: 'other' },
        { item: 'source_of_funds', reasonCode: 'incomplete' },
        { item: 'source_of_wealth', reasonCode: 'incomplete' },
      ]),
    });
  });
});

const CERTIFIED = {
  tax_residence: { residences: [{ country: 'MUS', taxNumber: 'A1234567' }] },
  fatca_crs: { usPerson: false, entityType: 'individual', certified: true },
} as const;

async function itemsOf(path: string) {
  const rows = await desk.deps.db.engine.execute<{ id: string; item: string }>(
    `select id, item from kyc_items where application_id = '${idOf(path)}' order by item`,
  );
  return [...rows];
}

describe('who may not be served by what they were approved with', () => {
  test('is approved by two by what they are now, and let go then', async () => {
    const person = await desk.newPerson();
    const { userId } = person;
    const declaration = { ...declarationOf(person), birthDate: '1961-02-28' };
    const first = await desk.apply(person, declaration);
    expect((await approve(first)).status).toBe(200);
    await desk.settle();
    // As if the country had been harmless when they were approved.
    const key = await transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, userId));
    const place = { table: 'kyc_applications', column: 'declaration', rowId: idOf(first) };
    await desk.deps.db.engine
      .update(kycApplications)
      .set({ declaration: sealJson(key, place, { ...declaration, taxResidence: 'IRN' }) })
      .where(eq(kycApplications.id, idOf(first)));
    await tell(person, 'identity.profile_changed', { members: ['phone'] });
    expect(await desk.gateOf(person)).toMatchObject({ restriction: 'no_out' });

    const body = { level: 'standard', declaration };
    const { id } = (await desk.call(person, 'POST', '/v1/kyc/applications', body)).body;
    const path = `/v1/kyc/applications/${id}`;
    for (const type of ['passport', 'proof_of_address', 'source_of_funds', 'source_of_wealth']) {
      await desk.call(person, 'POST', `${path}/documents`, upload({ type }));
    }
    await desk.certify(person, path);
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    expect(await desk.gateOf(person)).toMatchObject({ restriction: 'no_out' });
    const asked = await approve(path);
    expect(asked.body.approval.payload.reasons).toContain('risk_high');
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    expect((await desk.call(mlro, 'POST', vote, REASON)).status).toBe(200);
    await desk.settle();
    expect(await desk.gateOf(person)).toMatchObject({ kycLevel: 'standard', restriction: 'none' });
  });
});

describe('items that are sent back', () => {
  test('stand in the decision with the reasons they were given, whatever becomes of them', async () => {
    const person = await desk.newPerson();
    const path = await desk.apply(person);
    const identity = (await itemsOf(path)).find(({ item }) => item === 'identity');
    const items = [{ itemId: identity?.id, reasonCode: 'unreadable' }];
    const back = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, { ...REASON, items });
    expect(back.status).toBe(200);
    await desk.call(person, 'POST', `${path}/documents`, upload());
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    expect((await newestDecision(path))?.evidence).toMatchObject({
      sentBack: [{ item: 'identity', reasonCode: 'unreadable' }],
    });
  });
});

describe('who keeps their gate while they ask for more', () => {
  test('is approved only once what they handed in was held against the lists', async () => {
    const person = await desk.newPerson();
    const declared = { birthDate: '1961-02-28' };
    const first = await desk.apply(person, declared);
    expect((await approve(first)).status).toBe(200);
    const body = { level: 'standard', declaration: { ...declarationOf(person), ...declared } };
    const { id } = (await desk.call(person, 'POST', '/v1/kyc/applications', body)).body;
    const path = `/v1/kyc/applications/${id}`;
    await desk.call(person, 'POST', `${path}/documents`, upload());
    await desk.call(person, 'POST', `${path}/documents`, upload({ type: 'proof_of_address' }));
    await desk.certify(person, path);
    expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    expect(await desk.gateOf(person)).toMatchObject({ kycStatus: 'approved', screening: 'clear' });
    const only = eq(kycApplications.id, id);
    const { engine } = desk.deps.db;
    const [screened] = await engine.select().from(kycApplications).where(only);
    expect((screened?.screenedAt ?? '') >= (screened?.submittedAt ?? '9999')).toBe(true);
    // As while the event that has them screened is on its way, or was parked.
    await engine.update(kycApplications).set({ screenedAt: null }).where(only);
    expect(await approve(path)).toMatchObject({ status: 409, body: { code: 'screening_not_clear' } });
    const screening = await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId: person.userId });
    expect(screening.status).toBe(201);
    expect((await approve(path)).status).toBe(200);
  });
});
