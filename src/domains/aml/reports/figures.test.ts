import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { dayOf } from '../../../kernel/business-date.ts';
import type { Instant } from '../../../kernel/time.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import {
  type ComplianceDesk,
  LIST_ROWS,
  LISTED,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import type { Figure } from '../../kyc/index.ts';
import { amlAlerts } from '../schema.ts';

const MINUTE_MS = 60_000;

let desk: ComplianceDesk;
let mlro: Person;

beforeAll(async () => {
  desk = await startComplianceDesk(import.meta.file);
  mlro = await desk.newPerson(undefined, 'mlro');
  await desk.loadList(LIST_ROWS);
});

afterAll(async () => {
  expect(await desk.breaks()).toEqual([]);
  await desk.close();
});

async function dashboard() {
  const { status, body } = await desk.call(mlro, 'GET', '/v1/aml/dashboard');
  expect(status).toBe(200);
  return body;
}

async function listedApplicant(): Promise<Person> {
  const person = await desk.newPerson(LISTED);
  await desk.apply(person);
  return person;
}

async function alertOf({ userId }: Person) {
  const [alert] = await desk.deps.db.engine.select().from(amlAlerts).where(eq(amlAlerts.userId, userId));
  return alert as NonNullable<typeof alert>;
}

/** Closed by two, as what stops money is. */
async function close(person: Person, disposition: string): Promise<void> {
  const { id } = await alertOf(person);
  const reason = 'Looked at by two';
  const asked = await desk.call(desk.officer, 'POST', `/v1/aml/alerts/${id}/resolve`, {
    disposition,
    reason,
  });
  const path = `/v1/approvals/${asked.body.approval.id}/approve`;
  expect((await desk.call(desk.officer2, 'POST', path, { reason })).status).toBe(200);
}

/** Whatever was done until now lies before the next cut-off. */
function cutOff(): Instant {
  const now = desk.deps.clock.now();
  desk.advance(2 * MINUTE_MS);
  return now;
}

const year = () => dayOf(desk.deps.clock.now(), desk.deps.timeZone).slice(0, 4);
const path = (until: Instant, file = '') =>
  `/v1/aml/annual-report/${year()}${file}?until=${encodeURIComponent(until)}`;

function countOf(figures: readonly Figure[], section: string, figure: string, by: string | null): number {
  return figures.find((one) => one.section === section && one.figure === figure && one.by === by)?.count ?? 0;
}

describe('the dashboard', () => {
  test('counts what waits, and what is late', async () => {
    const before = await dashboard();
    const person = await listedApplicant();
    const after = await dashboard();
    expect(after.alerts.open - before.alerts.open).toBe(1);
    expect(after.alerts.stopping - before.alerts.stopping).toBe(1);
    expect(after.alerts.unassigned - before.alerts.unassigned).toBe(1);
    expect(after.gates.screeningOpen - before.gates.screeningOpen).toBe(1);
    expect(after.rescreening.peopleScreened - before.rescreening.peopleScreened).toBe(1);
    expect(after.customers.applications.waiting - before.customers.applications.waiting).toBe(1);
    expect(after.alerts.byKind.find(({ name }: { name: string }) => name === 'sanctions')).toBeDefined();
    expect(after.alerts.ages.underOneDay).toBeGreaterThan(0);
    const alert = await alertOf(person);
    desk.advance(8 * 86_400_000);
    const later = await dashboard();
    expect((alert.dueAt ?? '') < desk.deps.clock.now()).toBe(true);
    expect(later.alerts.overdue).toBe(later.alerts.open);
    expect(later.alerts.ages).toMatchObject({ underOneDay: 0, underOneWeek: 0 });
  });

  test('tells how alerts were closed, by kind and by list', async () => {
    const person = await listedApplicant();
    const before = await dashboard();
    desk.advance(5 * 3_600_000);
    await close(person, 'false_positive');
    const after = await dashboard();
    const closed = (board: typeof after, by: 'byKind' | 'byList', name: string) =>
      board.closings[by].find((one: { name: string }) => one.name === name)?.falsePositive ?? 0;
    expect(closed(after, 'byKind', 'sanctions') - closed(before, 'byKind', 'sanctions')).toBe(1);
    expect(closed(after, 'byList', 'Fictional') - closed(before, 'byList', 'Fictional')).toBe(1);
    expect(after.closings.medianHours).toBeGreaterThanOrEqual(0);
    expect(after.alerts.open - before.alerts.open).toBe(-1);
  });

  test('shows how old each list is', async () => {
    const { lists } = await dashboard();
    expect(lists).toMatchObject([{ name: 'Fictional', kind: 'own', entities: 2, failedFetches: 0 }]);
    desk.advance(3 * 86_400_000);
    expect((await dashboard()).lists).toMatchObject([{ isStale: true }]);
  });

  test('names nobody, and is for those who answer for AML alone', async () => {
    const person = await listedApplicant();
    const text = JSON.stringify(await dashboard());
    expect(text).not.toContain(person.userId);
    expect(text).not.toContain(LISTED.lastName);
    const customer = await desk.call(person, 'GET', '/v1/aml/dashboard');
    expect(customer.status).toBe(403);
    const support = await desk.newPerson(undefined, 'support');
    expect((await desk.call(support, 'GET', '/v1/aml/dashboard')).status).toBe(403);
  });
});

