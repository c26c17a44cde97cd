import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { newId } from '../../../kernel/id.ts';
import { auditLogs, outbox } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  dump,
  INNOCENT,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { amlAlerts } from '../schema.ts';
import { escalateOverdue } from './escalate-overdue.ts';
import { type NewAlert, openAlert } from './open-alert.ts';

const REASON = { reason: 'The second name is another one' };
const HOUR_MS = 3_600_000;

let desk: ComplianceDesk;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

function raise(userId: Id | null, more: Partial<NewAlert> = {}) {
  return transact(desk.system, 'engine', (tx) =>
    openAlert(tx, desk.system, {
      userId,
      kind: 'monitoring',
      dedupKey: 'rule:structuring',
      severity: 'low',
      effect: 'review',
      ...more,
    }),
  );
}

function resolve(id: string, disposition: string, by = desk.officer) {
  return desk.call(by, 'POST', `/v1/aml/alerts/${id}/resolve`, { disposition, ...REASON });
}

async function fileOf(id: string, by = desk.officer) {
  return (await desk.call(by, 'GET', `/v1/aml/alerts/${id}`)).body;
}

async function listedAlert(): Promise<{ readonly person: Person; readonly id: string }> {
  const person = await desk.newPerson(LISTED);
  await desk.apply(person);
  const mine = eq(amlAlerts.userId, person.userId);
  const [alert] = await desk.deps.db.engine.select().from(amlAlerts).where(mine);
  return { person, id: alert?.id as string };
}

describe('a further hit', () => {
  test('is taken in: it counts, adds points, is graver and due earlier, and never the other way', async () => {
    const { userId } = await desk.newPerson();
    const first = await raise(userId, { points: 10 });
    await raise(userId, { points: 5, severity: 'high' });
    const third = await raise(userId, { points: 1 });
    expect(third).toMatchObject({ id: first.id, occurrences: 3, points: 16, severity: 'high' });
    expect(Date.parse(third.dueAt ?? '')).toBeLessThan(Date.parse(first.dueAt ?? ''));
    const { history } = await fileOf(first.id);
    expect(history.map(({ type }: { type: string }) => type)).toEqual([
      'opened',
      'seen_again',
      'severity_raised',
      'seen_again',
    ]);
  });

  test('is an alert of its own where the one before is closed, or it is about something else', async () => {
    const { userId } = await desk.newPerson();
    const first = await raise(userId);
    expect((await resolve(first.id, 'false_positive')).body).toMatchObject({ status: 'resolved' });
    const second = await raise(userId);
    const other = await raise(userId, { dedupKey: 'rule:velocity' });
    expect(new Set([first.id, second.id, other.id]).size).toBe(3);
  });

  test('about nobody is one alert too, also from many sides at once', async () => {
    const dedupKey = `list:${newId()}`;
    const raised = await Promise.all(
      Array.from({ length: 10 }, () => raise(null, { kind: 'list', dedupKey, severity: 'high' })),
    );
    expect(new Set(raised.map(({ id }) => id)).size).toBe(1);
    expect(await fileOf(raised[0]?.id as string)).toMatchObject({ occurrences: 10, userId: null });
  });

  test('that was confirmed already is the same match found again, and no new work', async () => {
    const { person, id } = await listedAlert();
    const asked = await resolve(id, 'true_match');
    await desk.call(desk.officer2, 'POST', `/v1/approvals/${asked.body.closeApprovalId}/approve`, REASON);
    await desk.call(desk.officer, 'POST', '/v1/aml/screenings', { userId: person.userId });
    const mine = eq(amlAlerts.userId, person.userId);
    expect(await desk.deps.db.engine.select().from(amlAlerts).where(mine)).toHaveLength(1);
    expect((await fileOf(id)).history.at(-1)).toMatchObject({ type: 'seen_again' });
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'confirmed' });
  });
});

