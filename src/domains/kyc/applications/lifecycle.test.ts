import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { openClient } from '../../../platform/db/client.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  dump,
  INNOCENT,
  LIST_ROWS,
  type Person,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { screenedByLists } from '../index.ts';
import { kycApplications } from '../schema.ts';
import { findApplication } from '../store.ts';
import { lapseDrafts } from './lapse-drafts.ts';
import { partiesOf } from './parties-of.ts';

const REASON = { reason: 'Verified against the originals' };

const COMPANY = {
  legalName: 'Zwyxford Textiles Ltd',
  registrationNumber: 'C778899',
  incorporatedOn: '2015-06-01',
  country: 'MUS',
  legalForm: 'Private company limited by shares',
  registeredAddress: { street: '4 Edith Cavell Street', city: 'Port Louis', country: 'MUS' },
  natureOfBusiness: 'Trade in textiles',
  taxResidences: ['MUS'],
};

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

async function begin(person: Person, body: object = {}): Promise<string> {
  const whole = { level: 'basic', declaration: declarationOf(person), ...body };
  return `/v1/kyc/applications/${(await desk.call(person, 'POST', '/v1/kyc/applications', whole)).body.id}`;
}

async function patch(person: Person, path: string, version: number, body: object) {
  return desk.request('PATCH', path, {
    token: person.token,
    body,
    headers: { 'if-match': `"${version}"` },
  });
}

async function eventsOf(person: Person, path: string): Promise<readonly string[]> {
  const { body } = await desk.call(person, 'GET', `${path}/events`);
  return body.data.map(({ type }: { type: string }) => type);
}

describe('a draft', () => {
  test('is changed by its applicant, by version, until it is handed in', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const declaration = { ...declarationOf(customer), occupation: 'Cartographer' };
    expect((await patch(customer, path, 7, { declaration })).body.code).toBe('version_mismatch');
    const stranger = await desk.newPerson();
    expect((await patch(stranger, path, 1, { declaration })).status).toBe(404);
    const future = { ...declaration, birthDate: '2999-01-01' };
    expect((await patch(customer, path, 1, { declaration: future })).body.code).toBe(
      'birth_date_implausible',
    );
    expect((await patch(customer, path, 1, {})).status).toBe(422);
    expect((await patch(customer, path, 1, { declaration, level: 'standard' })).body).toMatchObject({
      level: 'standard',
      version: 2,
    });
    expect((await desk.call(customer, 'GET', path)).body).toMatchObject({
      declaration: { occupation: 'Cartographer' },
      items: [
        { item: 'address', status: 'missing' },
        { item: 'fatca_crs', status: 'provided' },
        { item: 'identity', status: 'provided' },
        { item: 'tax_residence', status: 'provided' },
      ],
    });
    await patch(customer, path, 2, { level: 'basic' });
    await desk.call(customer, 'POST', `${path}/submit`);
    expect((await patch(customer, path, 4, { declaration })).body.code).toBe('application_not_editable');
    await desk.settle();
    expect(await eventsOf(customer, path)).toEqual(['created', 'edited', 'edited', 'submitted']);
  });
});

test('a draft nobody touches for ninety days lapses, once, and one touched since does not', async () => {
  const [idle, busy] = [await desk.newPerson(), await desk.newPerson()];
  const paths = [await begin(idle), await begin(busy)];
  const { engine } = desk.deps.db;
  const old = addMs(desk.deps.clock.now(), -91 * 86_400_000);
  for (const path of paths) {
    await engine
      .update(kycApplications)
      .set({ createdAt: old })
      .where(eq(kycApplications.id, idIn(path) as never));
  }
  const owner = openClient(desk.database.owner, 1);
  await owner.unsafe('ALTER TABLE kyc_application_events NO FORCE ROW LEVEL SECURITY');
  await owner.unsafe('ALTER TABLE kyc_application_events DISABLE TRIGGER append_only');
  await owner`update kyc_application_events set at = ${old} where application_id = ${idIn(paths[0] ?? '')}`;
  await owner.unsafe('ALTER TABLE kyc_application_events ENABLE ALWAYS TRIGGER append_only');
  await owner.unsafe('ALTER TABLE kyc_application_events FORCE ROW LEVEL SECURITY');
  await owner.end({ timeout: 5 });
  await lapseDrafts(desk.system);
  await lapseDrafts(desk.system);
  expect((await desk.call(idle, 'GET', paths[0] ?? '')).body).toMatchObject({
    status: 'withdrawn',
    version: 2,
  });
  expect((await desk.call(busy, 'GET', paths[1] ?? '')).body).toMatchObject({ status: 'draft', version: 1 });
});

