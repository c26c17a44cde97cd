import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, msOfInstant } from '../../../kernel/time.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  declarationOf,
  INNOCENT,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { roleGrants } from '../../identity/schema.ts';
import { monitoredActivity } from '../monitoring/schema.ts';
import { reportObstacles } from './closing-obstacles.ts';
import { personalReports } from './personal-data.ts';
import { suspiciousReportEvents, suspiciousReports } from './schema.ts';
import { watchClocks } from './watch-clocks.ts';

const REASON = { reason: 'Payments in and out within hours' };
const TEXT = {
  reasons: ['no_economic_purpose'],
  indicators: ['STRUCT'],
  narrative: 'In and out within hours',
};
const HOUR_MS = 3_600_000;

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
  await desk.loadList(['x-9,person,Nobody Whosoever,,1900-01-01,,,TEST,']);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** A case about somebody who handed in an application, escalated; the path of its report. */
async function escalated(by: Person = desk.officer) {
  const customer = await desk.newPerson();
  await desk.apply(customer);
  const opening = { kind: 'aml', severity: 'medium', userId: customer.userId };
  const opened = await desk.call(by, 'POST', '/v1/aml/cases', opening);
  const caseId: Id = opened.body.id;
  const { status } = await desk.call(by, 'POST', `/v1/aml/cases/${caseId}/escalate`, REASON);
  expect(status).toBe(200);
  const { body } = await desk.call(by, 'GET', `/v1/aml/reports?caseId=${caseId}`);
  const id: Id = body.data[0].id;
  return { customer, caseId, id, path: `/v1/aml/reports/${id}` };
}

async function whole(by: Person = desk.officer) {
  const made = await escalated(by);
  expect((await desk.call(desk.officer, 'PATCH', made.path, TEXT)).status).toBe(200);
  const { body } = await desk.call(desk.officer, 'POST', `${made.path}/validate`);
  expect(body.findings).toEqual([]);
  return made;
}

const decide = (by: Person, path: string, decision = 'file') =>
  desk.call(by, 'POST', `${path}/decide`, { decision, ...REASON });

const file = (path: string, fiuReference: string = newId()) =>
  desk.call(desk.officer, 'POST', `${path}/submit`, { fiuReference, filedAt: desk.deps.clock.now() });

async function filed() {
  const made = await whole();
  expect((await decide(mlro, made.path)).status).toBe(200);
  expect((await file(made.path)).status).toBe(200);
  return made;
}

async function codeOf(change: PromiseLike<unknown>): Promise<string | undefined> {
  return change.then(
    () => 'done',
    (error: { cause?: { code?: string } }) => error.cause?.code,
  );
}

async function insider(customer: Person): Promise<Person> {
  const grantedAt = desk.deps.clock.now();
  await desk.deps.db.engine.insert(roleGrants).values({ userId: customer.userId, role: 'mlro', grantedAt });
  return desk.signIn(customer, 'customer', 'mlro');
}

