import { afterAll, beforeAll, expect, test } from 'bun:test';
import { and, asc, eq, inArray } from 'drizzle-orm';
import { newId } from '../../../kernel/id.ts';
import { auditLogs } from '../../../platform/db/schema.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  bankBeneficiary,
  type FundingDesk,
  type Person,
  startFundingDesk,
} from '../../../testing/funding-desk.ts';
import { liftRestriction, placeRestriction, restrictionsOf } from '../../identity/index.ts';
import { customerGates } from '../../identity/schema.ts';
import { openAlert } from '../alerts/open-alert.ts';
import { amlCases } from '../cases/schema.ts';
import { amlDomain, screenUser } from '../index.ts';
import { amlAlerts } from '../schema.ts';

let desk: FundingDesk;
let officer: Person;
let officer2: Person;
let mlro: Person;

beforeAll(async () => {
  desk = await startFundingDesk(import.meta.file, [amlDomain]);
  officer = await desk.newStaff('compliance_officer');
  officer2 = await desk.newStaff('compliance_officer');
  mlro = await desk.newStaff('mlro');
});

afterAll(async () => {
  const report = await desk.reconcile();
  await desk.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const engine = () => desk.deps.db.engine;
const REASON = 'In and out within hours, again and again';

/** A customer with money and a payee, about whom monitoring raised an alert. */
async function watched(effect: 'stop' | 'review' = 'stop') {
  const person = await desk.newCustomer();
  await screenUser(desk.system, person.userId, 'manual');
  await desk.fund(person, 'USD', '100');
  const payee = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary() });
  const alert = await raise(person, effect);
  return { person, beneficiaryId: payee.body.id as string, alertId: alert.id };
}

function raise({ userId }: Person, effect: 'stop' | 'review', typology = 'structuring') {
  return transact(desk.system, 'engine', (tx) =>
    openAlert(tx, desk.system, {
      userId,
      kind: 'monitoring',
      dedupKey: `typology:${typology}`,
      severity: 'high',
      effect,
      sourceRef: typology,
      points: 60,
    }),
  );
}

function resolve(alertId: string, disposition = 'true_match') {
  const body = { disposition, reason: REASON };
  return desk.request(officer, 'POST', `/v1/aml/alerts/${alertId}/resolve`, { body });
}

function vote(by: Person, approvalId: string, way = 'approve') {
  return desk.request(by, 'POST', `/v1/approvals/${approvalId}/${way}`, { body: { reason: REASON } });
}

function lift({ userId }: Person, cause = 'aml_case') {
  const body = { reason: 'The bank explained each of them', cause };
  return desk.request(officer, 'POST', `/v1/aml/customers/${userId}/lift`, { body });
}

function withdraw(person: Person, beneficiaryId: string) {
  const body = { accountId: person.accountId, beneficiaryId, asset: 'USD', amount: '1' };
  return desk.request(person, 'POST', '/v1/withdrawals', { body, key: newId() });
}

async function gateOf({ userId }: Person) {
  const [gate] = await engine().select().from(customerGates).where(eq(customerGates.userId, userId));
  return gate;
}

/** An alert that two people called a true match. */
async function confirmed() {
  const found = await watched();
  const asked = await resolve(found.alertId);
  expect((await vote(mlro, asked.body.closeApprovalId)).status).toBe(200);
  return found;
}

test('a confirmed alert keeps money in from the officer’s transaction on, for a case, and raises an alarm', async () => {
  const { person, beneficiaryId, alertId } = await watched();
  const asked = await resolve(alertId);
  expect(asked.status).toBe(200);
  expect(await gateOf(person)).toMatchObject({ restriction: 'no_out' });
  const [restriction] = await transact(desk.system, 'engine', (tx) => restrictionsOf(tx, person.userId));
  const [opened] = await engine().select().from(amlCases).where(eq(amlCases.userId, person.userId));
  expect(opened).toMatchObject({ kind: 'aml', status: 'open' });
  expect(asked.body.caseId).toBe(opened?.id);
  expect(restriction).toMatchObject({ cause: 'aml_case', referenceId: opened?.id });
  const alarms = await engine()
    .select()
    .from(auditLogs)
    .where(
      and(eq(auditLogs.eventType, 'aml_customer.restricted'), eq(auditLogs.subjectUserId, person.userId)),
    );
  expect(alarms).toMatchObject([{ class: 'restricted', severity: 'critical' }]);
  expect((await withdraw(person, beneficiaryId)).body.code).toBe('account_restricted');
});

