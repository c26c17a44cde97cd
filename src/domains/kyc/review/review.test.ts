import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, desc, eq } from 'drizzle-orm';
import { openClient } from '../../../platform/db/client.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { passportZone } from '../../../testing/mrz.ts';
import { roleGrants } from '../../identity/schema.ts';
import { kycApplications, kycDecisions } from '../schema.ts';

const REASON = { reason: 'Verified against the originals' };
const EXPOSED = { politicallyExposed: true };

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

function idIn(path: string): string {
  return path.split('/').at(-1) ?? '';
}

type ItemBody = {
  readonly id: string;
  readonly item: string;
  readonly status: string;
  readonly declarationId: string | null;
};

/** Handed in and screened, with everything that this applicant has to show. */
async function applied(person: Person, declared: object = {}, level = 'standard'): Promise<string> {
  const declaration = { ...declarationOf(person), ...declared };
  const { body } = await desk.call(person, 'POST', '/v1/kyc/applications', { level, declaration });
  const path = `/v1/kyc/applications/${body.id}`;
  for (const type of ['passport', 'proof_of_address', 'source_of_funds', 'source_of_wealth']) {
    await desk.call(person, 'POST', `${path}/documents`, upload({ type }));
  }
  await desk.certify(person, path);
  expect((await desk.call(person, 'POST', `${path}/submit`)).status).toBe(200);
  await desk.settle();
  return path;
}

async function itemsOf(person: Person, path: string): Promise<readonly ItemBody[]> {
  return (await desk.call(person, 'GET', path)).body.items;
}

/** Those that a document shows. */
async function uploadedItems(person: Person, path: string): Promise<readonly ItemBody[]> {
  return (await itemsOf(person, path)).filter(({ declarationId }) => declarationId === null);
}

async function itemOf(path: string, name: string): Promise<ItemBody> {
  const found = (await itemsOf(desk.officer, path)).find(({ item }) => item === name);
  if (found === undefined) {
    throw new Error(`there is no item ${name}`);
  }
  return found;
}

function vote(person: Person, approvalId: string, verdict: 'approve' | 'reject' = 'approve') {
  return desk.call(person, 'POST', `/v1/approvals/${approvalId}/${verdict}`, { reason: 'I looked too' });
}

async function decisionOf(path: string) {
  const [decision] = await desk.deps.db.engine
    .select()
    .from(kycDecisions)
    .where(eq(kycDecisions.applicationId, idIn(path)))
    .orderBy(desc(kycDecisions.id))
    .limit(1);
  return decision;
}