describe('the report of a year', () => {
  test('counts what happened by the cut-off, and is the same for good', async () => {
    await listedApplicant();
    const until = cutOff();
    const first = await desk.call(mlro, 'GET', path(until));
    expect(first.status).toBe(200);
    expect(first.body.until).toBe(until);
    expect(countOf(first.body.figures, 'alerts', 'opened', 'sanctions')).toBeGreaterThan(0);
    expect(countOf(first.body.figures, 'screening', 'screenings', 'kyc_application')).toBeGreaterThan(0);
    const person = await listedApplicant();
    await close(person, 'false_positive');
    const again = await desk.call(mlro, 'GET', path(until));
    expect(again.body).toEqual(first.body);
    const later = await desk.call(mlro, 'GET', path(cutOff()));
    expect(later.body.sha256).not.toBe(first.body.sha256);
    const opened = (report: typeof first) => countOf(report.body.figures, 'alerts', 'opened', 'sanctions');
    expect(opened(later) - opened(first)).toBe(1);
    expect(countOf(later.body.figures, 'alerts', 'closed_false_positive', 'sanctions')).toBeGreaterThan(0);
  });

  test('counts what was open at the cut-off, though it was closed since', async () => {
    const person = await listedApplicant();
    const until = cutOff();
    const before = await desk.call(mlro, 'GET', path(until));
    await close(person, 'false_positive');
    const after = await desk.call(mlro, 'GET', path(until));
    const open = (report: typeof before) =>
      countOf(report.body.figures, 'alerts', 'open_at_end', 'sanctions');
    expect(open(after)).toBe(open(before));
    const since = await desk.call(mlro, 'GET', path(cutOff()));
    expect(open(since)).toBe(open(before) - 1);
  });

  test('is a year of the firm’s own days', async () => {
    const { body } = await desk.call(mlro, 'GET', path(cutOff()));
    expect(body.timeZone).toBe('Indian/Mauritius');
    expect(body.from).toBe(`${Number(year()) - 1}-12-31T20:00:00.000000Z`);
    expect(body.to).toBe(`${year()}-12-31T20:00:00.000000Z`);
  });

  test('counts nothing of another year', async () => {
    await listedApplicant();
    desk.advance(2 * MINUTE_MS);
    const { status, body } = await desk.call(mlro, 'GET', '/v1/aml/annual-report/2020');
    expect(status).toBe(200);
    expect(body.figures.filter(({ count }: Figure) => count !== 0)).toEqual([]);
  });

  test('is given as CSV with the same figures and the same hash', async () => {
    await listedApplicant();
    const until = cutOff();
    const { body } = await desk.call(mlro, 'GET', path(until));
    const file = await desk.call(mlro, 'GET', path(until, '/file'));
    expect(file.headers.get('content-type')).toContain('text/csv');
    const lines = String(file.body).trim().split('\r\n');
    expect(lines[0]).toBe('section,figure,by,value');
    expect(lines).toContain(`report,sha256,,${body.sha256}`);
    expect(lines).toHaveLength(7 + body.figures.length);
  });

  test('is never made of what is not settled yet, or of a year that has not begun', async () => {
    const { body, status } = await desk.call(mlro, 'GET', path(desk.deps.clock.now()));
    expect([status, body.code]).toEqual([422, 'annual_report_ahead']);
    const next = await desk.call(mlro, 'GET', `/v1/aml/annual-report/${Number(year()) + 1}`);
    expect(next.body.code).toBe('annual_report_ahead');
    expect((await desk.call(mlro, 'GET', '/v1/aml/annual-report/1999')).status).toBe(404);
  });

  test('leaves its hash in the log', async () => {
    await listedApplicant();
    const { body, headers } = await desk.call(mlro, 'GET', path(cutOff()));
    const rows = await desk.deps.db.engine
      .select({ event: auditLogs.eventType, after: auditLogs.after })
      .from(auditLogs)
      .where(eq(auditLogs.requestId, headers.get('x-request-id') ?? ''));
    expect(rows).toMatchObject([{ event: 'aml_annual_report.made', after: { sha256: body.sha256 } }]);
  });
});
