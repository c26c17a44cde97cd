import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { and, eq } from 'drizzle-orm';
import { openClient } from '../../platform/db/client.ts';
import { auditLogs } from '../../platform/db/schema.ts';
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
} from '../../testing/compliance-desk.ts';
import { customerGates, roleGrants, users } from '../identity/schema.ts';
import { kycApplications, kycDecisions, kycDocuments } from './schema.ts';

const REASON = { reason: 'Verified against the originals' };

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function idIn(path: string): string {
  return path.split('/').at(-1) ?? '';
}

/** The types of audit row about a person, in the order they were written. */
async function auditOf(person: Person): Promise<readonly string[]> {
  const rows = await desk.deps.db.engine
    .select({ type: auditLogs.eventType })
    .from(auditLogs)
    .where(eq(auditLogs.subjectUserId, person.userId))
    .orderBy(auditLogs.id);
  return rows.map((row) => row.type);
}

describe('works', () => {
  test('from draft to approval: gate, user, decision, events and evidence agree', async () => {
    const customer = await desk.newPerson({ firstName: 'Solveig', lastName: 'Onderwater' });
    const path = await desk.draft(customer);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).body).toMatchObject({ status: 'submitted' });
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending', kycLevel: 'none' });
    await desk.settle();
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending', screening: 'clear' });

    const approved = await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);
    expect(approved).toMatchObject({ status: 200, body: { status: 'approved', version: 3 } });
    expect(await desk.gateOf(customer)).toMatchObject({
      kycStatus: 'approved',
      kycLevel: 'basic',
      screening: 'clear',
    });
    const { engine } = desk.deps.db;
    const [user] = await engine.select().from(users).where(eq(users.id, customer.userId));
    expect(user?.status).toBe('active');
    const decisions = await engine
      .select()
      .from(kycDecisions)
      .where(eq(kycDecisions.applicationId, idIn(path)));
    expect(decisions).toMatchObject([
      {
        outcome: 'approved',
        decidedBy: desk.officer.userId,
        evidence: {
          level: 'basic',
          screening: 'clear',
          documents: [{ type: 'passport' }],
          items: [
            { item: 'fatca_crs', status: 'provided' },
            { item: 'identity', status: 'provided' },
            { item: 'tax_residence', status: 'provided' },
          ],
          notices: [{ code: 'image_small' }],
        },
      },
    ]);
    // A decision is a reason to rate anew, which follows by itself.
    await desk.settle();
    expect(await auditOf(customer)).toEqual([
      'user.registered',
      'session.opened',
      'kyc_application.created',
      'kyc_document.uploaded',
      'kyc_declaration.made',
      'kyc_declaration.made',
      'kyc_risk.rated',
      'gate.changed',
      'kyc_application.submitted',
      'screening.completed',
      'gate.changed',
      'gate.changed',
      'user.activated',
      'kyc_application.decided',
      'kyc_risk.rated',
    ]);
  });

  test('another round of documents goes through the gate again, and keeps each decision', async () => {
    const customer = await desk.newPerson();
    const path = await desk.apply(customer);
    const asked = await desk.call(desk.officer, 'POST', `${path}/request-resubmission`, REASON);
    expect(asked.body.status).toBe('resubmission_required');
    expect((await desk.call(customer, 'POST', `${path}/documents`, upload())).status).toBe(201);
    expect((await desk.call(customer, 'POST', `${path}/submit`)).status).toBe(200);
    await desk.settle();
    expect((await desk.call(desk.officer, 'POST', `${path}/reject`, REASON)).body.status).toBe('rejected');
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'rejected', kycLevel: 'none' });
    const kept = await desk.deps.db.engine
      .select({ outcome: kycDecisions.outcome })
      .from(kycDecisions)
      .where(eq(kycDecisions.userId, customer.userId))
      .orderBy(kycDecisions.id);
    expect(kept.map((decision) => decision.outcome)).toEqual(['resubmission_required', 'rejected']);
    expect((await desk.call(customer, 'GET', '/v1/kyc/applications')).body.data).toHaveLength(1);
    const queue = await desk.call(desk.officer, 'GET', '/v1/kyc/applications?status=rejected&limit=1');
    expect(queue.body.data).toMatchObject([{ id: idIn(path), status: 'rejected' }]);
  });

  test('the levels are those of the table', async () => {
    const { body } = await desk.call(await desk.newPerson(), 'GET', '/v1/kyc/levels');
    expect(body.data.map((level: { level: string }) => level.level)).toEqual([
      'basic',
      'standard',
      'enhanced',
    ]);
  });
});