describe('a senior person', () => {
  test('agrees to who is politically exposed; until then nothing is approved', async () => {
    const customer = await desk.newPerson();
    const path = await applied(customer, EXPOSED);
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(asked).toMatchObject({ status: 202, body: { approval: { action: 'kyc_application.approve' } } });
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending', kycLevel: 'none' });
    const again = await desk.call(desk.officer2, 'POST', `${path}/approve`, REASON);
    expect(again.body.code).toBe('approval_pending_exists');
    const item = await itemOf(path, 'address');
    const change = await desk.call(desk.officer, 'POST', `${path}/items/${item.id}/decide`, {
      decision: 'accept',
    });
    expect(change.body.code).toBe('application_awaits_senior');

    expect((await vote(desk.officer2, asked.body.approval.id)).status).toBe(403);
    expect((await vote(mlro, asked.body.approval.id)).body).toMatchObject({ status: 'executed' });
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'approved', kycLevel: 'standard' });
    const decision = await decisionOf(path);
    expect(decision).toMatchObject({
      outcome: 'approved',
      decidedBy: desk.officer.userId,
      approvalId: asked.body.approval.id,
    });
    expect(decision?.explanation).toContainEqual({
      rule: 'one_reviewer_is_enough',
      input: expect.stringContaining('politically_exposed'),
      outcome: 'senior',
    });
  });

  test('agrees to the enhanced level, and is not the one who asked', async () => {
    const path = await applied(await desk.newPerson(), {}, 'enhanced');
    const asked = await desk.call(mlro, 'POST', `${path}/approve`, REASON);
    expect(asked.status).toBe(202);
    expect((await vote(mlro, asked.body.approval.id)).body.code).toBe('self_approval');
    const other = await desk.newPerson(INNOCENT, 'mlro');
    expect((await vote(other, asked.body.approval.id)).status).toBe(200);
  });

  test('who does not agree leaves the application with its reviewer, who may ask again', async () => {
    const customer = await desk.newPerson();
    const path = await applied(customer, EXPOSED);
    const first = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect((await vote(mlro, first.body.approval.id, 'reject')).status).toBe(200);
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending' });
    const second = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(second.status).toBe(202);
    const events = (await desk.call(desk.officer, 'GET', `${path}/events`)).body.data;
    expect(events.map(({ type }: { type: string }) => type)).toEqual([
      'created',
      'submitted',
      'senior_asked',
      'senior_refused',
      'senior_asked',
    ]);
  });

  test('finds another screening at the vote: nothing is approved and the vote does not count', async () => {
    const customer = await desk.newPerson({ firstName: 'Osbert', lastName: 'Quillfeather' });
    const path = await applied(customer, EXPOSED);
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    const listed = `z-9,person,${customer.firstName} ${customer.lastName},,,,,TEST,`;
    await desk.loadList([...LIST_ROWS, listed]);
    await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId: customer.userId });
    expect((await vote(mlro, asked.body.approval.id)).body.code).toBe('screening_not_clear');
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending', screening: 'open' });
  });

  test('is needed whatever the code says: the database refuses an approval without them', async () => {
    const path = await applied(await desk.newPerson(), EXPOSED);
    const { engine } = desk.deps.db;
    const [application] = await engine
      .select()
      .from(kycApplications)
      .where(eq(kycApplications.id, idIn(path) as never));
    const alone = engine.insert(kycDecisions).values({
      id: crypto.randomUUID() as never,
      applicationId: idIn(path) as never,
      userId: application?.userId as never,
      outcome: 'approved',
      reason: 'alone',
      evidence: {},
      decidedBy: desk.officer.userId,
      decidedAt: desk.deps.clock.now(),
    });
    expect(
      await alone.then(
        () => 'done',
        (error: Error) => (error.cause as { code?: string }).code,
      ),
    ).toBe('PL034');
    const release = engine
      .update(kycApplications)
      .set({ needsSenior: false })
      .where(eq(kycApplications.id, idIn(path) as never));
    expect(
      await release.then(
        () => 'done',
        (error: Error) => (error.cause as { code?: string }).code,
      ),
    ).toBe('PL034');
  });

  test('a rejection goes past them: it takes the request back and shuts the gate', async () => {
    const customer = await desk.newPerson();
    const path = await applied(customer, EXPOSED);
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    const rejected = await desk.call(desk.officer2, 'POST', `${path}/reject`, REASON);
    expect(rejected.body).toMatchObject({ status: 'rejected', reasonCode: 'not_eligible' });
    expect((await vote(mlro, asked.body.approval.id)).body.code).toBe('approval_not_pending');
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'rejected' });
  });
});

