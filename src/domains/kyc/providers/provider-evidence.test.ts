/** What a provider says as a part of the decision: held against what is declared then, and copied with its pictures. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { desc, eq } from 'drizzle-orm';
import type { Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { openJson, openText } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  dump,
  INNOCENT,
  LIST_ROWS,
  type Person,
  pixel,
  startComplianceDesk,
  upload,
} from '../../../testing/compliance-desk.ts';
import { passportZone } from '../../../testing/mrz.ts';
import { mrzPlace, numberPlace } from '../document-file.ts';
import { inputsOf } from '../risk/inputs-of.ts';
import { kycDecisions, kycDocuments } from '../schema.ts';
import {
  DIDIT_API_KEY,
  DIDIT_SECRET,
  DIDIT_WORKFLOW,
  type DiditSession,
  diditEvent,
  type Fixture,
  signDidit,
  startDidit,
} from '../testing/didit-server.ts';
import { fetchDecisionsJob, fetchSession } from './fetch-session.ts';
import { decisionPlace } from './places.ts';
import { kycProviderSessions } from './schema.ts';

const REASON = { reason: 'Verified against the originals' };

let desk: ComplianceDesk;
let didit: Fixture;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  didit = startDidit();
  const { url } = didit;
  const settings = { workflowId: DIDIT_WORKFLOW, apiKey: DIDIT_API_KEY, secrets: [DIDIT_SECRET], url };
  Object.assign(desk.deps, { kycProviders: new Map([['didit', settings]]) });
  await desk.loadList(LIST_ROWS);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
});

afterEach(() => {
  Object.assign(didit, { late: undefined });
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await didit.stop();
  await desk.close();
});

type Started = { readonly person: Person; readonly path: string; readonly session: DiditSession };

type Declared = ReturnType<typeof declarationOf>;

/** A draft without any document, whose applicant went to Didit. */
async function started(person?: Person): Promise<Started & { readonly declared: Declared }> {
  const customer = person ?? (await desk.newPerson());
  const declared = declarationOf(customer);
  const body = { level: 'basic', declaration: declared };
  const created = await desk.call(customer, 'POST', '/v1/kyc/applications', body);
  const path = `/v1/kyc/applications/${created.body.id}`;
  await desk.certify(customer, path);
  return { person: customer, path, session: await sessionOf(customer, path), declared };
}

async function sessionOf(person: Person, path: string): Promise<DiditSession> {
  const { body } = await desk.call(person, 'POST', `${path}/provider-session`);
  const session = didit.sessions.get(body.url.split('/').at(-1));
  if (session === undefined) {
    throw new Error('Didit was not asked for a session');
  }
  return session;
}

/** What Didit reads off a passport of who declares this, with its picture. */
function passport({ firstName, lastName, birthDate }: Declared, more: Record<string, Json> = {}) {
  const name = `front_${newId().replaceAll(/[^a-z]/g, '')}`;
  didit.pictures.set(name, { type: 'image/png', bytes: pixel() });
  return {
    id_verifications: [
      {
        status: 'Approved',
        document_type: 'Passport',
        document_number: `P${newId().replaceAll('-', '').slice(-12)}`,
        issuing_state: 'MUS',
        first_name: firstName.toUpperCase(),
        last_name: lastName.toUpperCase(),
        date_of_birth: birthDate,
        nationality: 'MUS',
        gender: 'F',
        expiration_date: '2040-01-31',
        front_image: `picture:${name}`,
        ...more,
      },
    ],
  };
}

/** Didit says so, and tells us. */
async function says(session: DiditSession, status: string, decision?: Record<string, Json>): Promise<void> {
  session.status = status;
  session.decision = decision ?? session.decision;
  await tell(session);
  await desk.settle();
}

async function tell(session: DiditSession): Promise<void> {
  const body = JSON.stringify(diditEvent(session));
  const nowS = Math.floor(desk.deps.clock.realMs() / 1_000);
  const headers = { ...signDidit(body, nowS, 'v2'), 'content-type': 'application/json' };
  const bytes = new Uint8Array(Buffer.from(body));
  const answer = await desk.request('POST', '/v1/webhooks/kyc/didit', { headers, body: bytes });
  expect(answer).toMatchObject({ status: 200, body: { state: 'taken' } });
}

async function submit({ person, path }: Started) {
  const answer = await desk.call(person, 'POST', `${path}/submit`);
  await desk.settle();
  return answer;
}

