/**
 * Every read of the staff that shows something of a person's leaves a row about that person, under its
 * request (I5). The operations come from the application itself; those that name nobody are listed with the
 * reason, and the list may only shrink.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { and, eq, isNotNull } from 'drizzle-orm';
import { operationsOf } from '../app.ts';
import { allDomains, platformEndpoints } from '../domains.ts';
import { present } from '../kernel/assert.ts';
import { type Id, newId } from '../kernel/id.ts';
import { auditLogs } from '../platform/db/schema.ts';
import { recordSeen } from '../platform/privacy/record-seen.ts';
import { driverCall } from './driver-call.ts';
import { startWorld, type World } from './world.ts';

const operations = operationsOf({ domains: allDomains, platformEndpoints });
const reads = operations.filter(
  ({ method, access }) => method === 'get' && !('public' in access) && access.staff !== undefined,
);

/** What staff may read that tells of nobody's affairs, and why. */
const NAMES_NO_PERSON: Readonly<Record<string, string>> = {
  // These name a person only where a row does; the members that name one are held to below.
  listApprovals: 'the decision, with its subject where that is a person',
  getApproval: 'the decision, with its subject where that is a person',
  listRiskLimits: 'limits, with the account where one is for one',
  listRiskAlerts: 'conditions of the firm, with the account where one is about one',
  listCircuitBreakers: 'what the firm stopped',
  listBreakerRules: 'terms of the firm',
  getBreakerRule: 'terms of the firm',
  getFirmExposure: 'what the firm itself holds, by instrument',
  listDebts: 'debts, with the debtor where that is a customer',
  listInboundEvents: 'messages of providers, with the deposit once one is found',
  getInboundEvent:
    'a message of a provider, with the deposit once one is found; the reading is an event of its own',
  getStatementDebit: 'money that left the bank, with the payout it names; the reading is an event of its own',
  downloadBankStatement:
    'an account of the firm, and whom the bank names; the reading is an event of its own',
  downloadCustodyReport: 'accounts of the firm',
  listUnallocatedReceipts: 'money whose owner is not known yet',
  getUnallocatedReceipt: 'money whose owner is not known yet',
  listReconciliationBreaks: 'breaks, with their owner where there is one',
  getReconciliationBreak: 'a break, with its owner where there is one',
  getReconciliation: 'totals, with the owners of breaks where there are some',
  downloadReconciliationReport: 'totals',
  listReconciliations: 'totals',
  listBankStatements: 'accounts of the firm',
  getBankStatement: 'an account of the firm, with the deposits its lines were found for',
  listStatementDebits: 'accounts of the firm',
  listPayoutSubmissions: 'what providers were told of payouts; whose one is, the withdrawal says',
  listPayoutConflicts: 'what banks said of payouts; whose one is, the withdrawal says',
  listPayoutFiles: 'that files were made; who is in one is said by the file',
  listCustodyReports: 'accounts of the firm',
  getCustodyReport: 'accounts of the firm',
  downloadAuditExport: 'the log, whole; the download is an event of its own',
  listFxRates: 'terms of the firm',
  listFxPositions: 'the position of the firm',
  listHouseWallets: 'wallets of the firm',
  listKycLevels: 'terms of the firm',
  listBusinessHolidays: 'terms of the firm',
  listKycRequirements: 'terms of the firm',
  getKycRequirementSet: 'terms of the firm',
  listScreeningLists: 'published lists',
  listScreeningListVersions: 'published lists',
  listScreeningListFetches: 'published lists',
  listScreeningListChanges: 'published lists',
  listScreeningConfigs: 'how the firm screens',
  listRescreenings: 'counts of people',
  getRescreening: 'counts of people',
  listMonitoringRules: 'how the firm watches',
  getVendorComparison: 'counts',
  getMonitoringVendorComparison: 'counts',
  getAmlDashboard: 'counts',
  getAmlAnnualReport: 'counts',
  downloadAmlAnnualReport: 'counts',
  listKycRiskMatrices: 'how the firm rates',
  getKycRiskMatrix: 'how the firm rates',
  getKycRiskSimulation: 'counts of levels',
  listAssets: 'terms of the firm',
  listInstruments: 'terms of the firm',
  getInstrument: 'terms of the firm',
  getQuote: 'the market',
  listCandles: 'the market',
  getPriceSettings: 'terms of the firm',
  listQuarantinedTicks: 'the market, as a feed told it',
  listFeedGaps: 'the market, as a feed did not tell it',
  getMarketClock: 'the market',
  openStream: 'the market; own orders of customers only',
  listTradingSessions: 'the market',
  listTradingHalts: 'the market, without who asked for it',
  listMarketCalendars: 'the market',
  listMarketHolidays: 'the market',
  getOrderBook: 'the market, without names',
  listTrades: 'the market, without names',
  listBankAccounts: 'accounts of the firm',
  listBankHolidays: 'terms of the firm',
  listClearingPeriods: 'terms of the firm',
  listFundingLimits: 'terms of the firm',
  listFees: 'terms of the firm',
  listTradingFees: 'terms of the firm',
  listPayoutAccounts: 'accounts of the firm',
  listDepositAccounts: 'accounts of the firm',
  listAuditArchives: 'months of the log',
  getAuditArchive: 'a month of the log',
  listAuditEventTypes: 'the registry',
  listAuditExports: 'that exports were made',
  getAuditExportManifest: 'hashes',
  getRecovery: 'the state of the installation',
  getAuditExport: 'that an export was made',
  getAuditProof: 'a row of the log, with those it is about where there are some',
  getAuditCheckpoint: 'hashes',
  listAuditCheckpoints: 'hashes',
  getAuditConsistency: 'hashes',
  getAuditTile: 'hashes',
  verifyAuditLog: 'hashes',
  listRetentionPolicies: 'terms of the firm',
  listRetentionRuns: 'totals; whom they are about is said by their items',
  getRetentionRun: 'totals; whom it is about is said by its items',
};

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
}, 60_000);