describe('a suspicion', () => {
  test('begins its report in the same transaction, due by the calendar', async () => {
    const { path, caseId } = await escalated();
    const { body } = await desk.call(mlro, 'GET', path);
    expect(body).toMatchObject({ status: 'draft', caseId, reportCode: 'STR' });
    expect(body.reference).toMatch(/^STR-\d{4}-\d{6}$/);
    // The first instant that is too late is a midnight in Mauritius.
    expect(body.dueAt).toEndWith('T20:00:00.000000Z');
    const days = (Date.parse(body.dueAt) - Date.parse(body.suspicionAt)) / (24 * HOUR_MS);
    expect(days).toBeGreaterThan(5);
    expect(days).toBeLessThan(15);
    expect(body.history.map(({ type }: { type: string }) => type)).toEqual(['drafted']);
  });

  test('is formed by beginning its report as by escalating its case, once', async () => {
    const customer = await desk.newPerson();
    const opening = { kind: 'aml', severity: 'low', userId: customer.userId };
    const { id: caseId, openedAt } = (await desk.call(desk.officer, 'POST', '/v1/aml/cases', opening)).body;
    const begin = (more: object = {}) =>
      desk.call(desk.officer, 'POST', '/v1/aml/reports', { caseId, ...REASON, ...more });
    const early = await begin({ suspicionAt: addMs(openedAt, -HOUR_MS) });
    expect(early).toMatchObject({ status: 422, body: { code: 'suspicion_at_invalid' } });
    const begun = await begin({ suspicionAt: openedAt });
    expect(begun).toMatchObject({ status: 201, body: { status: 'draft', caseId, suspicionAt: openedAt } });
    const { body } = await desk.call(mlro, 'GET', `/v1/aml/cases/${caseId}`);
    expect(body).toMatchObject({ status: 'escalated', severity: 'high', suspicionAt: openedAt });
    expect((await begin()).body.code).toBe('case_escalated');
    expect((await desk.call(desk.officer, 'POST', `/v1/aml/cases/${caseId}/escalate`, REASON)).status).toBe(
      409,
    );
    expect((await desk.call(mlro, 'GET', `/v1/aml/reports?caseId=${caseId}`)).body.data).toHaveLength(1);
    const { body: unknown } = await desk.call(desk.officer, 'POST', '/v1/aml/reports', {
      caseId: newId(),
      ...REASON,
    });
    expect(unknown.status).toBe(404);
  });

  test('is on the timeline of the person, and each look at its report as well', async () => {
    const { customer, path } = await escalated();
    await desk.call(mlro, 'GET', path);
    const rows = await desk.deps.db.engine
      .select({ type: auditLogs.eventType, class: auditLogs.class })
      .from(auditLogs)
      .where(eq(auditLogs.subjectUserId, customer.userId));
    const told = rows.filter(({ type }) => type.startsWith('aml_report.'));
    expect(told.map(({ type }) => type).sort()).toEqual(['aml_report.drafted', 'aml_report.read']);
    expect(told.every((row) => row.class === 'restricted')).toBe(true);
  });
});