describe('items', () => {
  test('one is sent back: only that is asked for again, and what was accepted stays', async () => {
    const customer = await desk.newPerson();
    const path = await applied(customer);
    const [identity, address] = [await itemOf(path, 'identity'), await itemOf(path, 'address')];
    const accepted = await desk.call(desk.officer, 'POST', `${path}/items/${identity.id}/decide`, {
      decision: 'accept',
    });
    expect(accepted.body).toMatchObject({ item: 'identity', status: 'accepted' });
    const asked = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, {
      ...REASON,
      items: [{ itemId: address.id, reasonCode: 'unreadable' }],
    });
    expect(asked.body).toMatchObject({
      status: 'resubmission_required',
      reasonCode: 'information_incomplete',
    });
    expect(await uploadedItems(customer, path)).toMatchObject([
      { item: 'address', status: 'resubmit', reasonCode: 'unreadable' },
      { item: 'identity', status: 'accepted' },
    ]);
    const early = await desk.call(customer, 'POST', `${path}/submit`);
    expect(early.body).toMatchObject({
      code: 'documents_missing',
      detail: expect.stringContaining('address'),
    });
    await desk.call(customer, 'POST', `${path}/documents`, upload({ type: 'proof_of_address' }));
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    expect(await uploadedItems(customer, path)).toMatchObject([
      { item: 'address', status: 'provided', reasonCode: null },
      { item: 'identity', status: 'accepted' },
    ]);
    await desk.settle();
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).body.status).toBe('approved');
  });

  test('one that was sent back on its own keeps the application from being approved', async () => {
    const path = await applied(await desk.newPerson());
    const { id } = await itemOf(path, 'address');
    const decide = (body: object) => desk.call(desk.officer, 'POST', `${path}/items/${id}/decide`, body);
    expect((await decide({ decision: 'resubmit' })).status).toBe(422);
    expect((await decide({ decision: 'resubmit', reasonCode: 'too_old' })).status).toBe(200);
    const refused = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(refused.body.code).toBe('items_sent_back');
    expect((await decide({ decision: 'accept' })).status).toBe(200);
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(200);
  });

  test('one that is let pass needs words, and a senior person for the whole', async () => {
    const path = await applied(await desk.newPerson());
    const { id } = await itemOf(path, 'address');
    const decide = (body: object) => desk.call(desk.officer, 'POST', `${path}/items/${id}/decide`, body);
    expect((await decide({ decision: 'waive' })).status).toBe(422);
    const note = 'Lives on a boat; seen by the harbour master';
    expect((await decide({ decision: 'waive', note })).body).toMatchObject({ status: 'waived' });
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(asked.status).toBe(202);
    const events = (await desk.call(desk.officer, 'GET', `${path}/events`)).body.data;
    expect(events).toContainEqual(expect.objectContaining({ type: 'item_decided', note }));
    expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
  });

  test("of another application, or one's own, are refused", async () => {
    const [path, elsewhere] = [await applied(await desk.newPerson()), await applied(await desk.newPerson())];
    const { id } = await itemOf(elsewhere, 'identity');
    const body = { decision: 'accept' };
    expect((await desk.call(desk.officer, 'POST', `${path}/items/${id}/decide`, body)).status).toBe(404);
    const items = [{ itemId: id, reasonCode: 'unreadable' }];
    const asked = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, { ...REASON, items });
    expect(asked.body.code).toBe('item_unknown');
    const customer = await desk.newPerson();
    const own = await applied(customer);
    await desk.deps.db.engine
      .insert(roleGrants)
      .values({ userId: customer.userId, role: 'mlro', grantedAt: desk.deps.clock.now() });
    const both = await desk.signIn(customer, 'customer', 'mlro');
    const mine = await itemOf(own, 'identity');
    const self = await desk.call(both, 'POST', `${own}/items/${mine.id}/decide`, body);
    expect(self.body.code).toBe('self_review');
  });
});