afterAll(async () => {
  await world.close();
});

async function readBy(operationId: string) {
  const { access } = world.operation(operationId);
  const roles = 'public' in access ? [] : (access.staff ?? []);
  const { params, query } = await driverCall(world, operationId);
  const as = world.people[present(roles[0], 'the operation names a role')];
  return world.call(operationId, {
    as,
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { query }),
  });
}

test('the list names operations only', () => {
  const known = reads.map((operation) => operation.operationId);
  expect(Object.keys(NAMES_NO_PERSON).filter((operationId) => !known.includes(operationId))).toEqual([]);
});

describe('a read of the staff leaves a row about the person, under its request:', () => {
  const telling = reads.map(({ operationId }) => operationId).filter((id) => !(id in NAMES_NO_PERSON));
  test.each(telling)('%s', async (operationId) => {
    const answer = await readBy(operationId);
    expect([answer.status, answer.body]).toEqual([200, answer.body]);
    const rows = await world.deps.db.engine
      .select({ class: auditLogs.class, category: auditLogs.category })
      .from(auditLogs)
      .where(
        and(
          eq(auditLogs.requestId, answer.headers.get('x-request-id') ?? ''),
          isNotNull(auditLogs.subjectUserId),
        ),
      );
    expect(rows.length).toBeGreaterThan(0);
    const restricted = world.operation(operationId).restricted === true;
    expect(restricted ? rows.filter((row) => row.class === 'normal') : []).toEqual([]);
  });
});

describe('whom an answer names is found', () => {
  async function seenIn(body: unknown, asked: readonly unknown[] = [], restricted = false) {
    const requestId = newId();
    const ctx = { ...world.people.auditor.ctx, login: 'staff' as const, requestId };
    await recordSeen(ctx, { operationId: 'planted', restricted, asked, body });
    return world.deps.db.engine
      .select({
        type: auditLogs.eventType,
        class: auditLogs.class,
        person: auditLogs.subjectUserId,
        after: auditLogs.after,
      })
      .from(auditLogs)
      .where(eq(auditLogs.requestId, requestId));
  }
  const row = (person: Id) => ({
    type: 'person_record.read',
    class: 'normal' as const,
    person,
    after: { operation: 'planted' },
  });

  test.each(['userId', 'subjectUserId', 'ownerId', 'debtor'])('by the member %s', async (member) => {
    const { userId } = await world.newMember();
    expect(await seenIn({ data: [{ deep: { [member]: userId } }] })).toEqual([row(userId)]);
  });

  test.each(['accountId', 'fromAccountId', 'toAccountId', 'subjectId', 'scopeId'])(
    'by the account in %s',
    async (member) => {
      const { accountId, userId } = await world.newCustomer();
      expect(await seenIn({ [member]: accountId })).toEqual([row(userId)]);
    },
  );

  test('by the path or the query alone, such as of a stream or an empty page', async () => {
    const { accountId, userId } = await world.newCustomer();
    expect(await seenIn(undefined, [{ id: accountId }])).toEqual([row(userId)]);
    expect(await seenIn({ data: [] }, [{}, { userId }])).toEqual([row(userId)]);
  });

  test('once, however often, and every one of many', async () => {
    const people = [await world.newCustomer(), await world.newCustomer()];
    const data = people.flatMap(({ userId, accountId }) => [{ userId }, { accountId }]);
    const found = (await seenIn({ data })).map(({ person }) => String(person)).toSorted();
    expect(found).toEqual(people.map(({ userId }) => String(userId)).toSorted());
  });

  test('as restricted where the operation is, and never the reader themselves or nobody', async () => {
    const { userId } = await world.newMember();
    expect(await seenIn({ userId }, [], true)).toEqual([
      { ...row(userId), type: 'restricted_record.read', class: 'restricted' },
    ]);
    expect(await seenIn({ userId: world.people.auditor.userId })).toEqual([]);
    expect(await seenIn({ userId: newId(), name: 'nobody' })).toEqual([]);
  });
});

test('a customer who reads what is theirs leaves no such row', async () => {
  const as = await world.newCustomer();
  const answer = await world.call('getAccount', { as, params: { id: as.accountId } });
  expect(answer.status).toBe(200);
  const requestId = answer.headers.get('x-request-id') ?? '';
  const rows = await world.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.requestId, requestId));
  expect(rows).toEqual([]);
});