describe('a report', () => {
  test('goes from draft to a filing with the FIU’s reference, and its document stays as it was decided on', async () => {
    const { path, id, customer } = await whole();
    const decided = await decide(mlro, path);
    expect(decided.body).toMatchObject({ status: 'approved', decidedBy: mlro.userId, transactionCount: 0 });
    const read = () => desk.call(mlro, 'GET', `${path}/goaml.xml`);
    const first = await read();
    expect(first.status).toBe(200);
    // What is known of the person changes; what was decided on does not.
    const { version } = (await desk.call(customer, 'GET', '/v1/me')).body;
    await desk.request('PATCH', '/v1/me', {
      token: customer.token,
      headers: { 'if-match': `"${version}"` },
      body: { displayName: 'Another' },
    });
    expect((await read()).body).toBe(first.body);
    const sha = new Bun.CryptoHasher('sha256').update(first.body).digest('hex');
    expect(decided.body.xmlSha256).toBe(sha);
    expect(first.body).toContain(`<last_name>${customer.lastName}</last_name>`);
    const { body } = await file(path, 'FIU-1');
    expect(body).toMatchObject({ status: 'filed', fiuReference: 'FIU-1', filedBy: desk.officer.userId });
    const steps = await desk.deps.db.engine
      .select({ type: suspiciousReportEvents.type })
      .from(suspiciousReportEvents)
      .where(eq(suspiciousReportEvents.reportId, id));
    const types = steps.map(({ type }) => type).sort();
    expect(types).toEqual(['approved', 'drafted', 'edited', 'filed', 'validated']);
  });

  test('tells where something is missing, and is not decided on until it is whole', async () => {
    const { path } = await escalated();
    const { body } = await desk.call(desk.officer, 'POST', `${path}/validate`);
    const places = body.findings.map((finding: { path: string }) => finding.path);
    expect(places).toContain('/reasons');
    expect(places).toContain('/report/reason');
    expect(places).toContain('/report/report_indicators/indicator');
    expect((await decide(mlro, path)).body.code).toBe('report_not_ready');
  });

  test('that was changed has to be checked again', async () => {
    const { path } = await whole();
    const { body } = await desk.call(desk.officer2, 'PATCH', path, { narrative: 'Otherwise' });
    expect(body).toMatchObject({ status: 'draft', validatedAt: null });
    expect((await decide(mlro, path)).body.code).toBe('report_not_ready');
  });

  test('tells of the money of the people of its case, and of nobody else’s', async () => {
    const { path, customer } = await escalated();
    const stranger = await desk.newPerson();
    const [mine, theirs] = [newId(), newId()];
    for (const [id, userId] of [
      [mine, customer.userId],
      [theirs, stranger.userId],
    ] as const) {
      await desk.deps.db.engine.insert(monitoredActivity).values({
        id,
        source: 'funding.deposits',
        sourceId: id,
        kind: 'deposit',
        isMarket: false,
        userId,
        occurredAt: desk.deps.clock.now(),
        collectedAt: desk.deps.clock.now(),
        asset: 'MUR',
        amount: 5_000_000_000n as never,
        direction: 'in',
        data: {},
      });
    }
    await desk.call(desk.officer, 'PATCH', path, { ...TEXT, selection: { from: '2020-01-01T00:00:00Z' } });
    const { body } = await desk.call(desk.officer, 'POST', `${path}/validate`);
    expect(body).toMatchObject({ findings: [], report: { transactionCount: 1, status: 'ready' } });
    const { body: text } = await desk.call(desk.officer, 'GET', `${path}/goaml.xml`);
    expect(text).toContain(mine);
    expect(text).not.toContain(theirs);
    await desk.call(desk.officer, 'PATCH', path, { selection: { activityIds: [mine, theirs] } });
    const refused = await desk.call(desk.officer, 'POST', `${path}/validate`);
    expect(refused.body.code).toBe('report_activity_unknown');
  });

  test('tells of each of many movements once, however many are read at a time', async () => {
    const { path, customer } = await escalated();
    const at = desk.deps.clock.now();
    const ids = Array.from({ length: 1_101 }, () => newId());
    const rows = ids.map((id, index) => ({
      id,
      source: 'funding.deposits',
      sourceId: id,
      kind: 'deposit' as const,
      isMarket: false,
      userId: customer.userId,
      // Many of the same instant, so that a part ends between them.
      occurredAt: addMs(at, -(index % 3) * HOUR_MS),
      collectedAt: at,
      asset: 'MUR',
      amount: 5_000_000_000n as never,
      direction: 'in' as const,
      data: {},
    }));
    await desk.deps.db.engine.insert(monitoredActivity).values(rows);
    await desk.call(desk.officer, 'PATCH', path, { ...TEXT, selection: { from: '2020-01-01T00:00:00Z' } });
    const { body } = await desk.call(desk.officer, 'POST', `${path}/validate`);
    expect(body).toMatchObject({ findings: [], report: { transactionCount: 1_101, status: 'ready' } });
    const { body: text } = await desk.call(desk.officer, 'GET', `${path}/goaml.xml`);
    const told = [...text.matchAll(/<transactionnumber>([^<]+)</g)].map(([, id]) => id);
    expect(told).toHaveLength(ids.length);
    expect(new Set(told)).toEqual(new Set(ids));
  });

  test('names people as they handed it in, not as they say since it was sent back', async () => {
    const { path, customer } = await whole();
    const [application] = (await desk.call(customer, 'GET', '/v1/kyc/applications')).body.data;
    const form = `/v1/kyc/applications/${application.id}`;
    const back = await desk.call(desk.officer, 'POST', `${form}/request-resubmission`, REASON);
    const declaration = { ...declarationOf(customer), lastName: 'Otherwise' };
    const edited = await desk.request('PATCH', form, {
      token: customer.token,
      headers: { 'if-match': `"${back.body.version}"` },
      body: { declaration },
    });
    expect(edited.status).toBe(200);
    const { body } = await desk.call(mlro, 'GET', `${path}/goaml.xml`);
    expect(body).toContain(`<last_name>${customer.lastName}</last_name>`);
    expect(body).not.toContain('Otherwise');
  });

  test('is not whole while the firm has no number of the FIU', async () => {
    const { path } = await escalated();
    const { goaml } = desk.deps;
    try {
      (desk.deps as { goaml: unknown }).goaml = null;
      const { body } = await desk.call(desk.officer, 'POST', `${path}/validate`);
      expect(body.findings).toEqual([{ path: '/', code: 'not_configured' }]);
    } finally {
      (desk.deps as { goaml: unknown }).goaml = goaml;
    }
  });
});