describe('the queue', () => {
  test('tells what waits for whom, the most pressing first, and ages', async () => {
    const [plain, exposed] = [await desk.newPerson(), await desk.newPerson()];
    const paths = [await applied(plain), await applied(exposed, EXPOSED)];
    await desk.call(desk.officer, 'POST', `${paths[1]}/approve`, REASON);
    const mine = async (query: string) => {
      const { body } = await desk.call(desk.officer, 'GET', `/v1/kyc/review-queue?limit=200${query}`);
      return body.data.filter(({ id }: { id: string }) => paths.some((path) => idIn(path) === id));
    };
    expect(await mine('')).toMatchObject([
      { id: idIn(paths[1] ?? ''), waitingFor: 'senior', needsSenior: true, status: 'under_review' },
      { id: idIn(paths[0] ?? ''), waitingFor: 'reviewer', overdue: false, itemCounts: { provided: 4 } },
    ]);
    expect(await mine('&needsSenior=false')).toHaveLength(1);
    expect(await mine('&overdue=true')).toEqual([]);
    expect(await mine('&assignee=me')).toEqual([]);
    const { engine } = desk.deps.db;
    await engine
      .update(kycApplications)
      .set({
        dueAt: '2020-01-03T09:00:00.000000Z' as never,
        submittedAt: '2020-01-01T09:00:00.000000Z' as never,
      })
      .where(eq(kycApplications.id, idIn(paths[0] ?? '') as never));
    const [late] = await mine('&overdue=true');
    expect(late).toMatchObject({ id: idIn(paths[0] ?? ''), overdue: true });
    expect(late.ageHours).toBeGreaterThan(24 * 365);
  });

  test('is read page by page without a row twice or left out', async () => {
    for (let made = 0; made < 3; made += 1) {
      await applied(await desk.newPerson());
    }
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await desk.call(desk.officer, 'GET', `/v1/kyc/review-queue?limit=2${cursor}`);
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    const { body } = await desk.call(desk.officer, 'GET', '/v1/kyc/review-queue?limit=200');
    expect(seen).toEqual(body.data.map(({ id }: { id: string }) => id));
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('is worked on by those who review, and never on oneself', async () => {
    const customer = await desk.newPerson();
    const path = await applied(customer);
    const assign = (person: Person, assigneeId: string) =>
      desk.call(person, 'POST', `${path}/assign`, { assigneeId });
    expect((await assign(desk.officer, customer.userId)).body.code).toBe('self_review');
    const support = await desk.newPerson(INNOCENT, 'support');
    expect((await assign(desk.officer, support.userId)).body.code).toBe('assignee_unsuitable');
    expect((await assign(support, desk.officer.userId)).status).toBe(403);
    expect((await assign(desk.officer, desk.officer2.userId)).body.status).toBe('under_review');
    const { body } = await desk.call(desk.officer2, 'GET', '/v1/kyc/review-queue?assignee=me');
    expect(body.data.map(({ id }: { id: string }) => id)).toContain(idIn(path));
    expect((await desk.call(customer, 'GET', path)).body).not.toHaveProperty('assigneeId');
    await desk.call(desk.officer, 'POST', `${path}/reject`, REASON);
    expect((await assign(desk.officer, desk.officer2.userId)).body.code).toBe('application_not_submitted');
  });
});

test('side by side, every source is shown with whether they agree, and the look is recorded', async () => {
  const customer = await desk.newPerson();
  const declaration = { ...declarationOf(customer), birthDate: '1974-08-12' };
  const { body } = await desk.call(customer, 'POST', '/v1/kyc/applications', { level: 'basic', declaration });
  const path = `/v1/kyc/applications/${body.id}`;
  const names = { surname: 'RAMGOOLAM', given: 'ANJALI' };
  const mrz = passportZone({ ...names, number: 'L8989021', birth: '740813', expiry: '320415' });
  await desk.call(customer, 'POST', `${path}/documents`, upload({ mrz, number: 'L-898 9021' }));
  await desk.certify(customer, path);
  await desk.call(customer, 'POST', `${path}/submit`);
  const { rows } = (await desk.call(desk.officer, 'GET', `${path}/comparison`)).body;
  const seen = rows.map(({ field, agree, values }: { field: string; agree: boolean; values: unknown[] }) => [
    field,
    agree,
    values.length,
  ]);
  expect(seen).toEqual([
    ['name', true, 3],
    ['birthDate', false, 2],
    ['nationality', true, 2],
    ['country', true, 1],
    ['address', true, 1],
    ['occupation', true, 1],
    ['taxResidence', true, 2],
    ['usPerson', true, 1],
    ['exposed', true, 1],
    ['documentNumber', true, 2],
    ['issuingCountry', true, 2],
    ['expiresOn', true, 2],
  ]);
  expect((await desk.call(customer, 'GET', `${path}/comparison`)).status).toBe(403);
  const looks = await desk.deps.db.engine
    .select({ type: auditLogs.eventType })
    .from(auditLogs)
    .where(and(eq(auditLogs.resourceId, idIn(path)), eq(auditLogs.actorId, desk.officer.userId)));
  expect(looks).toEqual([{ type: 'kyc_application.compared' }]);
});

test('a decided application cannot be moved by anything that comes late', async () => {
  const path = await applied(await desk.newPerson());
  await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
  const owner = openClient(desk.database.connections.engine, 1);
  for (const status of ['under_review', 'rejected', 'draft', 'submitted', 'resubmission_required']) {
    const moved = owner`update kyc_applications set status = ${status}::kyc_application_status
      where id = ${idIn(path)}`;
    const code = await moved.then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );
    expect(`${status} ${code}`).toBe(`${status} PL034`);
  }
  await owner.end({ timeout: 5 });
  for (const step of ['approve', 'reject', 'request-resubmission']) {
    const late = await desk.call(desk.officer2, 'POST', `${path}/${step}`, REASON);
    expect(late.body.code).toBe('application_not_submitted');
  }
});