describe('withdrawing', () => {
  test('a draft leaves the gate as it is, and another may be begun', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const before = await desk.gateOf(customer);
    expect((await desk.call(customer, 'POST', `${path}/withdraw`)).body.status).toBe('withdrawn');
    expect(await desk.gateOf(customer)).toEqual(before as never);
    expect((await desk.call(customer, 'POST', `${path}/withdraw`)).body.code).toBe(
      'application_not_withdrawable',
    );
    await desk.draft(customer);
  });

  test('what waits for a senior person takes that back too, and the gate begins anew', async () => {
    const customer = await desk.newPerson();
    const path = await begin(customer, { level: 'enhanced' });
    for (const type of ['passport', 'proof_of_address', 'source_of_funds', 'source_of_wealth']) {
      await desk.call(customer, 'POST', `${path}/documents`, upload({ type }));
    }
    await desk.certify(customer, path);
    await desk.call(customer, 'POST', `${path}/submit`);
    await desk.settle();
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(asked.status).toBe(202);
    const stranger = await desk.newPerson();
    expect((await desk.call(stranger, 'POST', `${path}/withdraw`)).status).toBe(404);
    expect((await desk.call(customer, 'POST', `${path}/withdraw`)).status).toBe(200);
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'not_started' });
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    const late = await desk.call(mlro, 'POST', vote, { reason: 'I looked too' });
    expect(late.body.code).toBe('approval_not_pending');
    expect(await eventsOf(customer, path)).toEqual(['created', 'submitted', 'withdrawn']);
    expect(await eventsOf(desk.officer, path)).toEqual(['created', 'submitted', 'senior_asked', 'withdrawn']);
  });

  test('and approving at once: one of them happens, and the gate tells which', async () => {
    for (let round = 0; round < 5; round += 1) {
      const customer = await desk.newPerson();
      const path = await desk.apply(customer);
      const [withdrawn, approved] = await Promise.all([
        desk.call(customer, 'POST', `${path}/withdraw`),
        desk.call(desk.officer, 'POST', `${path}/approve`, REASON),
      ]);
      expect([withdrawn.status, approved.status].toSorted((one, other) => one - other)).toEqual([200, 409]);
      const gate = await desk.gateOf(customer);
      expect(gate?.kycStatus).toBe(approved.status === 200 ? 'approved' : 'not_started');
    }
  });

  test('does not wash off a rejection', async () => {
    const customer = await desk.newPerson();
    const path = await desk.apply(customer);
    await desk.call(desk.officer, 'POST', `${path}/reject`, REASON);
    const again = await desk.apply(customer);
    await desk.call(customer, 'POST', `${again}/withdraw`);
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'rejected' });
  });
});

describe('asking for a higher level', () => {
  async function approvedPerson() {
    const customer = await desk.newPerson();
    const declaration = declarationOf(customer);
    const path = await begin(customer, { declaration });
    await desk.call(customer, 'POST', `${path}/documents`, upload());
    await desk.certify(customer, path);
    await desk.call(customer, 'POST', `${path}/submit`);
    await desk.settle();
    expect((await desk.call(desk.officer, 'POST', `${path}/approve`, REASON)).status).toBe(200);
    return { customer, declaration };
  }

  async function ask(customer: Person, declaration: object, level = 'standard'): Promise<string> {
    const path = await begin(customer, { declaration, level });
    await desk.call(customer, 'POST', `${path}/documents`, upload());
    await desk.call(customer, 'POST', `${path}/documents`, upload({ type: 'proof_of_address' }));
    await desk.certify(customer, path);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    return path;
  }

  test('leaves what one is approved for, whatever becomes of it', async () => {
    const { customer, declaration } = await approvedPerson();
    const open = { kycStatus: 'approved', kycLevel: 'basic', screening: 'clear' };
    const first = await ask(customer, { ...declaration, occupation: 'Minister' });
    expect(await desk.gateOf(customer)).toMatchObject(open);
    await desk.settle();
    await desk.call(desk.officer, 'POST', `${first}/reject`, REASON);
    expect(await desk.gateOf(customer)).toMatchObject(open);
    const second = await ask(customer, declaration);
    await desk.settle();
    await desk.call(customer, 'POST', `${second}/withdraw`);
    expect(await desk.gateOf(customer)).toMatchObject(open);
    const third = await ask(customer, declaration);
    await desk.settle();
    const asked = await desk.call(desk.officer, 'POST', `${third}/approve`, REASON);
    expect(asked.body).toMatchObject({ approval: { payload: { reasons: ['notice_critical'] } } });
    await desk.call(mlro, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, REASON);
    expect(await desk.gateOf(customer)).toMatchObject({ ...open, kycLevel: 'standard' });
  });

  test.each<[string, object]>([
    ['as somebody else', { lastName: 'Somebodyelse' }],
    ['born on another day', { birthDate: '1949-12-31' }],
    ['of another nationality', { nationality: 'FRA' }],
  ])('%s shuts the gate until it is decided', async (_title, other) => {
    const { customer, declaration } = await approvedPerson();
    await ask(customer, { ...declaration, ...other });
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending', screening: 'none' });
    await desk.settle();
  });

  test('for the same level shuts it too', async () => {
    const { customer, declaration } = await approvedPerson();
    await ask(customer, declaration, 'basic');
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending' });
    await desk.settle();
  });
});