function approve(path: string) {
  return desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
}

function redeclare({ person, path }: Started, declaration: object, version = 1) {
  const headers = { 'if-match': `"${version}"` };
  return desk.request('PATCH', path, { token: person.token, body: { declaration }, headers });
}

async function noticesOf(path: string): Promise<readonly string[]> {
  const { body } = await desk.call(desk.officer, 'GET', path);
  return body.notices.map(({ code }: { code: string }) => code);
}

function idIn(path: string): Id {
  return (path.split('/').at(-1) ?? '') as Id;
}

async function rowOf({ id }: DiditSession) {
  const rows = desk.deps.db.engine.select().from(kycProviderSessions);
  const [row] = await rows.where(eq(kycProviderSessions.sessionRef, id));
  if (row === undefined) {
    throw new Error('there is a session');
  }
  return row;
}

async function decisionOf(path: string) {
  const rows = desk.deps.db.engine.select().from(kycDecisions);
  const [decision] = await rows
    .where(eq(kycDecisions.applicationId, idIn(path)))
    .orderBy(desc(kycDecisions.id))
    .limit(1);
  return decision;
}

function documentsOf(path: string) {
  const rows = desk.deps.db.engine.select().from(kycDocuments);
  return rows.where(eq(kycDocuments.applicationId, idIn(path))).orderBy(kycDocuments.id);
}

async function channelOf({ userId }: Person) {
  const gathered = await transact(desk.system, 'engine', (tx) => inputsOf(tx, desk.system, userId));
  return gathered?.inputs.channel;
}

async function keyOf({ userId }: Person) {
  return transact(desk.system, 'engine', (tx) => desk.deps.personKeys.of(tx, userId));
}

/** Asks for the next level, and hands it in after what the provider says. */
async function wantsMore(
  { person, declared }: Awaited<ReturnType<typeof started>>,
  said?: { readonly read: Record<string, Json>; readonly status: string },
): Promise<string> {
  const body = { level: 'standard', declaration: declared };
  const { id } = (await desk.call(person, 'POST', '/v1/kyc/applications', body)).body;
  const path = `/v1/kyc/applications/${id}`;
  for (const type of ['passport', 'proof_of_address']) {
    await desk.call(person, 'POST', `${path}/documents`, upload({ type }));
  }
  await desk.certify(person, path);
  const session = await sessionOf(person, path);
  if (said !== undefined) {
    await says(session, said.status, passport(declared, said.read));
  }
  expect((await submit({ person, path, session })).status).toBe(200);
  return path;
}

