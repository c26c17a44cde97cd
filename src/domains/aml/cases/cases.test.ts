import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
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
    await desk.call(desk.officer2, 'POST', `${path}/comments`, { text: 'Asked the bank about Port Louis' });
    await desk.call(desk.officer, 'POST', `${path}/status`, { status: 'awaiting_information' });
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
      ['escalate', REASON],
      ['close', { disposition: 'unfounded', ...REASON }],
    ] as const) {
      expect((await desk.call(desk.officer, 'POST', `${path}/${step}`, body)).body.code).toBe('case_closed');
    }
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

describe('nobody', () => {
  test('who is part of a case learns of it, works on it or agrees to its end', async () => {
    const { customer, path } = await opened('high');
    const partner = await desk.newPerson();
    await desk.call(desk.officer, 'POST', `${path}/subjects`, { userId: partner.userId });
    for (const one of [customer, partner]) {
      const self = await insider(one, 'mlro');
      expect((await desk.call(self, 'GET', path)).status).toBe(404);
      expect((await desk.call(self, 'POST', `${path}/comments`, { text: 'I did nothing' })).status).toBe(404);
      expect((await desk.call(self, 'POST', `${path}/escalate`, REASON)).status).toBe(404);
      const { body } = await desk.call(self, 'GET', '/v1/aml/cases?limit=200');
      expect(JSON.stringify(body)).not.toContain(path.slice(-36));
      const assign = { assigneeId: one.userId };
      expect((await desk.call(desk.officer, 'POST', `${path}/assign`, assign)).body.code).toBe('self_review');
    }
    const closing = { disposition: 'unfounded', ...REASON };
    const asked = await desk.call(desk.officer, 'POST', `${path}/close`, closing);
    const vote = `/v1/approvals/${asked.body.approval.id}/approve`;
    const self = await desk.signIn(partner, 'customer', 'mlro');
    expect((await desk.call(self, 'POST', vote, REASON)).body.code).toBe('self_review');
    expect((await desk.call(mlro, 'POST', vote, REASON)).status).toBe(200);
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