describe('the decision', () => {
  test('is the MLRO’s alone, who wrote none of it', async () => {
    const { path } = await whole();
    expect((await decide(desk.officer2, path)).status).toBe(403);
    await desk.call(mlro, 'PATCH', path, { action: 'The account is watched' });
    // Somebody else writes last: what the MLRO wrote is still theirs.
    await desk.call(desk.officer, 'PATCH', path, { narrative: 'In and out, without a trade' });
    await desk.call(desk.officer, 'POST', `${path}/validate`);
    expect((await decide(mlro, path)).body.code).toBe('report_own_work');
    const another = await desk.newPerson(INNOCENT, 'mlro');
    expect((await decide(another, path)).status).toBe(200);
    expect((await decide(another, path)).body.code).toBe('report_decided');
  });

  test('not to report has reasons, and is not that of whoever formed the suspicion', async () => {
    const own = await whole(mlro);
    expect((await decide(mlro, own.path, 'decline')).body.code).toBe('report_own_work');
    expect((await decide(mlro, own.path, 'file')).status).toBe(200);
    const { path } = await escalated();
    const { body } = await decide(mlro, path, 'decline');
    expect(body).toMatchObject({ status: 'declined', xmlSha256: null });
    const details = await desk.call(desk.officer, 'GET', path);
    expect(details.body.decisionReason).toBe(REASON.reason);
  });

  test('is never that of somebody the case is about, who does not learn that there is a report', async () => {
    const { customer, path } = await whole();
    const self = await insider(customer);
    for (const [method, end, body] of [
      ['GET', '', undefined],
      ['GET', '/goaml.xml', undefined],
      ['PATCH', '', TEXT],
      ['POST', '/validate', undefined],
      ['POST', '/decide', { decision: 'decline', ...REASON }],
      ['POST', '/submit', { fiuReference: 'x', filedAt: desk.deps.clock.now() }],
    ] as const) {
      const { status } = await desk.call(self, method, `${path}${end}`, body);
      expect([method, end, status]).toEqual([method, end, 404]);
    }
    const { body } = await desk.call(self, 'GET', '/v1/aml/reports?limit=200');
    expect(JSON.stringify(body)).not.toContain(path.slice(-36));
  });

  test('of two at once is one', async () => {
    const { path } = await whole();
    const another = await desk.newPerson(INNOCENT, 'mlro');
    const answers = await Promise.all([decide(mlro, path), decide(another, path, 'decline')]);
    expect(answers.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 409]);
  });
});