describe('declarations', () => {
  test('for tax are asked of everybody; each revision is kept, sealed', async () => {
    const customer = await desk.newPerson();
    const path = await begin(customer, { declaration: { ...declarationOf(customer), nationality: 'USA' } });
    await desk.call(customer, 'POST', `${path}/documents`, upload());
    const missing = await desk.call(customer, 'POST', `${path}/submit`);
    expect(missing.body).toMatchObject({
      code: 'documents_missing',
      detail: 'Upload the declaration fatca_crs; the declaration tax_residence.',
    });
    const declare = (usTaxNumber: string) =>
      desk.call(customer, 'POST', `${path}/declarations`, {
        kind: 'fatca_crs',
        content: { usPerson: true, usTaxNumber, certified: true },
      });
    expect((await declare('CANARYTIN1')).body).toMatchObject({ kind: 'fatca_crs', revision: 1 });
    expect((await declare('CANARYTIN2')).body).toMatchObject({ revision: 2 });
    const unknown = await desk.call(customer, 'POST', `${path}/declarations`, { kind: 'pep', content: {} });
    expect(unknown.status).toBe(422);
    await desk.certify(customer, path);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    const { body } = await desk.call(desk.officer, 'GET', `${path}/declarations`);
    expect(
      body.data.flatMap(({ content }: { content: { usTaxNumber?: string } }) => content.usTaxNumber ?? []),
    ).toEqual(['CANARYTIN1', 'CANARYTIN2']);
    const stored = await dump(desk, ['kyc_declarations', 'kyc_application_events', 'audit_logs', 'outbox']);
    expect(stored.includes('CANARYTIN')).toBe(false);
    const stranger = await desk.newPerson();
    expect((await desk.call(stranger, 'GET', `${path}/declarations`)).status).toBe(404);
    await desk.settle();
  });

  test('of exposure ask for where the money is from, and what the function is', async () => {
    const customer = await desk.newPerson();
    const declaration = { ...declarationOf(customer), politicallyExposed: true };
    const path = await begin(customer, { declaration });
    await desk.call(customer, 'POST', `${path}/documents`, upload());
    const refused = await desk.call(customer, 'POST', `${path}/submit`);
    expect(refused.body.detail).toBe(
      'Upload the declaration fatca_crs; source_of_funds; source_of_wealth; ' +
        'the declaration tax_residence; the declaration pep.',
    );
    const version = await desk.deps.db.engine
      .select({ version: kycApplications.version, status: kycApplications.status })
      .from(kycApplications)
      .where(eq(kycApplications.id, idIn(path) as never));
    expect(version).toEqual([{ version: 1, status: 'draft' }]);
  });
});

