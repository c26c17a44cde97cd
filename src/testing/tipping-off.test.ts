/**
 * Who learns that somebody is supervised or held: compliance, MLRO and auditors, none of them about themselves,
 * and nobody by a trace that work on it leaves elsewhere (no tipping off).
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eq } from 'drizzle-orm';
import { duePeople } from '../domains/identity/due-people.ts';
import { eraseUser } from '../domains/identity/erase-user.ts';
import { users } from '../domains/identity/schema.ts';
import { DomainError } from '../kernel/error.ts';
import { addMs } from '../kernel/time.ts';
import { auditLogs, personKeys } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { done, REASON } from './drivers/driver.ts';
import { alertOf } from './drivers/listed-customer.ts';
import { closedLongAgo } from './drivers/privacy.ts';
import { placedHold } from './drivers/retention.ts';
import { type Member, startWorld, type World } from './world.ts';

const EIGHT_YEARS_MS = 8 * 366 * 86_400_000;

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  await world.startWorkers();
}, 60_000);

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const officer = () => world.people.compliance_officer;

const release = (id: string) =>
  done(world.call('releaseLegalHold', { as: officer(), params: { id }, body: REASON }));
const approve = (id: string, as: Member) =>
  world.call('approveApproval', { as, params: { id }, body: REASON });

async function rowsUnder(requestId: string | null) {
  return world.deps.db.engine
    .select()
    .from(auditLogs)
    .where(eq(auditLogs.requestId, requestId ?? ''));
}

async function listed(operationId: string, as: Member, query: Record<string, string> = {}): Promise<string> {
  return JSON.stringify(await done(world.call(operationId, { as, query: { limit: '200', ...query } })));
}

describe('somebody of compliance who is held', () => {
  test('finds neither the hold nor its release, in no list, log, timeline or vote', async () => {
    const held = await world.newMember({ roles: ['compliance_officer'] });
    const holdId = await placedHold(world, held.userId);
    const { id: approvalId } = await release(holdId);
    expect(await listed('listApprovals', world.people.mlro)).toContain(approvalId);
    expect(await listed('listApprovals', held)).not.toContain(approvalId);
    const params = { id: approvalId };
    expect((await world.call('getApproval', { as: held, params })).status).toBe(404);
    expect((await approve(approvalId, held)).body.code).toBe('not_found');
    const { userId } = held;
    const texts = [
      await listed('listAuditLogs', held, { userId }),
      await listed('listAuditLogs', held, { userId, class: 'restricted' }),
      await listed('listAuditLogs', held, { eventType: 'legal_hold.placed' }),
      await listed('listAuditLogs', held, { resourceId: approvalId }),
      JSON.stringify(
        await done(world.call('getAuditTimeline', { as: held, params: { kind: 'user', id: userId } })),
      ),
    ];
    expect(texts.filter((text) => text.includes(holdId) || text.includes(approvalId))).toEqual([]);
    const [row] = await world.deps.db.engine
      .select({ id: auditLogs.id })
      .from(auditLogs)
      .where(eq(auditLogs.resourceId, holdId));
    const { sealer } = await world.startWorkers();
    await sealer.sealNow();
    const proof = { params: { id: row?.id ?? '' } };
    expect((await world.call('getAuditProof', { as: held, ...proof })).status).toBe(404);
    expect((await world.call('getAuditProof', { as: world.people.auditor, ...proof })).status).toBe(200);
    expect((await approve(approvalId, world.people.mlro)).status).toBe(200);
  });

  test('cannot export what is held on themselves, nor find that others did', async () => {
    const held = await world.newMember({ roles: ['auditor'] });
    const body = { from: '2026-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z', format: 'csv' };
    const about = { ...body, filters: { userId: held.userId } };
    expect((await world.call('createAuditExport', { as: held, body: about })).body.code).toBe('forbidden');
    const { id } = await done(world.call('createAuditExport', { as: world.people.auditor, body: about }));
    const params = { id };
    for (const operationId of ['getAuditExport', 'getAuditExportManifest', 'downloadAuditExport']) {
      expect((await world.call(operationId, { as: held, params })).status).toBe(404);
    }
    expect((await world.call('cancelAuditExport', { as: held, params })).status).toBe(404);
    expect(await listed('listAuditExports', held)).not.toContain(id);
    expect(await listed('listAuditExports', world.people.mlro)).toContain(id);
  });
});

describe('an admin', () => {
  const visible = (rows: readonly { readonly class: string }[]) =>
    rows.filter((row) => row.class === 'normal');

  test('reads no row of a release, from its request to its execution', async () => {
    const holdId = await placedHold(world, (await world.newMember()).userId);
    const { id } = await release(holdId);
    expect((await approve(id, officer())).body.code).toBe('self_approval');
    await done(approve(id, world.people.mlro));
    const rows = await world.deps.db.engine.select().from(auditLogs).where(eq(auditLogs.resourceId, id));
    expect(rows.map(({ eventType }) => eventType).toSorted()).toEqual([
      'restricted_approval.executed',
      'restricted_approval.requested',
      'restricted_approval.voted',
    ]);
    expect(await listed('listAuditLogs', world.people.admin, { resourceId: id })).toContain('"data":[]');
  });

  test('reads no row of an alert that waits to be cleared, nor of a vote on it that was refused', async () => {
    const alert = await alertOf(world);
    const body = { disposition: 'false_positive', reason: 'Another birth date' };
    const asked = await world.call('resolveAmlAlert', { as: officer(), params: { id: alert.id }, body });
    expect(asked.status).toBeLessThan(300);
    expect(visible(await rowsUnder(asked.headers.get('x-request-id')))).toEqual([]);
    const refused = await approve(asked.body.approval?.id ?? asked.body.id, officer());
    expect(refused.body.code).toBe('self_approval');
    expect(visible(await rowsUnder(refused.headers.get('x-request-id')))).toEqual([]);
  });

  test('reads no refusal that says legal_hold', async () => {
    const person = await world.newMember();
    await closedLongAgo(world, person.userId);
    const ask = { as: officer(), params: { id: person.userId }, body: REASON };
    const asked = await done(world.call('requestErasure', ask));
    await placedHold(world, person.userId);
    const refused = await approve(asked.id, world.second.compliance_officer);
    expect(refused.body.code).toBe('legal_hold');
    const rows = await rowsUnder(refused.headers.get('x-request-id'));
    expect(rows.map((row) => [row.class, row.outcome])).toEqual([['restricted', 'refused']]);
  });
});

describe('a look at the log', () => {
  const reads = async (requestId: string | null) =>
    (await rowsUnder(requestId))
      .filter(({ eventType }) => eventType === 'audit_log.person_read')
      .map(({ subjectUserId }) => String(subjectUserId));

  test('by what a person did or what is theirs is on record as one at the person', async () => {
    const { userId, accountId } = await world.newCustomer();
    const as = world.people.auditor;
    for (const query of [{ actorId: userId }, { resourceId: accountId }, { resourceId: userId }]) {
      const answer = await world.call('listAuditLogs', { as, query });
      expect([query, await reads(answer.headers.get('x-request-id'))]).toEqual([
        query,
        expect.arrayContaining([userId]),
      ]);
    }
    const [row] = await world.deps.db.engine
      .select({ requestId: auditLogs.requestId })
      .from(auditLogs)
      .where(eq(auditLogs.subjectUserId, userId))
      .limit(1);
    const query = { requestId: row?.requestId ?? '' };
    const answer = await world.call('listAuditLogs', { as, query });
    expect(await reads(answer.headers.get('x-request-id'))).toContain(userId);
  });

  test('in an export about a person is on record when it is asked for and each time it is fetched', async () => {
    const { userId } = await world.newCustomer();
    const as = world.people.auditor;
    const filters = { actorId: userId };
    const body = { from: '2026-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z', format: 'csv', filters };
    const asked = await world.call('createAuditExport', { as, body });
    expect(await reads(asked.headers.get('x-request-id'))).toEqual([userId]);
    await world.settle();
    const params = { id: asked.body.id };
    for (let tries = 0; tries < 200; tries += 1) {
      const { status } = (await world.call('getAuditExport', { as, params })).body;
      if (status === 'completed') {
        break;
      }
      await Bun.sleep(50);
    }
    const other = { as: world.people.mlro, params };
    const fetched = await world.call('downloadAuditExport', other);
    expect([fetched.status, await reads(fetched.headers.get('x-request-id'))]).toEqual([200, [userId]]);
  });
});

test('nobody is erased, or listed as due, while money of theirs is here', async () => {
  const person = await world.newCustomer({ USD: '10' });
  const { deps } = world;
  const { userId } = person;
  const closedAt = deps.clock.now();
  await deps.db.engine.update(users).set({ status: 'closed', closedAt }).where(eq(users.id, userId));
  const later = addMs(closedAt, EIGHT_YEARS_MS);
  const ctx = { ...world.system, deps: { ...deps, clock: { ...deps.clock, now: () => later } } };
  const refused = await transact(ctx, 'engine', (tx) => eraseUser(tx, ctx, userId, 'approval x')).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(DomainError);
  expect((refused as DomainError).code).toBe('closing_obstructed');
  expect((refused as DomainError).extras.errors).toMatchObject([{ code: 'balance_remaining' }]);
  const due = await transact(ctx, 'engine', (tx) => duePeople.due(tx, ctx, null));
  expect(due.items.map(({ subject }) => subject)).not.toContain(userId);
  const keys = await deps.db.engine.select().from(personKeys).where(eq(personKeys.userId, userId));
  expect(keys).toHaveLength(1);
  await deps.db.engine.update(users).set({ status: 'active', closedAt: null }).where(eq(users.id, userId));
});
