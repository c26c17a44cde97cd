/**
 * Staff are customers too. Of what others decide or find about them they read nothing, whatever their role: no
 * approval that may tell of a suspicion, no row of the log about it, no list or file of compliance (no tipping
 * off). Actions and operations come from the application itself; those that tell nothing new are listed with the
 * reason, and the lists may only shrink.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { operationsOf } from '../app.ts';
import { roleGrants } from '../domains/identity/schema.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { approvalEvent } from '../platform/approvals/audit.ts';
import { cancelApprovals } from '../platform/approvals/open-approvals.ts';
import { requestApproval } from '../platform/approvals/request-approval.ts';
import { lockRows } from '../platform/db/locks.ts';
import { approvals, auditLogs } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { driverCall } from './driver-call.ts';
import { done, REASON } from './drivers/driver.ts';
import { type Member, startWorld, type World } from './world.ts';

/** Approvals whose subject may know that they were asked for, and why. */
const HARMLESS: Readonly<Record<string, string>> = {
  'user.set_roles': 'their own work, which they are told of',
  'user.reactivate': 'gives back; whoever is suspended cannot sign in to read it',
  'user.reset_second_factor': 'asked for by the person themselves, who is told of it',
  'user.erase': 'asked for by the person themselves, once the relationship has ended',
  'api_key.activate': 'their own key',
  'account.set_margin': 'terms of their own account, which they read there',
  'deposit.clear': 'a deposit they announced and watch; doubts about its payer are alerts',
  'deposit.refund': 'money of theirs that goes back, by their bank’s word',
  'deposit.charge_back': 'money of theirs that was taken back, by their bank’s word',
  'withdrawal.fail': 'a payout that the bank did not make',
  'position.take_over': 'the end of a liquidation that they are told of',
  'venue_order.resolve': 'an order of which the venue’s word was lost',
  'withdrawal.resolve': 'a payout of which the bank’s word was lost',
  'repayment.resolve': 'money of theirs that goes back, of which the bank’s word was lost',
  'journal.post': 'an entry of their own statement',
  'journal.reverse': 'an entry of their own statement',
};

/** Approvals that are about nobody: terms, lists, accounts and records of the firm. */
const ABOUT_NOBODY: readonly string[] = [
  'agreement.publish',
  'audit_partition.archive',
  'bank_account.add',
  'bank_holiday.set',
  'bank_statement.confirm',
  'bank_statement.void',
  'custody_report.confirm',
  'custody_report.void',
  'business_holiday.set',
  'clearing_period.set',
  'fee_schedule.set',
  'fee_tiers.set',
  'fees.sweep',
  'funding_limit.set',
  'fx_rate.set',
  'instrument.change',
  'instrument.delist',
  'instrument.list',
  'instrument.resume',
  'kyc_requirements.activate',
  'kyc_risk_matrix.activate',
  'list_version.activate',
  'list_version.override',
  'market_holiday.remove',
  'market_sessions.set',
  'price_level.accept',
  'price_settings.change',
  'reference_price.set',
  'monitoring_rule.activate',
  'deposit_account.set',
  'payout_account.set',
  'payout_file.void',
  'reconciliation.sign_off',
  'reconciliation_break.explain',
  'reconciliation_break.resolve',
  'recovery.end',
  'recovery.set_log_origin',
  'retention_policy.set',
  'risk.lift_breaker',
  'risk.set_breaker_rule',
  'risk.set_limit',
  'risk.withdraw_limit',
  'screening_config.activate',
  'screening_list.change',
  'statement_debit.explain',
];

/** What staff may read of KYC and AML where it is their own, or nobody's, and why. */
const TELLS_NOTHING: Readonly<Record<string, string>> = {
  listKycLevels: 'terms of the firm',
  listKycRequirements: 'terms of the firm',
  getKycRequirementSet: 'terms of the firm',
  listKycApplications: 'what the applicant reads as a customer',
  getKycApplication: 'what the applicant reads as a customer',
  listKycDeclarations: 'what the applicant said',
  listKycParties: 'what the applicant said',
  listKycApplicationEvents: 'what the applicant reads as a customer',
  readKycDocument: 'what the applicant handed in',
  listKycRiskMatrices: 'how the firm rates',
  getKycRiskMatrix: 'how the firm rates',
  getKycRiskSimulation: 'counts of levels',
  listScreeningLists: 'published lists',
  listScreeningListVersions: 'published lists',
  listScreeningListFetches: 'published lists',
  listScreeningListChanges: 'published lists',
  listScreeningConfigs: 'how the firm screens',
  listRescreenings: 'counts of people',
  getRescreening: 'counts of people',
  getVendorComparison: 'counts',
  getMonitoringVendorComparison: 'counts',
  listMonitoringRules: 'how the firm watches',
  listBusinessHolidays: 'terms of the firm',
  getAmlDashboard: 'counts',
  getAmlAnnualReport: 'counts',
  downloadAmlAnnualReport: 'counts',
};

const actions = allDomains.flatMap((domain) => domain.approvalActions.map(({ action }) => action));
const watched = actions.filter((action) => !(action in HARMLESS) && !ABOUT_NOBODY.includes(action));
const reads = operationsOf({ domains: allDomains, platformEndpoints }).filter(
  ({ method, path, access }) =>
    method === 'get' &&
    /^\/v1\/(aml|kyc)\//.test(path) &&
    !('public' in access) &&
    access.staff !== undefined,
);

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  await world.close();
});