describe('a legal person', () => {
  const person = (firstName: string) => ({
    person: { firstName, lastName: 'Appadoo', birthDate: '1971-03-04', nationality: 'MUS' },
  });

  async function beginCompany(customer: Person): Promise<string> {
    const path = await begin(customer, { company: COMPANY });
    const types = [
      'passport',
      'certificate_of_incorporation',
      'register_of_directors',
      'register_of_members',
    ];
    for (const type of types) {
      const form = upload({ type, ...(type === 'passport' ? { number: 'N-passport' } : {}) });
      await desk.call(customer, 'POST', `${path}/documents`, form);
    }
    await desk.certify(customer, path);
    return path;
  }

  test('is handed in once everybody behind it is named, approved by two, and its people are told of', async () => {
    const customer = await desk.newPerson();
    const path = await beginCompany(customer);
    const add = (body: object) => desk.call(customer, 'POST', `${path}/parties`, body);
    const early = await desk.call(customer, 'POST', `${path}/submit`);
    expect(early.body).toMatchObject({
      code: 'parties_incomplete',
      detail: 'director_missing, signatory_missing, owner_missing',
    });
    const director = await add({ role: 'director', details: person('Devi') });
    await add({ role: 'authorised_signatory', details: person('Devi') });
    const holding = await add({
      role: 'beneficial_owner',
      shareBps: 10_000,
      details: { organisation: { legalName: 'Filao Holding', country: 'MUS' } },
    });
    const owner = { role: 'beneficial_owner', shareBps: 6_000, parentId: holding.body.id };
    const sole = await add({ ...owner, details: person('Devi') });
    const much = await add({ ...owner, shareBps: 4_001, details: person('Kavi') });
    expect((await desk.call(customer, 'POST', `${path}/submit`)).body.detail).toBe('shares_exceed_whole');
    const kept = `${path}/parties/${holding.body.id}`;
    expect((await desk.call(customer, 'DELETE', kept)).body.code).toBe('party_has_owners');
    expect((await desk.call(customer, 'DELETE', `${path}/parties/${much.body.id}`)).status).toBe(204);
    const unexplained = await desk.call(customer, 'POST', `${path}/submit`);
    expect(unexplained.body.detail).toBe('ownership_unexplained');
    const kavi = await add({ ...owner, shareBps: 4_000, details: person('Kavi') });
    const unseen = await desk.call(customer, 'POST', `${path}/submit`);
    const kinds = 'passport or national_id or driving_licence of the party';
    expect(unseen.body.detail).toBe(`Upload ${kinds} ${director.body.id}; ${kinds} ${kavi.body.id}.`);
    // Devi is one person, whatever parts she has.
    for (const { body } of [sole, kavi]) {
      const form = upload({ partyId: body.id });
      expect((await desk.call(customer, 'POST', `${path}/documents`, form)).status).toBe(201);
    }
    expect((await desk.call(customer, 'POST', `${path}/submit`)).body.status).toBe('submitted');
    await desk.settle();
    const parties = await transact(desk.system, 'engine', async (tx) => {
      const application = await findApplication(tx, path.split('/').at(-1) as Id);
      return partiesOf(tx, await desk.deps.personKeys.of(tx, customer.userId), application);
    });
    expect(parties.map(({ role, kind, name }) => [role, kind, name])).toEqual([
      ['applicant', 'organisation', 'Zwyxford Textiles Ltd'],
      ['director', 'person', 'Devi Appadoo'],
      ['authorised_signatory', 'person', 'Devi Appadoo'],
      ['beneficial_owner', 'organisation', 'Filao Holding'],
      ['beneficial_owner', 'person', 'Devi Appadoo'],
      ['beneficial_owner', 'person', 'Kavi Appadoo'],
    ]);
    const screened = await transact(desk.system, 'engine', (tx) =>
      screenedByLists(tx, desk.system, [customer.userId]),
    );
    expect(screened.get(customer.userId)).toMatchObject({
      documents: [{ type: 'passport', number: 'N-passport', country: null }],
      parties: parties.map(({ id }) => ({ id })),
    });
    // What was shown of a party names that party, and not who declares.
    const told = parties.map(({ name, identifiers }) => [name, identifiers.map(({ type }) => type)]);
    expect(told.slice(-2)).toEqual([
      ['Devi Appadoo', ['passport']],
      ['Kavi Appadoo', ['passport']],
    ]);
    const asked = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(asked.status).toBe(202);
    const stored = await dump(desk, ['kyc_applications', 'kyc_parties', 'audit_logs', 'outbox']);
    for (const secret of ['Zwyxford', 'Appadoo', 'Filao']) {
      expect(`${secret} ${stored.includes(secret)}`).toBe(`${secret} false`);
    }
  });

  test('is not what a natural person can become, nor does one have owners', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const party = await desk.call(customer, 'POST', `${path}/parties`, {
      role: 'director',
      details: person('Devi'),
    });
    expect(party.body.code).toBe('not_a_legal_person');
    expect((await patch(customer, path, 1, { company: COMPANY })).body.code).toBe('not_a_legal_person');
  });

  test.each<[string, object, number]>([
    ['an owner without a share', { role: 'beneficial_owner', details: person('A') }, 422],
    ['a director with one', { role: 'director', shareBps: 1, details: person('A') }, 422],
    ['nobody', { role: 'director', details: {} }, 422],
    ['more than all', { role: 'beneficial_owner', shareBps: 10_001, details: person('A') }, 422],
  ])('cannot name %s', async (_title, body, status) => {
    const customer = await desk.newPerson();
    const path = await begin(customer, { company: COMPANY });
    expect((await desk.call(customer, 'POST', `${path}/parties`, body)).status).toBe(status);
  });
});

