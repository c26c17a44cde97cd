import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  dump,
  INNOCENT,
  type Person,
  pixel,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { roleGrants } from '../../identity/schema.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { reportDueAt } from '../reports/holidays.ts';
import { amlCases } from './schema.ts';

const REASON = { reason: 'The salary explains the payments' };

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  mlro = await desk.newPerson(INNOCENT, 'mlro');
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function opened(severity = 'medium', more: object = {}) {
  const customer = await desk.newPerson();
  const body = { kind: 'aml', severity, userId: customer.userId, ...more };
  const answer = await desk.call(desk.officer, 'POST', '/v1/aml/cases', body);
  expect(answer.status).toBe(201);
  return { customer, path: `/v1/aml/cases/${answer.body.id}`, found: answer.body };
}

function reviewAlert(userId: Id, severity: 'low' | 'high' = 'low') {
  return transact(desk.system, 'engine', (tx) =>
    openAlert(tx, desk.system, {
      userId,
      kind: 'monitoring',
      dedupKey: 'rule:structuring',
      severity,
      effect: 'review',
    }),
  );
}

async function insider(customer: Person, role: 'mlro' | 'compliance_officer'): Promise<Person> {
  const grantedAt = desk.deps.clock.now();
  await desk.deps.db.engine.insert(roleGrants).values({ userId: customer.userId, role, grantedAt });
  return desk.signIn(customer, 'customer', role);
}