test('the lists of what is harmless hold what there is, each once, and nothing that is restricted', () => {
  const harmless = [...Object.keys(HARMLESS), ...ABOUT_NOBODY];
  expect(harmless.filter((action) => !actions.includes(action))).toEqual([]);
  expect(harmless.filter((action) => world.deps.approvalActions.isRestricted(action))).toEqual([]);
  expect(new Set(harmless).size).toBe(harmless.length);
  const names = reads.map(({ operationId }) => operationId);
  expect(Object.keys(TELLS_NOTHING).filter((name) => !names.includes(name))).toEqual([]);
});

describe('an approval about somebody of the staff', () => {
  const listed = async (operationId: string, as: Member, query: Record<string, string>) =>
    JSON.stringify(await done(world.call(operationId, { as, query: { limit: '200', ...query } })));

  test.each(watched)(
    'to %s is shown to others, and to them neither itself nor in the log',
    async (action) => {
      const subject = await world.newMember({
        roles: ['compliance_officer', 'mlro', 'operations', 'admin', 'auditor'],
      });
      const id = await askedAbout(subject, action);
      const { userId } = subject;
      const seenBy = async (as: Member) => [
        await listed('listApprovals', as, { action }),
        await listed('listAuditLogs', as, { resourceType: 'approval', resourceId: id }),
        await listed('listAuditLogs', as, { userId }),
        JSON.stringify(
          await done(world.call('getAuditTimeline', { as, params: { kind: 'user', id: userId } })),
        ),
      ];
      const told = (texts: readonly string[]) => texts.map((text) => text.includes(id));
      expect(told(await seenBy(world.people.mlro))).toEqual([true, true, true, true]);
      expect(told(await seenBy(subject))).toEqual([false, false, false, false]);
      const asked = { as: subject, params: { id } };
      const answers = [
        await world.call('getApproval', asked),
        await world.call('approveApproval', { ...asked, body: REASON }),
        await world.call('rejectApproval', { ...asked, body: REASON }),
        await world.call('cancelApproval', asked),
      ];
      expect(answers.map(({ body }) => body.code)).toEqual(Array(4).fill('not_found'));
      await takenBack(id);
    },
  );

  test.each(watched)('to %s leaves only rows of class restricted, whatever becomes of it', async (action) => {
    const steps = ['requested', 'voted', 'executed', 'rejected', 'expired', 'cancelled'] as const;
    const classes = steps.map((step) => approvalEvent(world.deps.approvalActions, step, action).class);
    expect(classes).toEqual(steps.map(() => 'restricted'));
    const subject = await world.newMember();
    const id = await askedAbout(subject, action);
    await takenBack(id);
    const rows = await world.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, id));
    expect(rows.map((row) => row.class)).toEqual(['restricted', 'restricted']);
  });
});

describe('somebody of compliance who is a customer', () => {
  const names = reads.map(({ operationId }) => operationId).filter((name) => !(name in TELLS_NOTHING));

  test.each(names)('reads nothing about themselves with %s', async (name) => {
    const people: Member[] = [];
    const call = await driverCall(watching(people), name);
    const shown = await world.call(name, call);
    expect([shown.status, shown.body]).toEqual([200, shown.body]);
    const text = JSON.stringify(shown.body);
    const about = people.findLast(({ userId }) => text.includes(userId)) ?? people.at(-1);
    const subject = await promoted(present(about, 'it is about a person'), present(call.as, 'staff').roles);
    const own = await world.call(name, { ...call, as: subject });
    if (own.status === 200) {
      // What names nobody, such as a notice, is missed by its row.
      const missed = own.body.data.length < shown.body.data.length;
      expect(missed || text.includes(subject.userId)).toBe(true);
      expect(JSON.stringify(own.body)).not.toContain(subject.userId);
    } else {
      expect(['not_found', 'self_action']).toContain(own.body.code);
    }
  });

  test('reads of their own application what its applicant reads, and no notice, note or name of staff', async () => {
    const people: Member[] = [];
    const call = await driverCall(watching(people), 'decideKycItem');
    await done(world.call('decideKycItem', call));
    const applicant = present(people.at(-1), 'an application has its applicant');
    const params = { id: present(call.params?.id, 'an item is one of an application') };
    const asStaff = await promoted(applicant, ['auditor']);
    for (const operationId of ['getKycApplication', 'listKycApplicationEvents']) {
      const [others, theirs, own] = await Promise.all(
        [world.people.mlro, applicant, asStaff].map((as) => done(world.call(operationId, { as, params }))),
      );
      expect(own).toEqual(theirs);
      expect(own).not.toEqual(others);
    }
  });
});

/** The world, which notes whom its drivers make. */
function watching(people: Member[]): World {
  return {
    ...world,
    newMember: async (member) => kept(people, await world.newMember(member)),
    newCustomer: async (funds, member) => kept(people, await world.newCustomer(funds, member)),
  };
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

/** An approval of the action that an officer asked for about the person. */
async function askedAbout({ userId }: Member, action: string): Promise<Id> {
  const maker = world.people.compliance_officer;
  const approval = await transact(maker.ctx, 'engine', (tx) =>
    requestApproval(tx, maker.ctx, {
      action,
      subjectType: 'user',
      subjectId: newId(),
      subjectUserId: userId,
      payload: {},
      quorum: 1,
      checkerRoles: ['compliance_officer', 'mlro', 'operations', 'admin'],
      ...REASON,
    }),
  );
  return approval.id;
}

async function takenBack(id: Id): Promise<void> {
  await transact(world.system, 'engine', async (tx) => {
    const [approval] = await lockRows(tx, approvals, [id]);
    await cancelApprovals(tx, world.system, [present(approval, 'it was asked for')]);
  });
}