describe('what applicants have to show', () => {
  const BASE = (['basic', 'standard', 'enhanced'] as const).flatMap((level) => [
    { level, applicantKind: 'natural', item: 'identity', alternatives: ['passport', 'national_id'] },
    { level, applicantKind: 'legal', item: 'incorporation', alternatives: ['certificate_of_incorporation'] },
  ]);

  async function inForce() {
    const { body } = await desk.call(desk.officer, 'GET', '/v1/kyc/requirements');
    const original = body.requirements.map(
      ({ nationality, riskLevel, maxAgeDays, ...row }: Record<string, unknown>) => ({
        ...row,
        ...(nationality === null ? {} : { nationality }),
        ...(riskLevel === null ? {} : { riskLevel }),
        ...(maxAgeDays === null ? {} : { maxAgeDays }),
      }),
    );
    return { before: body, original };
  }

  const propose = (requirements: unknown, more: object = {}) =>
    desk.call(desk.officer, 'POST', '/v1/kyc/requirement-sets', {
      requirements,
      reason: 'A stricter firm',
      ...more,
    });

  test('is seen by who is asked to agree, and agreed to against what was in force, or not at all', async () => {
    const { before, original } = await inForce();
    const lower = (beneficialOwnerBps: number) => propose(original, { beneficialOwnerBps });
    const [second, third] = [await lower(1_500), await lower(1_000)];
    const path = (answer: typeof second) => `/v1/kyc/requirement-sets/${answer.body.approval.subjectId}`;
    const seen = await desk.call(mlro, 'GET', path(third));
    expect(seen.body).toMatchObject({ status: 'draft', beneficialOwnerBps: 1_000 });
    expect(seen.body.requirements).toHaveLength(before.requirements.length);
    expect(third.body.approval.payload).toMatchObject({
      baseVersion: before.version,
      contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(second.body.approval.payload.contentHash).not.toBe(third.body.approval.payload.contentHash);
    const agree = async ({ body }: typeof second) =>
      desk.call(mlro, 'POST', `/v1/approvals/${body.approval.id}/approve`, { reason: 'I looked too' });
    expect((await agree(third)).status).toBe(200);
    const late = await agree(second);
    expect(late.body.code).toBe('requirements_changed');
    expect((await desk.call(desk.officer, 'GET', '/v1/kyc/requirements')).body).toMatchObject({
      id: seen.body.id,
      beneficialOwnerBps: 1_000,
    });
    const retired = await desk.deps.db.engine
      .select({ type: auditLogs.eventType })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, before.id));
    expect(retired.map(({ type }) => type)).toContain('kyc_requirements.retired');
    expect((await agree(await propose(original, { beneficialOwnerBps: 2_000 }))).status).toBe(200);
    const unknown = await desk.call(mlro, 'GET', `/v1/kyc/requirement-sets/${newId()}`);
    expect(unknown.status).toBe(404);
  });

  test('is changed by two people, as a whole, and counts from then on', async () => {
    const { before, original } = await inForce();
    expect((await propose(BASE.slice(1))).body.code).toBe('requirements_invalid');
    expect((await propose([...BASE, BASE[0]])).body.code).toBe('requirements_invalid');
    const selfie = { level: 'basic', applicantKind: 'natural', item: 'selfie', alternatives: ['selfie'] };
    const asked = await propose([...original, selfie]);
    expect(asked.status).toBe(202);
    expect((await desk.call(desk.officer, 'GET', '/v1/kyc/requirements')).body.version).toBe(before.version);
    const agree = async (approvalId: string) =>
      desk.call(mlro, 'POST', `/v1/approvals/${approvalId}/approve`, { reason: 'I looked too' });
    expect((await agree(asked.body.approval.id)).status).toBe(200);
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const stricter = await desk.call(customer, 'POST', `${path}/submit`);
    const back = await propose(original);
    expect((await agree(back.body.approval.id)).status).toBe(200);
    expect(stricter.body.detail).toBe('Upload selfie.');
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
  });
});