describe('refuses', () => {
  test('each step out of its order, and writes nothing', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const body = { level: 'basic', declaration: declarationOf(customer) };
    const codes = async (person: Person, ...steps: readonly (readonly [string, unknown])[]) =>
      Promise.all(steps.map(async ([step, sent]) => (await desk.call(person, 'POST', step, sent)).body.code));
    expect(await codes(customer, ['/v1/kyc/applications', body])).toEqual(['application_open']);
    expect(await codes(desk.officer, [`${path}/approve`, REASON], [`${path}/reject`, REASON])).toEqual([
      'application_not_submitted',
      'application_not_submitted',
    ]);
    const before = await desk.gateOf(customer);
    expect(before).toMatchObject({ kycStatus: 'not_started', version: 1 });

    await desk.call(customer, 'POST', `${path}/submit`);
    expect(await codes(customer, [`${path}/submit`, undefined], [`${path}/documents`, upload()])).toEqual([
      'application_not_editable',
      'application_not_editable',
    ]);
    await desk.settle();
    expect((await desk.gateOf(customer))?.version).toBe(3);
  });

  test.each<[string, FormData, number, string]>([
    ['text under any name', upload({}, new Uint8Array(Buffer.from('%PD not'))), 415, 'unsupported'],
    ['an empty file', upload({}, new Uint8Array()), 415, 'unsupported'],
    ['a picture of another kind', upload({}, new Uint8Array(Buffer.from('GIF89a  '))), 415, 'unsupported'],
    ['a number without a number', upload({ number: '--- ---' }), 422, 'validation_failed'],
    ['an unknown type of document', upload({ type: 'letter' }), 422, 'validation_failed'],
    ['a member nobody asked for', upload({ status: 'accepted' }), 422, 'validation_failed'],
  ])('a document that is %s', async (_title, form, status, code) => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const refused = await desk.call(customer, 'POST', `${path}/documents`, form);
    expect(refused.status).toBe(status);
    expect(refused.body.code).toContain(code);
    expect(await documentsIn(path)).toHaveLength(1);
  });

  test('an application without its documents, or with an expired one', async () => {
    const customer = await desk.newPerson();
    const body = { level: 'basic', declaration: declarationOf(customer) };
    const created = await desk.call(customer, 'POST', '/v1/kyc/applications', body);
    const path = `/v1/kyc/applications/${created.body.id}`;
    const missing = { status: 422, body: { code: 'documents_missing' } };
    expect(await desk.call(customer, 'POST', `${path}/submit`)).toMatchObject(missing);
    await desk.call(customer, 'POST', `${path}/documents`, upload({ expiresOn: '2020-01-31' }));
    expect(await desk.call(customer, 'POST', `${path}/submit`)).toMatchObject(missing);
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'not_started', version: 1 });
  });

  test('a birth date that cannot be', async () => {
    const customer = await desk.newPerson();
    const declaration = { ...declarationOf(customer), birthDate: '2999-01-01' };
    const refused = await desk.call(customer, 'POST', '/v1/kyc/applications', {
      level: 'basic',
      declaration,
    });
    expect(refused).toMatchObject({ status: 422, body: { code: 'birth_date_implausible' } });
  });

  test('more than twenty documents, also when they come at once', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const answers = await Promise.all(
      Array.from({ length: 21 }, () => desk.call(customer, 'POST', `${path}/documents`, upload())),
    );
    const refused = answers.filter((answer) => answer.status !== 201);
    expect(refused.map((answer) => answer.body.code)).toEqual([
      'document_limit_reached',
      'document_limit_reached',
    ]);
    expect(await documentsIn(path)).toHaveLength(20);
  });

  test('a document that arrives while the application is handed in is in it or refused', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const send = () => desk.call(customer, 'POST', `${path}/documents`, upload());
    const [first, submitted, ...rest] = await Promise.all([
      send(),
      desk.call(customer, 'POST', `${path}/submit`),
      send(),
      send(),
    ]);
    expect(submitted.status).toBe(200);
    const uploads = [first, ...rest];
    expect(uploads.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
    const documents = await documentsIn(path);
    expect(documents).toHaveLength(1 + uploads.filter(({ status }) => status === 201).length);
    expect(documents.filter((row) => row.uploadedAt > submitted.body.submittedAt)).toEqual([]);
    await desk.settle();
  });

  test('a second decision, also when two reviewers decide at once', async () => {
    const customer = await desk.newPerson();
    const path = await desk.apply(customer);
    const answers = await Promise.all([
      desk.call(desk.officer, 'POST', `${path}/approve`, REASON),
      desk.call(desk.officer2, 'POST', `${path}/reject`, REASON),
      desk.call(desk.officer2, 'POST', `${path}/request-resubmission`, REASON),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    const decided = answers.find(({ status }) => status === 200)?.body.status;
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: decided });
  });
});

