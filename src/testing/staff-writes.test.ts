/**
 * What staff can change, operation by operation: whatever creates, frees or redirects money, or lowers a
 * guard, asks another person first, is such a person's vote, or carries out what they decided. An operation
 * that is not in the table fails here, so that a new one has to be thought about; docs/compliance/controls.md
 * argues each that one person may do. And nobody acts as staff on themselves (I7).
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { operationsOf } from '../app.ts';
import { roleGrants } from '../domains/identity/schema.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { present } from '../kernel/assert.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { isWrite } from '../platform/http/endpoint.ts';
import { driverCall } from './driver-call.ts';
import { allDrivers } from './drivers/all-drivers.ts';
import { amlCaseWrites } from './drivers/aml-cases.ts';
import { amlListWrites } from './drivers/aml-lists.ts';
import { amlMonitoringWrites } from './drivers/aml-monitoring.ts';
import { amlReportWrites } from './drivers/aml-reports.ts';
import { amlScreeningWrites } from './drivers/aml-screening.ts';
import { kycApplicationWrites } from './drivers/kyc-applications.ts';
import { kycRiskWrites } from './drivers/kyc-risk.ts';
import { orderSurfaceWrites } from './drivers/order-surface.ts';
import { positionWrites } from './drivers/positions.ts';
import { settleRecovery } from './drivers/recovery.ts';
import { riskWrites } from './drivers/risk.ts';
import { asks, asksFew, type StaffWrites } from './drivers/staff-write.ts';
import { takeoverWrites } from './drivers/takeovers.ts';
import { tradingFeeWrites } from './drivers/trading-fees.ts';
import { venueWrites } from './drivers/venues.ts';
import { type Member, type OperationCall, startWorld, type World } from './world.ts';

const STAFF_WRITES: StaffWrites = {
  // Recovery.
  endRecovery: asks(null),
  setLogOrigin: asks(null),
  // Roles, people, factors and keys.
  setUserRoles: asks('self_action'),
  reactivateUser: asks('self_action'),
  resetSecondFactor: asks('self_action'),
  closeUser: asksFew('self_action'),
  requestErasure: asks('self_action'),
  publishAgreement: asks(null),
  // Retention.
  createLegalHold: { kind: 'stops', leaves: ['legal_hold.placed'], onOneself: 'forbidden' },
  releaseLegalHold: { kind: 'asks', leaves: ['restricted_approval.requested'], onOneself: null },
  requestAuditArchive: asks(null),
  setRetentionPolicy: asks(null),
  startRetentionRun: { kind: 'evidence', leaves: ['retention_run.reported'], onOneself: null },
  destroyDueRecords: { kind: 'asks', leaves: ['restricted_approval.requested'], onOneself: null },
  suspendUser: { kind: 'stops', leaves: ['user.suspended'], onOneself: 'self_action' },
  endUserSessions: { kind: 'stops', leaves: ['user.sessions_ended'], onOneself: 'self_action' },
  revokeUserApiKey: { kind: 'stops', leaves: ['api_key.revoked'], onOneself: 'self_action' },
  revealUsers: { kind: 'evidence', leaves: ['user.revealed'], onOneself: 'self_action' },
  // Approvals.
  approveApproval: {
    kind: 'votes',
    leaves: ['approval.executed', 'approval.voted', 'user.roles_changed'],
    onOneself: 'self_approval',
  },
  rejectApproval: {
    kind: 'votes',
    leaves: ['approval.rejected', 'approval.voted'],
    onOneself: 'self_approval',
  },
  cancelApproval: { kind: 'stops', leaves: ['approval.cancelled'], onOneself: 'forbidden' },
  // Money.
  clearDeposit: asks('self_action'),
  refundDeposit: asks('self_action'),
  chargeBackDeposit: asks('self_action'),
  addBankAccount: asks(null),
  // A stranger's money: compliance is told, and nothing moves until they agree. The stranger's name is a check of
  // its own, and is held against the lists.
  allocateReceipt: asksFew(
    'self_action',
    'aml_alert.opened',
    'gate.changed',
    'screening.completed',
    'screening.completed',
  ),
  returnReceipt: asksFew(null),
  explainReceipt: asksFew(null),
  // Money moves on the bank's word once a second person confirmed it; a line about one of the two waits for others.
  importBankStatement: asks(null, 'bank_statement.imported'),
  voidBankStatement: asks('self_action'),
  allocateInboundEvent: asksFew('self_action'),
  endDispute: asksFew('self_action'),
  closeInboundEvent: { kind: 'case', leaves: ['payment_event.closed'], onOneself: null },
  assignReceipt: { kind: 'case', leaves: ['unallocated_receipt.assigned'], onOneself: null },
  assignStatementDebit: { kind: 'case', leaves: ['statement_debit.assigned'], onOneself: null },
  explainStatementDebit: asks(null),
  setClearingPeriod: asks(null),
  setBankHoliday: asks(null),
  // A hold takes from what its customer can do; two people, or its end, decide what becomes of it.
  placeHold: { kind: 'stops', leaves: ['hold.created'], onOneself: 'self_action' },
  captureHold: asksFew('self_action'),
  releaseHold: asksFew('self_action'),
  failDeposit: { kind: 'stops', leaves: ['deposit.failed'], onOneself: 'self_action' },
  approveWithdrawal: {
    kind: 'votes',
    leaves: ['restricted_approval.executed', 'restricted_approval.voted', 'withdrawal.approved'],
    onOneself: 'self_approval',
  },
  rejectWithdrawal: {
    kind: 'votes',
    leaves: [
      'hold.released',
      'restricted_approval.rejected',
      'restricted_approval.voted',
      'withdrawal.rejected',
    ],
    onOneself: 'self_approval',
  },
  processWithdrawal: { kind: 'carries out', leaves: ['withdrawal.processing'], onOneself: 'self_action' },
  completeWithdrawal: {
    kind: 'carries out',
    leaves: ['hold.captured', 'withdrawal.completed'],
    onOneself: 'self_action',
  },
  failWithdrawal: asks('self_action'),
  markWithdrawalUnknown: { kind: 'stops', leaves: ['withdrawal.unknown'], onOneself: 'self_action' },
  resolveWithdrawal: asks('self_action'),
  resolveRepayment: asks('self_action'),
  giveUpRepayment: asksFew('self_action'),
  proposeFundingLimit: asks(null),
  proposeFees: asks(null),
  ...tradingFeeWrites,
  proposePayoutAccount: asks(null),
  proposeDepositAccount: asks(null),
  requestJournal: asks('self_action'),
  reverseJournal: asks('self_action'),
  requestFeeSweep: asks(null),
  labelWallet: { kind: 'case', leaves: ['wallet.labelled'], onOneself: 'self_action' },
  proposeFxRate: asks(null),
  withdrawFxRate: { kind: 'stops', leaves: ['fx_rate.withdrawn'], onOneself: null },
  createPayoutFile: {
    kind: 'carries out',
    leaves: ['payout_file.created', 'withdrawal.processing'],
    onOneself: 'self_action',
  },
  voidPayoutFile: asks('self_action'),
  closePayoutConflict: { kind: 'case', leaves: ['payout_conflict.closed'], onOneself: 'self_action' },
  importStatusReport: {
    kind: 'carries out',
    leaves: ['hold.captured', 'payout_report.imported', 'withdrawal.completed'],
    onOneself: 'self_action',
  },
  // Reconciliation.
  runReconciliation: {
    kind: 'evidence',
    leaves: ['reconciliation.broken', 'reconciliation.run'],
    onOneself: null,
  },
  signOffReconciliation: asks(null),
  explainReconciliationBreak: asks(null, 'reconciliation_break.changed'),
  resolveReconciliationBreak: asks(null, 'reconciliation_break.changed'),
  changeReconciliationBreak: { kind: 'case', leaves: ['reconciliation_break.changed'], onOneself: null },
  importCustodyReport: asks(null, 'custody_report.imported'),
  voidCustodyReport: asks(null),
  freezeAccount: { kind: 'stops', leaves: ['account.frozen'], onOneself: 'self_action' },
  unfreezeAccount: asksFew('self_action'),
  ...positionWrites,
  // Markets and limits.
  ...orderSurfaceWrites,
  createInstrument: asks(null, 'instrument.created'),
  proposePriceSettings: asks(null),
  acceptPriceLevel: asks(null),
  proposeReferencePrice: asks(null),
  changeInstrument: asks(null),
  haltInstrument: { kind: 'stops', leaves: ['instrument.halted'], onOneself: null },
  resumeInstrument: asks(null),
  delistInstrument: asks(null),
  addMarketHolidays: { kind: 'stops', leaves: ['market_holiday.added'], onOneself: null },
  removeMarketHoliday: asks(null),
  proposeMarketHours: asks(null),
  ...riskWrites,
  ...takeoverWrites,
  ...venueWrites,
  // Customers and screening: beside their drivers.
  ...kycApplicationWrites,
  ...kycRiskWrites,
  ...amlScreeningWrites,
  ...amlListWrites,
  ...amlCaseWrites,
  ...amlReportWrites,
  ...amlMonitoringWrites,
  // Evidence.
  createAuditExport: { kind: 'evidence', leaves: ['audit_export.requested'], onOneself: null },
  cancelAuditExport: { kind: 'evidence', leaves: ['audit_export.cancelled'], onOneself: null },
};

const staffWrites = operationsOf({ domains: allDomains, platformEndpoints }).filter(
  (operation) => isWrite(operation) && 'staff' in operation.access && operation.access.staff !== undefined,
);

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterEach(() => settleRecovery(world));

afterAll(async () => {
  // It takes a while; reconcile wants each row at its place.
  await (await world.startWorkers()).sealer.sealNow();
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

test('every operation of staff that changes something is in the table, and the table has no other', () => {
  expect(Object.keys(STAFF_WRITES).toSorted()).toEqual(
    staffWrites.map((operation) => operation.operationId).toSorted(),
  );
});

describe('one person alone', () => {
  test.each(Object.entries(STAFF_WRITES))(
    'does with %s what the table says and no more',
    async (name, write) => {
      const answer = await present(allDrivers[name], 'an operation has a driver')(world);
      expect([answer.status < 300, answer.body]).toEqual([true, answer.body]);
      const rows = await world.deps.db.engine
        .select({ eventType: auditLogs.eventType })
        .from(auditLogs)
        .where(eq(auditLogs.requestId, answer.headers.get('x-request-id') ?? ''));
      expect(rows.map((row) => row.eventType).toSorted()).toEqual([...write.leaves].toSorted());
    },
  );

  test('cannot put in, pay out or book what nobody else has decided', async () => {
    const { params } = await driverCall(world, 'approveWithdrawal');
    const as = world.people.operations;
    const ask = (name: string, call: OperationCall) =>
      world.call(name, { as, params: params ?? {}, ...call });
    const begun = await ask('processWithdrawal', {});
    const booked = await ask('completeWithdrawal', { body: { transactionReference: 'FT 1' } });
    const failed = await ask('failWithdrawal', { body: { reason: 'Not made' } });
    expect([begun, booked, failed].map(({ body }) => body.code)).toEqual(
      Array(3).fill('withdrawal_status_conflict'),
    );
  });

  test.each(Object.keys(STAFF_WRITES).filter((name) => STAFF_WRITES[name]?.kind === 'asks'))(
    'cannot decide what they asked for with %s',
    async (name) => {
      const call = await driverCall(world, name);
      const { body } = await world.call(name, call);
      const id = (body.approvalId ?? body.approval?.id ?? body.confirmationId ?? body.id) as string;
      const as = present(call.as, 'staff ask in their own name');
      const vote = await world.call('approveApproval', {
        as,
        params: { id },
        body: { reason: 'It is mine' },
      });
      expect(['self_approval', 'forbidden']).toContain(vote.body.code);
      const seen = await world.call('getApproval', { as, params: { id } });
      expect(seen.body).toMatchObject({ makerId: as.userId, status: 'pending', votes: [] });
    },
  );
});

describe('nobody acts as staff on themselves', () => {
  const personal = Object.entries(STAFF_WRITES).filter(([, { onOneself }]) => onOneself !== null);

  test.each(personal)('with %s', async (name, { onOneself }) => {
    const people: Member[] = [];
    const watched: World = {
      ...world,
      newMember: async (member) => kept(people, await world.newMember(member)),
      newCustomer: async (funds, member) => kept(people, await world.newCustomer(funds, member)),
    };
    const call = await driverCall(watched, name);
    const roles = present(call.as, 'staff act in their own name').roles;
    const about = SHUT_OUT.has(name) ? undefined : people.at(-1);
    const as = await promoted(about ?? (await world.newMember()), roles);
    const answer = await world.call(name, { ...call, ...aboutOneself(name, call, as), as });
    expect([answer.status, answer.body.code]).toEqual([403, onOneself]);
  });
});

/** Their driver's person is shut out by then and cannot sign in at all. */
const SHUT_OUT = new Set(['reactivateUser', 'requestErasure']);

/** Where the driver's object is nobody's, or a person shut out, the call that is about the caller. */
function aboutOneself(name: string, call: OperationCall, { userId }: Member): OperationCall {
  if (name === 'createScreening') {
    return { body: { userId } };
  }
  return SHUT_OUT.has(name) ? { params: { ...call.params, id: userId } } : {};
}

function kept(people: Member[], member: Member): Member {
  people.push(member);
  return member;
}

/** The same person with a role of staff besides, signed in anew. */
async function promoted(member: Member, roles: Member['roles']): Promise<Member> {
  const grantedAt = world.deps.clock.now();
  await world.deps.db.engine
    .insert(roleGrants)
    .values(roles.map((role) => ({ userId: member.userId, role, grantedAt })))
    .onConflictDoNothing();
  const staff = { ...member, roles: [...new Set([...member.roles, ...roles])] };
  return { ...staff, token: await world.tokenOf(staff, true) };
}