describe('what only asks for a look', () => {
  test('leaves the gate alone, and one person closes it; what is graver waits for another', async () => {
    const person = await desk.newPerson();
    const before = await desk.gateOf(person);
    const small = await raise(person.userId);
    const grave = await raise(person.userId, { dedupKey: 'rule:velocity', severity: 'high' });
    expect(await desk.gateOf(person)).toEqual(before);
    expect((await resolve(small.id, 'false_positive')).status).toBe(200);
    const asked = await resolve(grave.id, 'false_positive');
    expect(asked.status).toBe(202);
    expect(await fileOf(grave.id)).toMatchObject({
      status: 'open',
      proposedDisposition: 'false_positive',
      closeApprovalId: asked.body.approval.id,
    });
    await desk.call(desk.officer2, 'POST', `/v1/approvals/${asked.body.approval.id}/reject`, REASON);
    expect(await fileOf(grave.id)).toMatchObject({ proposedDisposition: null, closeApprovalId: null });
    const again = await resolve(grave.id, 'false_positive');
    await desk.call(desk.officer2, 'POST', `/v1/approvals/${again.body.approval.id}/approve`, REASON);
    expect(await fileOf(grave.id)).toMatchObject({ status: 'resolved', disposition: 'false_positive' });
  });

  test('freezes nobody when it is true: an office is told on, for the rating', async () => {
    const person = await desk.newPerson();
    const alert = await raise(person.userId, { kind: 'pep', dedupKey: 'screen:pep', severity: 'medium' });
    const asked = await resolve(alert.id, 'true_match');
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'none', restriction: 'none' });
    await desk.call(desk.officer2, 'POST', `/v1/approvals/${asked.body.closeApprovalId}/approve`, REASON);
    const told = await desk.deps.db.engine
      .select()
      .from(outbox)
      .where(and(eq(outbox.userId, person.userId), eq(outbox.type, 'aml.pep_found')));
    expect(told).toMatchObject([{ customerVisible: false, data: { alertId: alert.id } }]);
  });
});