describe('protects', () => {
  test('an application from other customers, without saying that it exists', async () => {
    const path = await desk.draft(await desk.newPerson());
    const stranger = await desk.newPerson();
    const requests = [
      ['GET', path],
      ['POST', `${path}/submit`],
      ['POST', `${path}/documents`, upload()],
    ] as const;
    for (const [method, target, body] of requests) {
      const { status } = await desk.call(stranger, method, target, body);
      expect(`${method} ${target} ${status}`).toBe(`${method} ${target} 404`);
    }
    expect((await desk.call(stranger, 'GET', '/v1/kyc/applications')).body.data).toEqual([]);
  });

  test('review and document content from customers and from staff of other roles', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const [document] = await documentsIn(path);
    const support = await desk.newPerson(INNOCENT, 'support', 'risk_manager', 'operations');
    const auditor = await desk.newPerson(INNOCENT, 'auditor');
    const content = `${path}/documents/${document?.id}`;
    for (const person of [customer, support, auditor]) {
      expect((await desk.call(person, 'GET', content)).status).toBe(403);
      expect((await desk.call(person, 'POST', `${path}/approve`, REASON)).status).toBe(403);
    }
    expect((await desk.call(support, 'GET', path)).status).toBe(403);
    expect((await desk.call(auditor, 'GET', path)).status).toBe(200);
    expect((await desk.call(null, 'GET', path)).status).toBe(401);
  });

  test('a decision from the applicant who joined the firm', async () => {
    const customer = await desk.newPerson();
    const path = await desk.apply(customer);
    await desk.deps.db.engine.insert(roleGrants).values({
      userId: customer.userId,
      role: 'mlro',
      grantedAt: desk.deps.clock.now(),
    });
    const promoted = await desk.signIn(customer, 'customer', 'mlro');
    for (const step of ['approve', 'reject', 'request-resubmission']) {
      const refused = await desk.call(promoted, 'POST', `${path}/${step}`, REASON);
      expect(refused).toMatchObject({ status: 403, body: { code: 'self_review' } });
    }
  });

  test('what was declared and uploaded: neither tables, log, outbox nor disk hold it in the clear', async () => {
    const canary = { firstName: 'Quetzalcanary', lastName: 'Zwyxford' };
    const number = 'CANARY778899';
    const customer = await desk.newPerson(canary);
    const path = await desk.draft(customer, { occupation: 'Canaryologist' });
    const form = upload({ type: 'national_id', number }, pixel('Quetzalcanary on a picture'));
    expect((await desk.call(customer, 'POST', `${path}/documents`, form)).status).toBe(201);
    await desk.call(customer, 'POST', `${path}/submit`);
    await desk.settle();
    await desk.call(desk.officer, 'GET', path);
    await desk.call(desk.officer, 'POST', `${path}/approve`, REASON);

    const stored = await dump(desk, [
      'users',
      'kyc_applications',
      'kyc_documents',
      'kyc_decisions',
      'files',
      'outbox',
      'audit_logs',
      'screenings',
    ]);
    const folder = join(desk.deps.dataDir, 'files', 'kyc');
    const names = await readdir(folder);
    const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
    expect(names.length).toBeGreaterThan(1);
    for (const secret of ['Quetzalcanary', 'Zwyxford', 'Canaryologist', number, '1961-02-28']) {
      expect(`${secret} ${stored.includes(secret)}`).toBe(`${secret} false`);
      expect(stored.includes(Buffer.from(secret).toString('hex'))).toBe(false);
      expect(files.filter((file) => file.includes(secret))).toEqual([]);
    }
    expect(stored).toContain(customer.userId);
  });

  test('a reading by staff by recording it, and the reviewer gets the very bytes', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const sent = pixel();
    await desk.call(customer, 'POST', `${path}/documents`, upload({}, sent));
    const document = (await documentsIn(path)).at(-1);
    expect((await desk.call(customer, 'GET', path)).body.declaration.lastName).toBe('Ramgoolam');
    await desk.call(desk.officer, 'GET', path);
    const content = await desk.call(desk.officer, 'GET', `${path}/documents/${document?.id}`);
    expect(content.status).toBe(200);
    expect(content.headers.get('content-type')).toBe('image/png');
    expect(content.headers.get('x-content-type-options')).toBe('nosniff');
    expect(content.body).toBe(new TextDecoder().decode(sent));
    const looks = await desk.deps.db.engine
      .select({ type: auditLogs.eventType, actor: auditLogs.actorId })
      .from(auditLogs)
      .where(and(eq(auditLogs.subjectUserId, customer.userId), eq(auditLogs.actorId, desk.officer.userId)))
      .orderBy(auditLogs.id);
    expect(looks.map((row) => row.type)).toEqual(['kyc_application.read', 'kyc_document.read']);
    const elsewhere = `${await desk.draft(await desk.newPerson())}/documents/${document?.id}`;
    expect((await desk.call(desk.officer, 'GET', elsewhere)).status).toBe(404);
  });

  test("the reviewer from a number seen before, a stranger's name and an expired document", async () => {
    const first = await desk.newPerson();
    const firstPath = await desk.draft(first);
    await desk.call(first, 'POST', `${firstPath}/documents`, upload({ number: 'ab 77-12.34' }));
    const second = await desk.newPerson();
    const path = await desk.draft(second, { lastName: 'Impostor' });
    const form = upload({ type: 'national_id', number: 'AB771234', expiresOn: '2019-12-31' });
    const { body: document } = await desk.call(second, 'POST', `${path}/documents`, form);
    expect((await desk.call(desk.officer, 'GET', path)).body.notices).toEqual([
      { code: 'name_differs_from_profile' },
      { code: 'document_expired', documentId: document.id },
      {
        code: 'document_number_seen_elsewhere',
        documentId: document.id,
        applicationId: idIn(firstPath),
      },
      ...(await documentsIn(path)).map(({ id }) => ({ code: 'image_small', documentId: id })),
    ]);
    expect((await desk.call(second, 'GET', path)).body.notices).toEqual([]);
    await desk.call(second, 'POST', `${path}/submit`);
    await desk.settle();
    await desk.call(desk.officer, 'POST', `${path}/reject`, REASON);
    const [decision] = await desk.deps.db.engine
      .select()
      .from(kycDecisions)
      .where(eq(kycDecisions.applicationId, idIn(path)));
    expect(decision?.evidence).toMatchObject({ notices: [{}, {}, {}, {}, {}] });
  });

  test("the reviewer's reason from the applicant", async () => {
    const customer = await desk.newPerson();
    const path = await desk.apply(customer);
    const reason = 'Looks like a forgery to me';
    await desk.call(desk.officer, 'POST', `${path}/reject`, { reason });
    for (const target of [path, '/v1/kyc/applications', '/v1/me', '/v1/events']) {
      const { status, body } = await desk.call(customer, 'GET', target);
      expect(`${target} ${status}`).toBe(`${target} 200`);
      expect(JSON.stringify(body)).not.toContain('forgery');
    }
  });

  test('the state of an application from the login that serves customers', async () => {
    const customer = await desk.newPerson();
    const path = await desk.draft(customer);
    const change = desk.deps.db.app.transaction(async (tx) => {
      await tx.execute(`select set_config('plimsoll.user_id', '${customer.userId}', true)`);
      await tx
        .update(kycApplications)
        .set({ status: 'approved' })
        .where(eq(kycApplications.id, idIn(path)));
    });
    expect(await change.catch((error: Error) => (error.cause as { code?: string }).code)).toBe('42501');
  });
});