describe('a decision on an application', () => {
  test('rests on what the provider said where nothing differs, and one reviewer is enough', async () => {
    const all = await started();
    await says(all.session, 'Approved', passport(all.declared));
    expect((await submit(all)).status).toBe(200);
    expect(await channelOf(all.person)).toEqual(['provider_verified']);
    expect((await approve(all.path)).body).toMatchObject({ status: 'approved' });
    const decision = await decisionOf(all.path);
    const row = await rowOf(all.session);
    expect(decision?.evidence).toMatchObject({
      providerSessions: [
        {
          id: row.id,
          provider: 'didit',
          status: 'approved',
          version: row.version,
          answer: expect.stringMatching(/^[0-9a-f]{64}$/),
          findings: [],
        },
      ],
    });
    // Without the key nobody can tell what was answered from what the decision keeps of it.
    const hash = Buffer.from(row.decisionHash ?? []).toString('hex');
    expect(JSON.stringify(decision?.evidence)).not.toContain(hash);
    expect(decision?.explanation).toContainEqual({
      rule: 'no_provider_contradicts',
      input: 'none',
      outcome: 'holds',
    });
  });

  test('holds the answer against what is declared now: who became somebody else after it needs a senior', async () => {
    const all = await started();
    await says(all.session, 'Approved', passport(all.declared));
    expect((await rowOf(all.session)).findings).toEqual([]);
    const other = { ...all.declared, firstName: 'Quentin', lastName: 'Oversteegen', birthDate: '1971-03-04' };
    expect((await redeclare(all, other)).status).toBe(200);
    expect((await submit(all)).status).toBe(200);

    const { body } = await desk.call(desk.officer, 'GET', `${all.path}/provider-sessions`);
    expect(body.data).toMatchObject([
      { status: 'approved', findings: ['name_differs', 'birth_date_differs'] },
    ]);
    const { id } = await rowOf(all.session);
    expect((await desk.call(desk.officer, 'GET', all.path)).body.notices).toEqual(
      expect.arrayContaining([
        { code: 'provider_name_differs', sessionId: id },
        { code: 'provider_birth_date_differs', sessionId: id },
      ]),
    );
    expect((await desk.call(all.person, 'GET', all.path)).body.notices).toEqual([]);
    expect(await channelOf(all.person)).toEqual(['remote']);

    const asked = await approve(all.path);
    expect(asked).toMatchObject({ status: 202 });
    const vote = { reason: 'The deed of change of name was seen' };
    await desk.call(mlro, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, vote);
    const decision = await decisionOf(all.path);
    expect(decision).toMatchObject({ outcome: 'approved', approvalId: asked.body.approval.id });
    expect(decision?.explanation).toContainEqual({
      rule: 'no_provider_contradicts',
      input: 'provider_name_differs provider_birth_date_differs',
      outcome: 'senior',
    });
  });

  test('on whom the provider declined before it is a senior person’s', async () => {
    const all = await started();
    await says(all.session, 'Approved', passport(all.declared));
    await submit(all);
    await says(all.session, 'Declined');
    const asked = await approve(all.path);
    expect(asked.status).toBe(202);
    expect(await noticesOf(all.path)).toContain('provider_declined');
    expect(await channelOf(all.person)).toEqual(['remote']);
    expect((await desk.call(desk.officer2, 'POST', `${all.path}/reject`, REASON)).status).toBe(200);
    expect((await decisionOf(all.path))?.evidence).toMatchObject({
      providerSessions: [{ status: 'declined' }],
      notices: expect.arrayContaining([expect.objectContaining({ code: 'provider_declined' })]),
    });
  });

  test('that a senior person was asked for is asked for anew where the provider declines meanwhile', async () => {
    const all = await started();
    await says(all.session, 'Approved', passport(all.declared, { last_name: 'PEMBERLEY' }));
    await submit(all);
    const asked = await approve(all.path);
    expect(asked.status).toBe(202);
    await says(all.session, 'Declined');
    const vote = { reason: 'The deed of change of name was seen' };
    const late = await desk.call(mlro, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, vote);
    expect(late).toMatchObject({ status: 409, body: { code: 'application_changed' } });
    expect(await decisionOf(all.path)).toBeUndefined();
  });

  test('knows of a decline in an application that was taken back, and that a later session hides none', async () => {
    const first = await started();
    await says(first.session, 'Declined', passport(first.declared));
    const again = await sessionOf(first.person, first.path);
    await says(again, 'Approved', passport(first.declared));
    expect(await noticesOf(first.path)).toContain('provider_declined');
    expect((await desk.call(first.person, 'POST', `${first.path}/withdraw`)).status).toBe(200);

    const { body } = await desk.call(first.person, 'POST', '/v1/kyc/applications', {
      level: 'basic',
      declaration: first.declared,
    });
    const path = `/v1/kyc/applications/${body.id}`;
    await desk.call(first.person, 'POST', `${path}/documents`, upload());
    await desk.certify(first.person, path);
    await submit({ ...first, path });
    const { notices } = (await desk.call(desk.officer, 'GET', path)).body;
    expect(notices).toContainEqual({
      code: 'provider_declined',
      sessionId: (await rowOf(first.session)).id,
      applicationId: idIn(first.path),
    });
    const asked = await approve(path);
    expect(asked.status).toBe(202);
    await desk.call(mlro, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, REASON);
    expect(await decisionOf(path)).toMatchObject({ outcome: 'approved' });

    // Whoever approved it knew of the decline; who asks for more now keeps what they have.
    const more = await wantsMore(first);
    expect(await noticesOf(more)).not.toContain('provider_declined');
  });

  test.each<[string, Record<string, Json>, string, string]>([
    ['keeps', {}, 'Declined', 'approved'],
    ['does not keep', { last_name: 'PEMBERLEY' }, 'Approved', 'pending'],
  ])('%s what somebody has while they ask for more', async (_title, read, status, kycStatus) => {
    const all = await started();
    await says(all.session, 'Approved', passport(all.declared));
    await submit(all);
    expect((await approve(all.path)).status).toBe(200);
    const path = await wantsMore(all, { read, status });
    expect(await desk.gateOf(all.person)).toMatchObject({ kycStatus });
    expect((await approve(path)).status).toBe(202);
  });

  test('is made with what the provider claims beside what is declared', async () => {
    const all = await started();
    const decision = passport(all.declared, { last_name: 'PEMBERLEY', document_number: 'X7654321' });
    await says(all.session, 'In Review', decision);
    await submit(all);
    const { id } = await rowOf(all.session);
    const { rows } = (await desk.call(desk.officer, 'GET', `${all.path}/comparison`)).body;
    const of = (field: string) => rows.find((row: { field: string }) => row.field === field);
    const source = `didit ${id}/1`;
    expect(of('name')).toMatchObject({
      agree: false,
      values: expect.arrayContaining([
        { source, value: `${all.declared.firstName.toUpperCase()} PEMBERLEY` },
      ]),
    });
    expect(of('birthDate')).toMatchObject({
      agree: true,
      values: expect.arrayContaining([{ source, value: all.declared.birthDate }]),
    });
    expect(of('documentNumber').values).toContainEqual({ source, value: 'X7654321' });
    expect(of('gender').values).toContainEqual({ source, value: 'female' });
    expect(of('providerStatus')).toMatchObject({ values: [{ source: `didit ${id}`, value: 'in_review' }] });
    const read = await desk.deps.db.engine.execute<{ event_type: string }>(
      `select event_type from audit_logs where resource_id = '${id}' and event_type = 'kyc_provider_session.read'`,
    );
    expect(read).toHaveLength(1);
  });
});