test('no screening opens what two people confirmed, and trading and money in go on', async () => {
  const { person, beneficiaryId, alertId } = await confirmed();
  const [alert] = await engine()
    .select()
    .from(amlAlerts)
    .where(eq(amlAlerts.id, alertId as never));
  expect(alert).toMatchObject({ status: 'resolved', disposition: 'true_match' });
  // Who they are was never in doubt.
  expect(await gateOf(person)).toMatchObject({ screening: 'clear', restriction: 'no_out' });
  const added = await desk.request(person, 'POST', '/v1/beneficiaries', { body: bankBeneficiary(1) });
  expect(added.status).toBe(201);
  const { userId } = person;
  await desk.request(officer, 'POST', '/v1/aml/screenings', { body: { userId } });
  expect(await gateOf(person)).toMatchObject({ screening: 'clear', restriction: 'no_out' });
  expect((await withdraw(person, beneficiaryId)).body.code).toBe('account_restricted');
  await desk.fund(person, 'USD', '5');
});

test('the second person’s no keeps the alert open and the money in', async () => {
  const { person, alertId } = await watched();
  const asked = await resolve(alertId);
  expect((await vote(officer2, asked.body.closeApprovalId, 'reject')).status).toBe(200);
  expect(await gateOf(person)).toMatchObject({ screening: 'open', restriction: 'no_out' });
  // Asked again it is one restriction still.
  const again = await resolve(alertId);
  await vote(mlro, again.body.closeApprovalId);
  const standing = await transact(desk.system, 'engine', (tx) => restrictionsOf(tx, person.userId));
  expect(standing).toHaveLength(1);
});

test('two others end it, the MLRO among them, and what stands for sanctions is asked about by itself', async () => {
  const { person, beneficiaryId } = await confirmed();
  expect((await lift(person, 'sanctions')).body.code).toBe('customer_not_confirmed');
  const asked = await lift(person);
  expect(asked.status).toBe(202);
  expect((await vote(officer, asked.body.approval.id)).status).toBe(403);
  expect((await vote(officer2, asked.body.approval.id)).status).toBe(200);
  expect(await gateOf(person)).toMatchObject({ restriction: 'no_out' });
  expect((await vote(desk.compliance, asked.body.approval.id)).body.code).toBe('mlro_vote_required');
  expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
  expect(await gateOf(person)).toMatchObject({ screening: 'clear', restriction: 'none' });
  expect((await withdraw(person, beneficiaryId)).status).toBe(201);
  const told = await engine()
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.subjectUserId, person.userId), eq(auditLogs.eventType, 'aml_customer.released')));
  expect(told).toHaveLength(1);
  expect((await lift(person)).body.code).toBe('customer_not_restricted');
});

test('the case it stands for is closed only once it has ended', async () => {
  const { person } = await confirmed();
  const [found] = await engine().select().from(amlCases).where(eq(amlCases.userId, person.userId));
  const close = () =>
    desk.request(officer, 'POST', `/v1/aml/cases/${found?.id}/close`, {
      body: { disposition: 'unfounded', reason: REASON },
    });
  const refused = await close();
  expect([refused.status, refused.body.code]).toEqual([409, 'case_restricts']);
  const asked = await lift(person);
  await vote(officer2, asked.body.approval.id);
  expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
  expect([200, 202]).toContain((await close()).status);
});

/** Calls an alert a true match, and has the second person disagree. */
async function doubted(alertId: string): Promise<void> {
  const asked = await resolve(alertId);
  expect((await vote(officer2, asked.body.closeApprovalId, 'reject')).status).toBe(200);
}

/** Has two people call an alert something else. */
async function agreed(alertId: string, disposition = 'false_positive'): Promise<void> {
  const asked = await resolve(alertId, disposition);
  expect(asked.status).toBe(202);
  expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
}

test('it ends with its alert where two people call that a false positive, and its case can be closed', async () => {
  const { person, beneficiaryId, alertId } = await watched();
  await doubted(alertId);
  const asked = await resolve(alertId, 'false_positive');
  expect(await gateOf(person)).toMatchObject({ restriction: 'no_out' });
  expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
  expect(await gateOf(person)).toMatchObject({ screening: 'clear', restriction: 'none' });
  expect((await withdraw(person, beneficiaryId)).status).toBe(201);
  const told = await engine()
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.subjectUserId, person.userId), eq(auditLogs.eventType, 'aml_customer.released')));
  expect(told).toMatchObject([
    { class: 'restricted', after: { alertId, approvalId: asked.body.approval.id } },
  ]);
  const [found] = await engine().select().from(amlCases).where(eq(amlCases.userId, person.userId));
  const closed = await desk.request(officer, 'POST', `/v1/aml/cases/${found?.id}/close`, {
    body: { disposition: 'unfounded', reason: REASON },
  });
  expect([200, 202]).toContain(closed.status);
});

