import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import {
  type ComplianceDesk,
  dump,
  INNOCENT,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { roleGrants } from '../../identity/schema.ts';
import { businessHolidays, sanctionsNotices } from './schema.ts';
import { watchClocks } from './watch-clocks.ts';

const REASON = { reason: 'Government Gazette of this year' };
const HOUR_MS = 3_600_000;

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

/** Somebody who was confirmed to be listed, and the notice about them. */
async function confirmed() {
  const customer = await desk.newPerson(LISTED);
  await desk.apply(customer);
  const { body: alerts } = await desk.call(desk.officer, 'GET', '/v1/aml/alerts?limit=200');
  const alert = alerts.data.find((one: { userId: string }) => one.userId === customer.userId);
  const resolution = { disposition: 'true_match', reason: 'Same birth date and name' };
  const before = desk.deps.clock.now();
  const { body } = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alert.id}/resolve`, resolution);
  const { body: notices } = await desk.call(mlro, 'GET', '/v1/aml/sanctions-notices?status=due&limit=200');
  const notice = notices.data.find((one: { caseId: string }) => one.caseId === body.caseId);
  return { customer, before, notice, path: `/v1/aml/sanctions-notices/${notice.id}` };
}

const draft = (path: string, text = 'The customer is entry x-1; all money is frozen') =>
  desk.call(desk.officer, 'PATCH', path, { text });

const send = (path: string, reference: string = newId(), sentAt: string = desk.deps.clock.now()) =>
  desk.call(desk.officer, 'POST', `${path}/send`, { reference, sentAt });

async function codeOf(change: PromiseLike<unknown>): Promise<string | undefined> {
  return change.then(
    () => 'done',
    (error: { cause?: { code?: string } }) => error.cause?.code,
  );
}

describe('a notice', () => {
  test('is due 24 real hours after the match was confirmed, whatever day it is', async () => {
    const { notice, before } = await confirmed();
    expect(notice).toMatchObject({ kind: 'match', status: 'due' });
    expect(notice.confirmedAt >= before).toBe(true);
    expect(notice.dueAt).toBe(addMs(notice.confirmedAt, 24 * HOUR_MS));
  });

  test('is written, then sent, and then stays', async () => {
    const { path, notice, customer } = await confirmed();
    expect((await send(path)).body.code).toBe('notice_not_drafted');
    expect((await draft(path)).body).toMatchObject({ status: 'drafted', userId: customer.userId });
    expect((await send(path, newId(), addMs(desk.deps.clock.now(), HOUR_MS))).body.code).toBe(
      'sent_at_invalid',
    );
    expect((await send(path, newId(), addMs(notice.confirmedAt, -1))).body.code).toBe('sent_at_invalid');
    const sent = await send(path, 'NSS/2026/1');
    expect(sent.body).toMatchObject({ status: 'sent', reference: 'NSS/2026/1', sentBy: desk.officer.userId });
    for (const again of [await draft(path), await send(path)]) {
      expect(again.body.code).toBe('notice_sent');
    }
    const row = eq(sanctionsNotices.id, notice.id);
    for (const change of [
      { reference: 'x' },
      { status: 'due' as const },
      { sentAt: desk.deps.clock.now() },
    ]) {
      expect(await codeOf(desk.deps.db.engine.update(sanctionsNotices).set(change).where(row))).toBe('PL033');
    }
  });

  test('does not become due later', async () => {
    const { notice } = await confirmed();
    const dueAt = addMs(notice.dueAt, HOUR_MS);
    const moved = desk.deps.db.engine
      .update(sanctionsNotices)
      .set({ dueAt })
      .where(eq(sanctionsNotices.id, notice.id));
    expect(await codeOf(moved)).not.toBe('done');
  });

  test('bears a reference that no other bears, of two at once', async () => {
    const [one, two] = [await confirmed(), await confirmed()];
    await draft(one.path);
    await draft(two.path);
    const answers = await Promise.all([send(one.path, 'NSS/SAME'), send(two.path, 'NSS/SAME')]);
    expect(answers.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 409]);
  });

  test('is sealed, and each look at it is recorded at the person', async () => {
    const { path, customer } = await confirmed();
    const text = `words ${newId()}`;
    await draft(path, text);
    expect(await dump(desk, ['sanctions_notices', 'audit_logs'])).not.toContain(text);
    expect((await desk.call(mlro, 'GET', path)).body).toMatchObject({ text, userId: customer.userId });
    const reads = await desk.deps.db.engine
      .select({ actor: auditLogs.actorUserId })
      .from(auditLogs)
      .where(
        and(eq(auditLogs.subjectUserId, customer.userId), eq(auditLogs.eventType, 'sanctions_notice.read')),
      );
    expect(reads.map(({ actor }) => actor)).toEqual([mlro.userId]);
  });

  test('is hidden from staff whom it is about', async () => {
    const { customer, path } = await confirmed();
    const grantedAt = desk.deps.clock.now();
    await desk.deps.db.engine.insert(roleGrants).values({ userId: customer.userId, role: 'mlro', grantedAt });
    const self = await desk.signIn(customer, 'customer', 'mlro');
    expect((await desk.call(self, 'GET', path)).status).toBe(404);
    expect((await desk.call(self, 'PATCH', path, { text: 'It is not me' })).status).toBe(404);
    const { body } = await desk.call(self, 'GET', '/v1/aml/sanctions-notices?limit=200');
    expect(JSON.stringify(body)).not.toContain(path.slice(-36));
  });

  test('calls once four hours before its hour, and once when it is late, until it is sent', async () => {
    const [late, told] = [await confirmed(), await confirmed()];
    await draft(told.path);
    await send(told.path);
    const run = (now: Instant) =>
      watchClocks({ ...desk.system, deps: { ...desk.deps, clock: { ...desk.deps.clock, now: () => now } } });
    const alarms = async (id: Id) =>
      (
        await desk.deps.db.engine
          .select({ type: auditLogs.eventType })
          .from(auditLogs)
          .where(and(eq(auditLogs.resourceId, id), eq(auditLogs.severity, 'critical')))
      )
        .map(({ type }) => type)
        .sort();
    await run(addMs(late.notice.dueAt, -5 * HOUR_MS));
    expect(await alarms(late.notice.id)).toEqual([]);
    await run(addMs(late.notice.dueAt, -3 * HOUR_MS));
    await run(addMs(late.notice.dueAt, -2 * HOUR_MS));
    expect(await alarms(late.notice.id)).toEqual(['sanctions_notice.due_soon']);
    await run(late.notice.dueAt);
    await run(addMs(late.notice.dueAt, HOUR_MS));
    expect(await alarms(late.notice.id)).toEqual(['sanctions_notice.due_soon', 'sanctions_notice.overdue']);
    expect(await alarms(told.notice.id)).toEqual([]);
  });
});

describe('a holiday', () => {
  const ask = (day: string, observed = true) =>
    desk.call(desk.officer, 'PUT', `/v1/aml/holidays/${day}`, { name: 'Divali', observed, ...REASON });
  const approve = (by: Person, id: string) => desk.call(by, 'POST', `/v1/approvals/${id}/approve`, REASON);

  test('is decided by two people, and moves what is not decided yet', async () => {
    const customer = await desk.newPerson();
    const opening = { kind: 'aml', severity: 'medium', userId: customer.userId };
    const { id: caseId } = (await desk.call(desk.officer, 'POST', '/v1/aml/cases', opening)).body;
    await desk.call(desk.officer, 'POST', `/v1/aml/cases/${caseId}/escalate`, REASON);
    const due = async () =>
      (await desk.call(mlro, 'GET', `/v1/aml/reports?caseId=${caseId}`)).body.data[0].dueAt as string;
    const before = await due();
    // The last day of the time to report, which ends at midnight in Mauritius.
    const day = before.slice(0, 10);
    const { status, body } = await ask(day);
    expect(status).toBe(202);
    expect((await ask(day)).body.code).toBe('approval_pending_exists');
    expect((await approve(desk.officer, body.approval.id)).body.code).toBe('self_approval');
    expect(await due()).toBe(before);
    expect((await approve(mlro, body.approval.id)).status).toBe(200);
    expect((await due()) > before).toBe(true);
    const back = await ask(day, false);
    await approve(mlro, back.body.approval.id);
    expect(await due()).toBe(before);
  });

  test('is entered by nobody alone, not even in the database', async () => {
    const row = {
      day: '2031-05-05',
      name: 'Mine',
      observed: true,
      source: 'staff' as const,
      approvalId: newId(),
      changedAt: desk.deps.clock.now(),
    };
    expect(await codeOf(desk.deps.db.engine.insert(businessHolidays).values(row))).toBe('PL033');
    const change = desk.deps.db.engine
      .update(businessHolidays)
      .set({ observed: false })
      .where(eq(businessHolidays.day, '2027-03-12'));
    expect(await codeOf(change)).toBe('PL033');
  });

  test('of every year comes with the program, and a year without those that move is told of', async () => {
    const year = desk.deps.clock.now().slice(0, 4);
    const { body } = await desk.call(mlro, 'GET', '/v1/aml/holidays?year=2029');
    const fixed = body.data.filter((row: { source: string }) => row.source === 'release');
    expect(fixed.map((row: { day: string }) => row.day.slice(5))).toEqual([
      '01-01',
      '01-02',
      '02-01',
      '03-12',
      '05-01',
      '11-02',
      '12-25',
    ]);
    expect(Array.isArray(body.yearsWithoutMovableDays)).toBe(true);
    const day = `${year}-10-02`;
    const { body: asked } = await ask(day);
    await approve(mlro, asked.approval.id);
    const after = await desk.call(mlro, 'GET', '/v1/aml/holidays');
    expect(after.body.yearsWithoutMovableDays).not.toContain(Number.parseInt(year, 10));
  });
});