describe('the copy of a picture', () => {
  test('has the number, the issuer, the days and the zone, sealed, and shows who they are', async () => {
    const all = await started();
    const zone = {
      surname: 'RAMGOOLAM',
      given: 'ANJALI',
      number: 'CANARY774',
      birth: '740812',
      expiry: '320415',
    };
    const mrz = passportZone(zone);
    await says(
      all.session,
      'Approved',
      passport(all.declared, {
        document_number: 'CANARY774',
        expiration_date: '2032-04-15',
        date_of_issue: '2022-04-15',
        mrz: { surname: 'RAMGOOLAM', mrz_string: mrz.toLowerCase().replaceAll('\n', '').toUpperCase() },
      }),
    );
    expect((await submit(all)).status).toBe(200);
    const [copy] = await documentsOf(all.path);
    expect(copy).toMatchObject({
      type: 'passport',
      issuingCountry: 'MUS',
      issuedOn: '2022-04-15',
      expiresOn: '2032-04-15',
      side: 'front',
    });
    expect(copy?.numberIndex).toEqual(desk.deps.keyring.blindIndex('kyc_documents.number', 'CANARY774'));
    const key = await keyOf(all.person);
    const [id, number, kept] = [copy?.id as Id, copy?.number, copy?.mrz];
    expect(number && openText(key, numberPlace(id), number)).toBe('CANARY774');
    expect(kept && openText(key, mrzPlace(id), kept)).toBe(mrz);
    const stored = await dump(desk, ['kyc_documents', 'kyc_provider_sessions', 'audit_logs', 'outbox']);
    for (const secret of ['CANARY774', Buffer.from('CANARY774').toString('hex')]) {
      expect(stored.includes(secret)).toBe(false);
    }
    // The zone is of somebody born on another day than was declared.
    expect(await noticesOf(all.path)).toContain('mrz_birth_date_differs');
  });

  test('gives somebody away who shows the same document under another login', async () => {
    const [one, other] = [await started(), await started()];
    const number = { document_number: `D-${newId().slice(-12)}` };
    await says(one.session, 'Approved', passport(one.declared, number));
    await says(other.session, 'Approved', passport(other.declared, number));
    await submit(other);
    expect(await noticesOf(other.path)).toContain('document_number_seen_elsewhere');
    expect((await approve(other.path)).status).toBe(202);
  });

  test.each<[string, Record<string, Json>]>([
    ['as the provider says', { expiration_date: '2020-01-31' }],
    [
      'as its zone says',
      {
        expiration_date: '2020-02-30',
        mrz: passportZone({ surname: 'A', given: 'B', number: 'P1', birth: '740812', expiry: '200131' }),
      },
    ],
  ])('that is expired %s shows nobody’s identity', async (_title, more) => {
    const all = await started();
    await says(all.session, 'Approved', passport(all.declared, more));
    expect((await documentsOf(all.path))[0]?.expiresOn).toBe('2020-01-31');
    expect(await submit(all)).toMatchObject({ status: 422, body: { code: 'documents_missing' } });
  });

  test.each<[string, Record<string, Json>]>([
    [
      'does not fit',
      {
        document_number: '-'.repeat(50),
        issuing_state: 'D',
        expiration_date: '2031-02-30',
        date_of_issue: '0000-01-01',
        mrz: 'P<MUS',
      },
    ],
    [
      'is of another kind',
      { document_number: 7.5, issuing_state: ['MUS'], expiration_date: 2031, date_of_issue: {}, mrz: [1.5] },
    ],
    ['is missing', { document_number: null, issuing_state: null, expiration_date: null, mrz: null }],
  ])('is kept without what %s', async (_title, more) => {
    const all = await started();
    await says(all.session, 'Approved', passport(all.declared, more));
    expect(await documentsOf(all.path)).toMatchObject([
      { number: null, numberIndex: null, issuingCountry: null, issuedOn: null, expiresOn: null, mrz: null },
    ]);
  });

  test('of a bill has the day it was written', async () => {
    const all = await started();
    didit.pictures.set('bill', { type: 'image/png', bytes: pixel() });
    const bill = { status: 'Approved', document_file: 'picture:bill', issue_date: '2026-01-31' };
    await says(all.session, 'Approved', { poa_verifications: [bill] });
    expect(await documentsOf(all.path)).toMatchObject([{ type: 'proof_of_address', issuedOn: '2026-01-31' }]);
  });
});