describe('a case', () => {
  test('has a reference, a due date, its people, and keeps what was said in order', async () => {
    const { customer, path, found } = await opened('high');
    expect(found).toMatchObject({ status: 'open', severity: 'high', userId: customer.userId });
    expect(found.reference).toMatch(/^C-\d{4}-\d{6}$/);
    expect(Date.parse(found.dueAt)).toBeGreaterThan(Date.parse(found.openedAt));
    const said = { type: 'comment', text: 'Asked the bank about Port Louis' };
    expect((await desk.call(desk.officer2, 'POST', `${path}/events`, said)).status).toBe(201);
    const progress = { type: 'status', status: 'awaiting_information' };
    const moved = await desk.call(desk.officer, 'POST', `${path}/events`, progress);
    expect(moved).toMatchObject({ status: 201, body: { status: 'awaiting_information' } });
    const other = await desk.newPerson();
    await desk.call(desk.officer, 'POST', `${path}/subjects`, { userId: other.userId });
    await desk.call(desk.officer, 'POST', `${path}/subjects`, { userId: other.userId });
    const { body } = await desk.call(mlro, 'GET', path);
    expect(body.subjects).toEqual([{ userId: customer.userId }, { userId: other.userId }]);
    expect(body.history.map(({ type }: { type: string }) => type)).toEqual([
      'opened',
      'commented',
      'status',
      'subject_added',
    ]);
    expect(body.history[1].body).toBe('Asked the bank about Port Louis');
    const stored = await dump(desk, ['aml_cases', 'aml_case_events', 'audit_logs', 'outbox']);
    expect(stored).not.toContain('Port Louis');
  });

  test('keeps files sealed, gives them back as they were, and records each look', async () => {
    const { path } = await opened();
    const form = new FormData();
    form.set(
      'file',
      new File([pixel('secret trailer')], 'Letter of Ms Ramgoolam.png', { type: 'image/png' }),
    );
    const added = await desk.call(desk.officer, 'POST', `${path}/files`, form);
    expect(added).toMatchObject({ status: 201, body: { contentType: 'image/png' } });
    const { body } = await desk.call(desk.officer, 'GET', path);
    expect(body.files).toMatchObject([{ id: added.body.id, name: 'Letter of Ms Ramgoolam.png' }]);
    const read = await desk.call(desk.officer2, 'GET', `${path}/files/${added.body.id}`);
    expect(read.headers.get('content-type')).toBe('application/octet-stream');
    expect(read.body).toContain('secret trailer');
    expect(await dump(desk, ['aml_case_files', 'audit_logs'])).not.toContain('Letter of Ms');
    const other = await opened();
    const elsewhere = `${other.path}/files/${added.body.id}`;
    expect((await desk.call(desk.officer, 'GET', elsewhere)).status).toBe(404);
  });

  test('that is small and unfounded is closed by one, and stays as it is', async () => {
    const { path } = await opened('low');
    const closed = await desk.call(desk.officer, 'POST', `${path}/close`, {
      disposition: 'unfounded',
      ...REASON,
    });
    expect(closed).toMatchObject({ status: 200, body: { status: 'closed', disposition: 'unfounded' } });
    for (const [step, body] of [
      ['assign', { assigneeId: desk.officer.userId }],
      ['events', { type: 'status', status: 'investigating' }],
      ['escalate', REASON],
      ['close', { disposition: 'unfounded', ...REASON }],
    ] as const) {
      expect((await desk.call(desk.officer, 'POST', `${path}/${step}`, body)).body.code).toBe('case_closed');
    }
    const words = { type: 'comment', text: 'The customer wrote again' };
    expect((await desk.call(desk.officer, 'POST', `${path}/events`, words)).status).toBe(201);
    const mine = eq(amlCases.id, closed.body.id);
    const reopened = desk.deps.db.engine.update(amlCases).set({ status: 'open', closedAt: null }).where(mine);
    const code = await reopened.then(
      () => 'done',
      (error: { cause?: { code?: string } }) => error.cause?.code,
    );
    expect(code).toBe('PL031');
  });

  test('that is grave, suspicious or true is closed by two, and goes on where the second refuses', async () => {
    for (const [severity, disposition] of [
      ['high', 'unfounded'],
      ['low', 'suspicious'],
    ] as const) {
      const { path } = await opened(severity);
      const close = () => desk.call(desk.officer, 'POST', `${path}/close`, { disposition, ...REASON });
      const asked = await close();
      expect(asked.status).toBe(202);
      expect((await close()).body.code).toBe('case_closing');
      const vote = `/v1/approvals/${asked.body.approval.id}`;
      expect((await desk.call(desk.officer, 'POST', `${vote}/approve`, REASON)).body.code).toBe(
        'self_approval',
      );
      await desk.call(mlro, 'POST', `${vote}/reject`, REASON);
      expect((await desk.call(mlro, 'GET', path)).body).toMatchObject({
        status: 'investigating',
        closeApprovalId: null,
      });
      const again = await close();
      await desk.call(mlro, 'POST', `/v1/approvals/${again.body.approval.id}/approve`, REASON);
      expect((await desk.call(mlro, 'GET', path)).body).toMatchObject({ status: 'closed', disposition });
    }
  });

  test('with an open alert in it is not closed', async () => {
    const { customer, path } = await opened('low');
    const alert = await reviewAlert(customer.userId);
    await desk.call(desk.officer, 'POST', `${path}/alerts`, { alertId: alert.id });
    const close = () =>
      desk.call(desk.officer, 'POST', `${path}/close`, { disposition: 'unfounded', ...REASON });
    expect((await close()).body.code).toBe('case_has_open_alerts');
    const resolution = { disposition: 'false_positive', ...REASON };
    await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alert.id}/resolve`, resolution);
    expect((await close()).status).toBe(200);
  });

  test('is suspicious from one moment on, once', async () => {
    const { path } = await opened('low');
    const first = await desk.call(desk.officer, 'POST', `${path}/escalate`, REASON);
    expect(first.body).toMatchObject({ status: 'escalated', severity: 'high' });
    expect(first.body.suspicionAt).not.toBeNull();
    expect((await desk.call(mlro, 'POST', `${path}/escalate`, REASON)).body.code).toBe('case_escalated');
    const change = { suspicionAt: desk.deps.clock.now() };
    const moved = desk.deps.db.engine.update(amlCases).set(change).where(eq(amlCases.id, first.body.id));
    const code = await moved.then(
      () => 'done',
      (error: { cause?: { code?: string } }) => error.cause?.code,
    );
    expect(code).toBe('PL031');
  });
});

describe('a suspicion that was formed before it is written down', () => {
  const HOUR_MS = 3_600_000;
  const escalate = (path: string, suspicionAt: string) =>
    desk.call(desk.officer, 'POST', `${path}/escalate`, { ...REASON, suspicionAt });

  test('begins the time to report when it was formed', async () => {
    const { path, found } = await opened('low');
    const before = await desk.call(desk.officer, 'POST', `${path}/escalate`, {
      ...REASON,
      suspicionAt: found.openedAt,
    });
    expect(before.body).toMatchObject({ status: 'escalated', suspicionAt: found.openedAt });
    const { body } = await desk.call(mlro, 'GET', `/v1/aml/reports?caseId=${found.id}`);
    expect(body.data).toMatchObject([{ suspicionAt: found.openedAt }]);
    const dueAt = await transact(desk.system, 'engine', (tx) => reportDueAt(tx, found.openedAt));
    expect(body.data[0].dueAt).toBe(dueAt);
  });

  test('may be as old as the oldest alert of its case', async () => {
    const { customer } = await opened('low');
    const alert = await reviewAlert(customer.userId);
    desk.advance(8 * 24 * HOUR_MS);
    const body = { kind: 'aml', severity: 'low', alertId: alert.id };
    const later = (await desk.call(desk.officer, 'POST', '/v1/aml/cases', body)).body;
    const path = `/v1/aml/cases/${later.id}`;
    expect((await escalate(path, addMs(alert.createdAt, -1))).body.code).toBe('suspicion_at_invalid');
    expect((await escalate(path, alert.createdAt)).body.suspicionAt).toBe(alert.createdAt);
    const { data } = (await desk.call(mlro, 'GET', `/v1/aml/reports?caseId=${later.id}`)).body;
    // Five working days of an older suspicion are over: it is late, and is called so.
    expect(data[0].dueAt < later.openedAt).toBe(true);
  });

  test('is neither older than its case nor in time to come, and nothing is written', async () => {
    const { path, found } = await opened('low');
    for (const at of [addMs(found.openedAt, -1), addMs(desk.deps.clock.now(), HOUR_MS)]) {
      expect(await escalate(path, at)).toMatchObject({ status: 422, body: { code: 'suspicion_at_invalid' } });
    }
    const { body } = await desk.call(mlro, 'GET', path);
    expect(body).toMatchObject({ status: 'open', suspicionAt: null });
    expect((await desk.call(mlro, 'GET', `/v1/aml/reports?caseId=${found.id}`)).body.data).toEqual([]);
  });
});

describe('nobody', () => {
  test('who is part of a case learns of it, works on it or agrees to its end', async () => {
    const { customer, path } = await opened('high');
    const partner = await desk.newPerson();
    await desk.call(desk.officer, 'POST', `${path}/subjects`, { userId: partner.userId });
    for (const one of [customer, partner]) {
      const self = await insider(one, 'mlro');
      expect((await desk.call(self, 'GET', path)).status).toBe(404);
      const words = { type: 'comment', text: 'I did nothing' };
      expect((await desk.call(self, 'POST', `${path}/events`, words)).status).toBe(404);
      expect((await desk.call(self, 'POST', `${path}/escalate`, REASON)).status).toBe(404);
      const { body } = await desk.call(self, 'GET', '/v1/aml/cases?limit=200');
      expect(JSON.stringify(body)).not.toContain(path.slice(-36));
      const assign = { assigneeId: one.userId };
      expect((await desk.call(desk.officer, 'POST', `${path}/assign`, assign)).body.code).toBe('self_review');
    }
    const closing = { disposition: 'unfounded', ...REASON };
    const asked = await desk.call(desk.officer, 'POST', `${path}/close`, closing);
    const approval = `/v1/approvals/${asked.body.approval.id}`;
    for (const one of [customer, partner]) {
      const self = await desk.signIn(one, 'customer', 'mlro');
      expect((await desk.call(self, 'GET', approval)).status).toBe(404);
      const { body } = await desk.call(self, 'GET', '/v1/approvals?limit=200');
      expect(JSON.stringify(body)).not.toContain(asked.body.approval.id);
      for (const verdict of ['approve', 'reject']) {
        expect((await desk.call(self, 'POST', `${approval}/${verdict}`, REASON)).status).toBe(404);
      }
    }
    expect((await desk.call(mlro, 'GET', approval)).status).toBe(200);
    expect((await desk.call(mlro, 'POST', `${approval}/approve`, REASON)).status).toBe(200);
  });

  test('who is part of a case reads of it, of its end or of its report in the log', async () => {
    const { path, found } = await opened('high');
    const partner = await desk.newPerson();
    await desk.call(desk.officer, 'POST', `${path}/subjects`, { userId: partner.userId });
    await desk.call(desk.officer, 'POST', `${path}/escalate`, REASON);
    const [report] = (await desk.call(mlro, 'GET', `/v1/aml/reports?caseId=${found.id}`)).body.data;
    const closing = { disposition: 'suspicious', ...REASON };
    const { approval } = (await desk.call(desk.officer, 'POST', `${path}/close`, closing)).body;
    const self = await insider(partner, 'mlro');
    for (const id of [found.id, report.id, approval.id]) {
      const search = `/v1/audit/logs?resourceId=${id}`;
      expect((await desk.call(mlro, 'GET', search)).body.data).not.toEqual([]);
      expect((await desk.call(self, 'GET', search)).body.data).toEqual([]);
    }
    const { body } = await desk.call(self, 'GET', '/v1/audit/logs?limit=200&class=restricted');
    for (const id of [report.id, approval.id]) {
      expect(body.data.map((row: { resourceId: string }) => row.resourceId)).not.toContain(id);
    }
  });

  test('but compliance is given work', async () => {
    const { path } = await opened();
    for (const assigneeId of [(await desk.newPerson(INNOCENT, 'operations')).userId, mlro.userId]) {
      const { status } = await desk.call(desk.officer, 'POST', `${path}/assign`, { assigneeId });
      expect(status).toBe(assigneeId === mlro.userId ? 200 : 422);
    }
    const { body } = await desk.call(mlro, 'GET', '/v1/aml/cases?assignee=me&limit=200');
    expect(body.data.map((one: { id: string }) => one.id)).toContain(path.slice(-36));
  });
});