describe('reconcile finds', () => {
  test('a gate that is approved without a decision, or while one is awaited', async () => {
    const customer = await desk.newPerson();
    const set = (kycStatus: 'approved' | 'pending', kycLevel: 'enhanced' | 'none') =>
      desk.deps.db.engine
        .update(customerGates)
        .set({ kycStatus, kycLevel })
        .where(eq(customerGates.userId, customer.userId));
    await set('approved', 'enhanced');
    expect(await desk.breaks()).toEqual([
      `kyc.approved_gates_have_decisions: user ${customer.userId} is approved at level enhanced without a decision`,
    ]);
    await set('pending', 'none');
    await desk.apply(customer);
    await set('approved', 'none');
    expect((await desk.breaks()).join('\n')).toContain('while an application of theirs waits');
    await set('pending', 'none');
  });

  test('an application whose state no decision explains', async () => {
    const path = await desk.draft(await desk.newPerson());
    const owner = openClient(desk.database.owner, 1);
    const set = async (status: 'approved' | 'draft') => {
      await owner.unsafe('ALTER TABLE kyc_applications DISABLE TRIGGER check_kyc_application');
      await desk.deps.db.engine
        .update(kycApplications)
        .set({ status })
        .where(eq(kycApplications.id, idIn(path)));
      await owner.unsafe('ALTER TABLE kyc_applications ENABLE ALWAYS TRIGGER check_kyc_application');
    };
    await set('approved');
    expect(await desk.breaks()).toEqual([
      `kyc.applications_follow_their_decisions: application ${idIn(path)} is approved and its last decision says nothing`,
    ]);
    await set('draft');
    await owner.end({ timeout: 5 });
  });
});

async function documentsIn(path: string) {
  return desk.deps.db.engine
    .select()
    .from(kycDocuments)
    .where(eq(kycDocuments.applicationId, idIn(path)))
    .orderBy(kycDocuments.id);
}