describe('an answer', () => {
  test('with scores in it is kept, and the same one again is no news', async () => {
    const all = await started();
    await says(all.session, 'In Review');
    const { id, version, decision } = await rowOf(all.session);
    const key = await keyOf(all.person);
    const kept = decision && openJson<{ liveness_checks: Json }>(key, decisionPlace(id), decision);
    expect(kept?.liveness_checks).toMatchObject([{ score: 97.99 }]);
    await says(all.session, 'In Review');
    expect((await rowOf(all.session)).version).toBe(version);
  });

  /** An answer of now that is still on its way; its end. */
  async function onItsWay({ session }: Started): Promise<() => Promise<void>> {
    const { id } = await rowOf(session);
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked = () => didit.calls.filter(({ path }) => path.includes(session.id)).length;
    const before = asked();
    await makeDue(session, 60_000);
    Object.assign(didit, { late: promise });
    const fetching = fetchSession(desk.system, id);
    while (asked() === before) {
      await Bun.sleep(5);
    }
    Object.assign(didit, { late: undefined });
    return async () => {
      resolve();
      await fetching;
    };
  }

  /** As an event does, which the relay would have answered at once. */
  async function makeDue({ id }: DiditSession, sinceMs = 30_000): Promise<void> {
    await desk.deps.db.engine
      .update(kycProviderSessions)
      .set({ nextFetchAt: addMs(desk.deps.clock.realNow(), -sinceMs) })
      .where(eq(kycProviderSessions.sessionRef, id));
  }

  test('that is on its way loses no decline that is told meanwhile', async () => {
    const all = await started();
    all.session.status = 'Approved';
    const arrive = await onItsWay(all);
    all.session.status = 'Declined';
    await makeDue(all.session);
    await arrive();
    expect(await rowOf(all.session)).toMatchObject({ status: 'approved' });
    await fetchDecisionsJob.run(desk.system);
    expect(await rowOf(all.session)).toMatchObject({ status: 'declined', nextFetchAt: null });
  });

  test('that was overtaken by another does not replace it', async () => {
    const all = await started();
    all.session.status = 'In Review';
    all.session.decision = passport(all.declared);
    const arrive = await onItsWay(all);
    all.session.decision = passport(all.declared, { last_name: 'PEMBERLEY' });
    await fetchSession(desk.system, (await rowOf(all.session)).id as Id);
    await arrive();
    expect((await rowOf(all.session)).findings).toEqual(['name_differs']);
    await fetchDecisionsJob.run(desk.system);
    expect((await rowOf(all.session)).findings).toEqual(['name_differs']);
  });

  test('that was refused while an event came does not put off what the event asks for', async () => {
    const all = await started();
    didit.faults.decision = { status: 503 };
    const arrive = await onItsWay(all);
    await makeDue(all.session);
    const { nextFetchAt } = await rowOf(all.session);
    await arrive();
    didit.faults.decision = undefined as never;
    expect(await rowOf(all.session)).toMatchObject({ nextFetchAt, failures: 1 });
  });
});