test('of two alerts that caused it, the end of one leaves it to the other, and the end of both ends it', async () => {
  const { person, alertId } = await watched();
  const other = await raise(person, 'stop', 'networks');
  await doubted(alertId);
  await doubted(other.id);
  await agreed(alertId);
  expect(await gateOf(person)).toMatchObject({ screening: 'open', restriction: 'no_out' });
  await agreed(other.id);
  expect(await gateOf(person)).toMatchObject({ screening: 'clear', restriction: 'none' });
});

test('of two alerts, one that was confirmed for good keeps it', async () => {
  const { person } = await confirmed();
  const other = await raise(person, 'stop', 'networks');
  await doubted(other.id);
  await agreed(other.id);
  expect(await gateOf(person)).toMatchObject({ screening: 'clear', restriction: 'no_out' });
});

test('an alert that nobody called a true match does not keep it, and keeps the gate shut by itself', async () => {
  const { person, beneficiaryId, alertId } = await watched();
  await doubted(alertId);
  await raise(person, 'stop', 'networks');
  await agreed(alertId);
  expect(await gateOf(person)).toMatchObject({ screening: 'open', restriction: 'none' });
  expect((await withdraw(person, beneficiaryId)).body.code).toBe('under_review');
});

test('it ends by itself alone: another cause goes on, and what stays unclear ends nothing', async () => {
  const { person, alertId } = await watched();
  await doubted(alertId);
  const reference = { type: 'user', id: person.userId };
  await transact(desk.system, 'engine', (tx) =>
    placeRestriction(tx, desk.system, person.userId, {
      restriction: 'no_out',
      cause: 'kyc_dormant',
      reference,
    }),
  );
  await agreed(alertId);
  const standing = await transact(desk.system, 'engine', (tx) => restrictionsOf(tx, person.userId));
  expect(standing).toMatchObject([{ cause: 'kyc_dormant' }]);
  expect(await gateOf(person)).toMatchObject({ restriction: 'no_out' });
  const unclear = await watched();
  await doubted(unclear.alertId);
  await agreed(unclear.alertId, 'inconclusive');
  expect(await gateOf(unclear.person)).toMatchObject({ restriction: 'no_out' });
});

test('a vote to end it covers nothing that was confirmed since', async () => {
  const { person } = await confirmed();
  const asked = await lift(person);
  await vote(officer2, asked.body.approval.id);
  const { id } = await raise(person, 'stop');
  await resolve(id);
  expect((await vote(mlro, asked.body.approval.id)).body.code).toBe('customer_confirmed_again');
  expect(await gateOf(person)).toMatchObject({ restriction: 'no_out' });
});

test('an alert that only asked for a look restricts nobody; once it stops, it is asked about again', async () => {
  const { person, alertId } = await watched('review');
  const asked = await resolve(alertId);
  expect(await gateOf(person)).toMatchObject({ screening: 'clear', restriction: 'none' });
  await raise(person, 'stop');
  expect((await vote(mlro, asked.body.closeApprovalId)).body.code).toBe('alert_changed');
  expect(await gateOf(person)).toMatchObject({ screening: 'open', restriction: 'none' });
});

test('the database lets nobody end it without the decision of two people', async () => {
  const { person } = await confirmed();
  const [standing] = await transact(desk.system, 'engine', (tx) => restrictionsOf(tx, person.userId));
  const referenceId = standing?.referenceId ?? newId();
  const [other] = await engine()
    .select()
    .from(amlAlerts)
    .where(inArray(amlAlerts.userId, [person.userId]))
    .orderBy(asc(amlAlerts.id));
  const approvalId = other?.closeApprovalId ?? newId();
  for (const decision of [{}, { approvalId }]) {
    const ended = await transact(desk.system, 'engine', (tx) =>
      liftRestriction(tx, desk.system, person.userId, { cause: 'aml_case', referenceId, ...decision }),
    ).catch((error: { cause?: { code?: string } }) => error.cause?.code);
    expect(ended).toBe('PL030');
  }
});