describe('what people decide', () => {
  test('of a true match: the second person’s no keeps the alert open and the customer frozen', async () => {
    const { person, id } = await listedAlert();
    const asked = await resolve(id, 'true_match');
    await desk.call(desk.officer2, 'POST', `/v1/approvals/${asked.body.closeApprovalId}/reject`, REASON);
    expect(await fileOf(id)).toMatchObject({ status: 'open', proposedDisposition: null });
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'confirmed', restriction: 'frozen' });
  });

  test('is of what they looked at: an alert that became graver or stops is asked about again', async () => {
    for (const graver of [{ severity: 'critical' }, { severity: 'high', effect: 'stop' }] as const) {
      const { userId } = await desk.newPerson();
      const alert = await raise(userId, { severity: 'high' });
      const asked = await resolve(alert.id, 'false_positive');
      await raise(userId, graver);
      const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
      expect((await desk.call(desk.officer2, 'POST', vote, REASON)).body.code).toBe('alert_changed');
      expect(await fileOf(alert.id)).toMatchObject({ status: 'open', effect: graver.effect ?? 'review' });
    }
  });

  test('is a true match that froze nobody: once the alert stops, it is asked about again and freezes', async () => {
    const person = await desk.newPerson();
    const found = { kind: 'internal_list', dedupKey: 'screen:internal_list', severity: 'high' } as const;
    const alert = await raise(person.userId, found);
    const asked = await resolve(alert.id, 'true_match');
    expect(await desk.gateOf(person)).toMatchObject({ restriction: 'none' });
    await raise(person.userId, { ...found, effect: 'stop' });
    const vote = `/v1/approvals/${asked.body.closeApprovalId}/approve`;
    expect((await desk.call(desk.officer2, 'POST', vote, REASON)).body.code).toBe('alert_changed');
    expect(await fileOf(alert.id)).toMatchObject({ status: 'open' });
    const again = await resolve(alert.id, 'true_match');
    expect(await desk.gateOf(person)).toMatchObject({ restriction: 'frozen' });
    const agreed = `/v1/approvals/${again.body.closeApprovalId}/approve`;
    expect((await desk.call(desk.officer2, 'POST', agreed, REASON)).status).toBe(200);
    expect(await fileOf(alert.id)).toMatchObject({ status: 'resolved', disposition: 'true_match' });
  });

  test('stays unclear only in a case, and with a second person', async () => {
    const { person, id } = await listedAlert();
    expect((await resolve(id, 'inconclusive')).body.code).toBe('case_required');
    const body = { kind: 'sanctions', severity: 'medium', alertId: id };
    const opened = await desk.call(desk.officer, 'POST', '/v1/aml/cases', body);
    expect(opened.body).toMatchObject({ userId: person.userId });
    const asked = await resolve(id, 'inconclusive');
    expect(await desk.gateOf(person)).toMatchObject({ screening: 'open' });
    await desk.call(desk.officer2, 'POST', `/v1/approvals/${asked.body.approval.id}/approve`, REASON);
    expect(await fileOf(id)).toMatchObject({ status: 'resolved', disposition: 'inconclusive' });
  });

  test('is theirs to do: an alert is given to compliance and to nobody else', async () => {
    const { id } = await listedAlert();
    const teller = await desk.newPerson(INNOCENT, 'operations');
    for (const assigneeId of [teller.userId, newId()]) {
      const answer = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${id}/assign`, { assigneeId });
      expect(answer).toMatchObject({ status: 422, body: { code: 'assignee_unsuitable' } });
    }
    const assigneeId = desk.officer2.userId;
    await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${id}/assign`, { assigneeId });
    const { body } = await desk.call(desk.officer2, 'GET', '/v1/aml/alerts?assignee=me&limit=200');
    expect(body.data.map((alert: { id: string }) => alert.id)).toContain(id);
  });

  test('is said in words that are sealed and stay', async () => {
    const { id } = await listedAlert();
    const text = 'Telephoned the embassy in Antananarivo';
    expect((await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${id}/comments`, { text })).status).toBe(
      201,
    );
    expect((await fileOf(id)).history.at(-1)).toMatchObject({ type: 'commented', comment: text });
    expect(await dump(desk, ['aml_alert_events', 'audit_logs', 'outbox'])).not.toContain('Antananarivo');
  });
});

describe('what is overdue', () => {
  test('and becomes critical only then raises the alarm all the same', async () => {
    const { userId } = await desk.newPerson();
    const alert = await raise(userId, { severity: 'high' });
    desk.advance(25 * HOUR_MS);
    await escalateOverdue(desk.system);
    expect((await fileOf(alert.id)).overdueAt).not.toBeNull();
    const marked = await raise(userId, { severity: 'high' });
    expect(marked.overdueAt).not.toBeNull();
    const grave = await raise(userId, { severity: 'critical' });
    expect(grave.overdueAt).toBeNull();
    await escalateOverdue(desk.system);
    await escalateOverdue(desk.system);
    const told = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(and(eq(auditLogs.resourceId, alert.id), eq(auditLogs.eventType, 'aml_alert.critical_overdue')));
    expect(told).toHaveLength(1);
    // Taken in once more it stays told.
    expect((await raise(userId, { severity: 'critical' })).overdueAt).not.toBeNull();
  });

  test('is marked once, and a critical one raises an alarm', async () => {
    const { userId } = await desk.newPerson();
    const low = await raise(userId);
    const critical = await raise(userId, { dedupKey: 'rule:velocity', severity: 'critical' });
    desk.advance(5 * HOUR_MS);
    await escalateOverdue(desk.system);
    await escalateOverdue(desk.system);
    expect((await fileOf(low.id)).overdueAt).toBeNull();
    expect((await fileOf(critical.id)).overdueAt).not.toBeNull();
    const alarms = await desk.deps.db.engine
      .select()
      .from(auditLogs)
      .where(
        and(eq(auditLogs.resourceId, critical.id), eq(auditLogs.eventType, 'aml_alert.critical_overdue')),
      );
    expect(alarms).toHaveLength(1);
    const { body } = await desk.call(desk.officer, 'GET', '/v1/aml/alerts?overdue=true&limit=200');
    const found = body.data.map((alert: { id: string }) => alert.id);
    expect([found.includes(critical.id), found.includes(low.id)]).toEqual([true, false]);
  });
});
