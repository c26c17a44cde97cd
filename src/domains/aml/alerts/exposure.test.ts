import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { desc, eq } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type ComplianceDesk,
  INNOCENT,
  type Person,
  startComplianceDesk,
} from '../../../testing/compliance-desk.ts';
import { kycDecisions } from '../../kyc/schema.ts';
import { openAlert } from './open-alert.ts';

const REASON = { reason: 'Another person of the same name' };

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

/** Somebody who handed in an application that one reviewer could approve. */
async function applicant() {
  const customer = await desk.newPerson();
  return { customer, path: await desk.apply(customer) };
}

function alertOn(userId: Id, kind: 'pep' | 'adverse_media' | 'monitoring') {
  return transact(desk.system, 'engine', (tx) =>
    openAlert(tx, desk.system, {
      userId,
      kind,
      dedupKey: `screen:${kind}`,
      severity: 'medium',
      effect: 'review',
    }),
  );
}

const approve = (path: string) => desk.call(desk.officer, 'POST', `${path}/approve`, REASON);

const resolve = (alertId: Id, disposition: string) =>
  desk.call(desk.officer, 'POST', `/v1/aml/alerts/${alertId}/resolve`, { disposition, ...REASON });

const vote = (by: Person, approvalId: string) =>
  desk.call(by, 'POST', `/v1/approvals/${approvalId}/approve`, REASON);

describe('whoever may hold an office or have a bad name', () => {
  test.each(['pep', 'adverse_media'] as const)(
    'is not taken on by one reviewer while an alert of %s is open',
    async (kind) => {
      const { customer, path } = await applicant();
      await alertOn(customer.userId, kind);
      expect(await desk.gateOf(customer)).toMatchObject({ screening: 'clear' });
      const asked = await approve(path);
      expect(asked).toMatchObject({ status: 202, body: { approval: { action: 'kyc_application.approve' } } });
      expect(asked.body.approval.payload.reasons).toEqual(['exposure_undecided']);
      expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending' });
      expect((await vote(mlro, asked.body.approval.id)).status).toBe(200);
      const [decision] = await desk.deps.db.engine
        .select()
        .from(kycDecisions)
        .where(eq(kycDecisions.userId, customer.userId))
        .orderBy(desc(kycDecisions.id));
      expect(decision?.explanation).toContainEqual({
        rule: 'one_reviewer_is_enough',
        input: 'exposure_undecided',
        outcome: 'senior',
      });
    },
  );

  test('is taken on by one once the alert was closed as a mistake', async () => {
    const { customer, path } = await applicant();
    const alert = await alertOn(customer.userId, 'pep');
    expect((await resolve(alert.id, 'false_positive')).status).toBe(200);
    expect((await approve(path)).status).toBe(200);
  });

  test('stays somebody whom one reviewer does not take on where the alert was true', async () => {
    const { customer, path } = await applicant();
    const alert = await alertOn(customer.userId, 'adverse_media');
    const asked = await approve(path);
    const { body } = await resolve(alert.id, 'true_match');
    expect((await vote(desk.officer2, body.closeApprovalId)).status).toBe(200);
    const exposures = await transact(desk.system, 'engine', (tx) =>
      Promise.all(desk.deps.exposures.map((known) => known(tx, customer.userId))),
    );
    expect(exposures.flat()).toEqual(['confirmed']);
    // By now the rating may have heard of it, and may ask for more to be shown: what was agreed to is over either way.
    const { status, body: refused } = await vote(mlro, asked.body.approval.id);
    expect([status, refused.status]).toEqual([409, 409]);
    expect(await desk.gateOf(customer)).toMatchObject({ kycStatus: 'pending' });
  });
});

test('an alert of another kind that stops nobody leaves the approval to one reviewer', async () => {
  const { customer, path } = await applicant();
  await alertOn(customer.userId, 'monitoring');
  expect((await approve(path)).status).toBe(200);
});