describe('what was decided', () => {
  test('is changed by nobody, whichever way', async () => {
    const { path, id } = await filed();
    for (const [end, body] of [
      ['', TEXT],
      ['/validate', undefined],
      ['/withdraw', undefined],
      ['/submit', { fiuReference: 'other', filedAt: desk.deps.clock.now() }],
    ] as const) {
      const { status } = await desk.call(desk.officer, end === '' ? 'PATCH' : 'POST', `${path}${end}`, body);
      expect([end, status]).toEqual([end, 409]);
    }
    // What a report says is no machine's to write at all.
    const { engine, staff } = desk.deps.db;
    const row = eq(suspiciousReports.id, id);
    const content = Buffer.from('x') as never;
    expect(await codeOf(engine.update(suspiciousReports).set({ content }).where(row))).toBe('42501');
    for (const change of [
      { status: 'draft' as const },
      { indicators: ['OTHER'] },
      { fiuReference: 'other' },
      { dueAt: desk.deps.clock.now() },
    ]) {
      expect(await codeOf(staff.update(suspiciousReports).set(change).where(row))).toBe('PL033');
    }
  });

  test('stays while it waits to be filed too', async () => {
    const { path, id } = await whole();
    await decide(mlro, path);
    const { staff } = desk.deps.db;
    const row = eq(suspiciousReports.id, id);
    const other = { xmlSha256: new Uint8Array(32) };
    expect(await codeOf(staff.update(suspiciousReports).set(other).where(row))).toBe('PL033');
    expect(await codeOf(staff.update(suspiciousReports).set({ status: 'ready' }).where(row))).toBe('PL033');
  });

  test('bears a reference that no other report bears', async () => {
    const one = await whole();
    const two = await whole();
    await decide(mlro, one.path);
    await decide(mlro, two.path);
    const answers = await Promise.all([file(one.path, 'FIU-SAME'), file(two.path, 'FIU-SAME')]);
    expect(answers.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('reference_taken');
  });

  test('was not filed before it was decided on, nor in time to come', async () => {
    const { path } = await whole();
    await decide(mlro, path);
    for (const by of [-HOUR_MS, HOUR_MS]) {
      const filedAt = addMs(desk.deps.clock.now(), by);
      const { body } = await desk.call(desk.officer, 'POST', `${path}/submit`, {
        fiuReference: newId(),
        filedAt,
      });
      expect(body.code).toBe('sent_at_invalid');
    }
  });

  test('is amended by another report that cites it and has a time of its own', async () => {
    const { path } = await filed();
    const original = (await desk.call(desk.officer, 'GET', path)).body;
    const { status, body } = await desk.call(desk.officer, 'POST', `${path}/amend`);
    expect([status, body.status, body.amendsId]).toEqual([201, 'draft', original.id]);
    const again = await desk.call(desk.officer, 'POST', `${path}/amend`);
    expect(again.body.code).toBe('report_open');
    const amendment = `/v1/aml/reports/${body.id}`;
    await desk.call(desk.officer, 'PATCH', amendment, { narrative: 'And one payment more' });
    expect((await desk.call(desk.officer, 'POST', `${amendment}/validate`)).body.findings).toEqual([]);
    const { body: text } = await desk.call(mlro, 'GET', `${amendment}/goaml.xml`);
    expect(text).toContain(`<fiu_ref_number>${original.fiuReference}</fiu_ref_number>`);
    expect((await desk.call(desk.officer, 'POST', `${amendment}/withdraw`)).body.status).toBe('withdrawn');
    expect((await desk.call(desk.officer, 'POST', `${path}/amend`)).status).toBe(201);
  });

  test('is replaced where the FIU did not take it: nobody decides on what they wrote, and the time runs on', async () => {
    const writer = await desk.newPerson(INNOCENT, 'compliance_officer', 'mlro');
    const { path } = await escalated();
    await desk.call(writer, 'PATCH', path, TEXT);
    await desk.call(desk.officer, 'POST', `${path}/validate`);
    expect((await decide(mlro, path)).status).toBe(200);
    const { dueAt } = (await desk.call(mlro, 'GET', path)).body;
    const { body } = await desk.call(desk.officer2, 'POST', `${path}/replace`);
    expect(body).toMatchObject({ status: 'draft', dueAt, reasons: TEXT.reasons });
    expect((await desk.call(mlro, 'GET', path)).body.status).toBe('withdrawn');
    const fresh = `/v1/aml/reports/${body.id}`;
    await desk.call(desk.officer2, 'PATCH', fresh, { action: 'None' });
    await desk.call(desk.officer2, 'POST', `${fresh}/validate`);
    expect((await decide(writer, fresh)).body.code).toBe('report_own_work');
    expect((await decide(mlro, fresh)).status).toBe(200);
  });

  test('was a suspicion, which nobody gives up', async () => {
    const { path } = await escalated();
    const { body } = await desk.call(desk.officer, 'POST', `${path}/withdraw`);
    expect(body.code).toBe('report_only_amendments_withdrawn');
  });
});

describe('while a report is open', () => {
  test('the person’s records are kept and their account is not closed, in words that tell nothing', async () => {
    const { customer, path } = await escalated();
    const look = () =>
      transact(desk.system, 'engine', async (tx) => ({
        since: await personalReports.keptSince?.(tx, customer.userId),
        obstacles: await reportObstacles(tx, customer.userId),
      }));
    const open = await look();
    expect(Date.parse(open.since ?? '')).toBeGreaterThan(msOfInstant(desk.deps.clock.now()) - HOUR_MS);
    expect(open.obstacles).toEqual([{ code: 'under_review', detail: 'The account is under review' }]);
    await decide(mlro, path, 'decline');
    const decided = await look();
    expect(decided.obstacles).toEqual([]);
    expect(decided.since).not.toBeNull();
  });

  test('an alarm calls once when it is due soon and once when it is late', async () => {
    const { id, path } = await escalated();
    const { dueAt } = (await desk.call(mlro, 'GET', path)).body;
    const at = (instant: string) => {
      const now = () => instant as never;
      return { ...desk.system, deps: { ...desk.deps, clock: { ...desk.deps.clock, now } } };
    };
    const alarms = async () =>
      (
        await desk.deps.db.engine
          .select({ type: auditLogs.eventType })
          .from(auditLogs)
          .where(and(eq(auditLogs.resourceId, id), eq(auditLogs.severity, 'critical')))
      ).map(({ type }) => type);
    await watchClocks(at(addMs(dueAt, -49 * HOUR_MS)));
    expect(await alarms()).toEqual([]);
    await watchClocks(at(addMs(dueAt, -47 * HOUR_MS)));
    await watchClocks(at(addMs(dueAt, -HOUR_MS)));
    expect(await alarms()).toEqual(['aml_report.due_soon']);
    await watchClocks(at(dueAt));
    await watchClocks(at(addMs(dueAt, HOUR_MS)));
    expect((await alarms()).sort()).toEqual(['aml_report.due_soon', 'aml_report.overdue']);
  });
});
