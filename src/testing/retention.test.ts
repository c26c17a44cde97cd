/**
 * Retention from the report to the destruction: what is held or restarted its clock stays, whatever was
 * decided before; nobody decides alone; and what remains proves itself as before.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { eq, sql } from 'drizzle-orm';
import { destroyDue } from '../domains/audit/destroy-due.ts';
import { reportDue } from '../domains/audit/report-due.ts';
import { users } from '../domains/identity/schema.ts';
import { type Id, newId } from '../kernel/id.ts';
import { addMs } from '../kernel/time.ts';
import type { Tx } from '../platform/db/client.ts';
import { sqlStateOf } from '../platform/db/errors.ts';
import { auditLogs, personKeys } from '../platform/db/schema.ts';
import { transact } from '../platform/db/transact.ts';
import { heldBy } from '../platform/privacy/legal-holds.ts';
import { legalHolds, retentionItems, retentionOutcomes, retentionRuns } from '../platform/privacy/schema.ts';
import { done, REASON } from './drivers/driver.ts';
import { closed, closedLongAgo } from './drivers/privacy.ts';
import { placedHold, startedRun } from './drivers/retention.ts';
import { type Member, startWorld, type World } from './world.ts';

const DAY_MS = 86_400_000;
const EIGHT_YEARS_MS = 8 * 366 * DAY_MS;
const ELEVEN_YEARS_MS = 11 * 366 * DAY_MS;
const COURT = { reference: 'Supreme Court, order 4711', reason: 'The Ramgoolam hearing' };

let world: World;

beforeAll(async () => {
  world = await startWorld(import.meta.file);
  await world.startWorkers();
}, 60_000);

// A hold on everything would keep what the next test destroys.
afterEach(async () => {
  for (const hold of await activeHolds()) {
    if (hold.userId === null) {
      await released(hold.id);
    }
  }
});

afterAll(async () => {
  const report = await world.reconcile();
  await world.close();
  expect(report.checks.flatMap((check) => check.breaks)).toEqual([]);
});

const officer = () => world.people.compliance_officer;
const second = () => world.second.compliance_officer;

async function activeHolds() {
  const rows = await world.deps.db.engine.select().from(legalHolds);
  return rows.filter((hold) => hold.releasedAt === null);
}

async function duePerson(): Promise<Member> {
  const person = await world.newMember();
  await closedLongAgo(world, person.userId);
  const createdAt = addMs(world.deps.clock.now(), -ELEVEN_YEARS_MS);
  await world.deps.db.engine.update(users).set({ createdAt }).where(eq(users.id, person.userId));
  return person;
}

const approve = (id: string, as = second()) =>
  world.call('approveApproval', { as, params: { id }, body: REASON });

async function released(holdId: Id): Promise<void> {
  const params = { id: holdId };
  const asked = await done(world.call('releaseLegalHold', { as: officer(), params, body: REASON }));
  await done(approve(asked.id));
}

const askDestruction = (runId: Id) =>
  world.call('destroyDueRecords', { as: officer(), params: { id: runId }, body: REASON });

async function approvedRun(): Promise<Id> {
  const runId = await startedRun(world);
  await done(approve((await done(askDestruction(runId))).id));
  return runId;
}

async function itemOn(runId: Id, { userId }: Member) {
  const [row] = await world.deps.db.engine
    .select({ item: retentionItems, outcome: retentionOutcomes })
    .from(retentionItems)
    .leftJoin(retentionOutcomes, eq(retentionOutcomes.itemId, retentionItems.id))
    .where(sql`${retentionItems.runId} = ${runId} and ${retentionItems.userId} = ${userId}`);
  return row;
}

async function hasKey({ userId }: Member): Promise<boolean> {
  const rows = await world.deps.db.engine.select().from(personKeys).where(eq(personKeys.userId, userId));
  return rows.length > 0;
}

async function runOf(runId: Id) {
  const [run] = await world.deps.db.engine.select().from(retentionRuns).where(eq(retentionRuns.id, runId));
  return run;
}

async function stateOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error: unknown) => sqlStateOf(error) ?? String(error),
  );
}

describe('a report', () => {
  test('lists who is due, and neither the open, the erased nor the recently closed', async () => {
    const [due, open, recent] = [await duePerson(), await world.newMember(), await world.newMember()];
    await closed(world, recent.userId);
    const runId = await startedRun(world);
    expect(await itemOn(runId, due)).toMatchObject({
      item: { recordClass: 'customer_file', action: 'destroy', held: false },
      outcome: null,
    });
    expect([await itemOn(runId, open), await itemOn(runId, recent)]).toEqual([undefined, undefined]);
  });

  test('lists months of the log that are over, for archiving, and says which a hold keeps', async () => {
    const { deps } = world;
    const later = addMs(deps.clock.now(), EIGHT_YEARS_MS);
    const ctx = { ...world.system, deps: { ...deps, clock: { ...deps.clock, now: () => later } } };
    const monthsIn = async (runId: Id) => {
      const rows = await deps.db.engine.select().from(retentionItems).where(eq(retentionItems.runId, runId));
      return rows.filter((item) => item.recordClass === 'audit_log');
    };
    const subject = deps.clock.realNow().slice(0, 7);
    expect(await monthsIn(await startedRun(world))).toEqual([]);
    const open = await reportDue(ctx);
    expect(await monthsIn(open)).toMatchObject([{ subject, action: 'archive', held: false, userId: null }]);
    const from = addMs(deps.clock.realNow(), -1000);
    const body = { scope: 'period', from, to: addMs(from, 2000), ...COURT };
    await done(world.call('createLegalHold', { as: officer(), body }));
    expect(await monthsIn(await reportDue(ctx))).toMatchObject([{ subject, held: true }]);
    const months = await monthsIn(open);
    const all = await deps.db.engine.select().from(retentionItems).where(eq(retentionItems.runId, open));
    const held = all.filter((item) => item.held).length;
    expect((await runOf(open))?.dueCount).toBe(all.length - months.length - held);
  });

  test('cannot be born approved, nor approved without a decision, nor rewritten', async () => {
    await duePerson();
    const runId = await startedRun(world);
    const run = await runOf(runId);
    const write = (work: (tx: Tx) => Promise<unknown>) => stateOf(transact(world.system, 'engine', work));
    const born = { ...(run as NonNullable<typeof run>), id: newId(), status: 'approved' as const };
    expect(await write((tx) => tx.insert(retentionRuns).values(born))).toBe('PL022');
    const change = (set: Partial<typeof retentionRuns.$inferInsert>) =>
      write((tx) => tx.update(retentionRuns).set(set).where(eq(retentionRuns.id, runId)));
    expect(await change({ status: 'approved', approvalId: newId() })).toBe('PL022');
    expect(await change({ status: 'done' })).toBe('PL022');
    expect(await change({ dueCount: 0 })).toBe('42501');
    expect(await write((tx) => tx.delete(retentionItems))).toBe('42501');
  });

  test('lists what could go, however many before it are held', async () => {
    const dueSince = world.deps.clock.now();
    const item = (held: boolean) => ({ subject: newId(), userId: null, dueSince, held });
    const items = [...Array.from({ length: 5_001 }, () => item(true)), item(false)];
    const piece = { recordClass: 'customer_file', due: async () => ({ items, next: null }) } as const;
    const retention = [{ ...piece, destroy: async () => {} }];
    const deps = { ...world.deps, privacy: { ...world.deps.privacy, retention } };
    const runId = await reportDue({ ...world.system, deps });
    expect(await runOf(runId)).toMatchObject({ dueCount: 1, heldCount: 5_000 });
  });

  test('destroys nothing, and destroying takes a second person', async () => {
    const due = await duePerson();
    const runId = await startedRun(world);
    const asked = await done(askDestruction(runId));
    expect((await approve(asked.id, officer())).body.code).toBe('self_approval');
    await destroyDue(world.system);
    expect([await hasKey(due), (await runOf(runId))?.status]).toEqual([true, 'reported']);
    await done(world.call('cancelApproval', { as: officer(), params: { id: asked.id } }));
  });

  test('is not approved where its items are not those that were seen', async () => {
    await duePerson();
    const runId = await startedRun(world);
    const asked = await done(askDestruction(runId));
    const planted = {
      id: newId(),
      runId,
      recordClass: 'customer_file',
      action: 'destroy',
      subject: officer().userId,
      userId: officer().userId,
      dueSince: world.deps.clock.now(),
      held: false,
    } as const;
    await world.deps.db.engine.insert(retentionItems).values(planted);
    expect((await approve(asked.id)).body.code).toBe('run_changed');
    expect((await runOf(runId))?.status).toBe('reported');
  });
});

describe('destruction', () => {
  test('destroys each once, however often and by however many nodes the job runs', async () => {
    const people = [await duePerson(), await duePerson(), await duePerson()];
    const runId = await approvedRun();
    await Promise.all([destroyDue(world.system), destroyDue(world.system), destroyDue(world.system)]);
    await destroyDue(world.system);
    for (const person of people) {
      expect((await itemOn(runId, person))?.outcome?.outcome).toBe('destroyed');
      expect(await hasKey(person)).toBe(false);
      const rows = await world.deps.db.engine
        .select()
        .from(auditLogs)
        .where(sql`${auditLogs.subjectUserId} = ${person.userId} and ${auditLogs.eventType} = 'user.erased'`);
      expect(rows).toHaveLength(1);
    }
    expect((await runOf(runId))?.status).toBe('done');
    expect((await askDestruction(runId)).body.code).toBe('run_not_open');
  });

  test('goes on with what failed the last time, and is not done before', async () => {
    const [first, last] = [await duePerson(), await duePerson()];
    const runId = await approvedRun();
    const failing = world.deps.privacy.retention.map((piece) => ({
      ...piece,
      destroy: async (...[tx, ctx, subject, reason]: Parameters<NonNullable<typeof piece.destroy>>) => {
        await piece.destroy?.(tx, ctx, subject, reason);
        if (subject === last.userId) {
          throw new Error('the process died here');
        }
      },
    }));
    const privacy = { ...world.deps.privacy, retention: failing };
    await destroyDue({ ...world.system, deps: { ...world.deps, privacy } });
    expect([await hasKey(first), await hasKey(last)]).toEqual([false, true]);
    expect([(await itemOn(runId, last))?.outcome, (await runOf(runId))?.status]).toEqual([null, 'approved']);
    await destroyDue(world.system);
    expect([await hasKey(last), (await runOf(runId))?.status]).toEqual([false, 'done']);
  });

  test('waits for an item that another node holds, and destroys the others meanwhile', async () => {
    const [done1, left] = [await duePerson(), await duePerson()];
    const runId = await approvedRun();
    const item = await itemOn(runId, left);
    // Another transaction holds the item, so that this one cannot be settled now.
    await transact(world.system, 'engine', async (tx) => {
      await tx.execute(
        sql`select pg_advisory_xact_lock(hashtextextended(${`retention_item:${item?.item.id}`}, 0))`,
      );
      await tx.execute(sql`select 1`);
      const stopped = destroyDue(world.system);
      const deadlineMs = Date.now() + 20_000;
      while ((await hasKey(done1)) && Date.now() < deadlineMs) {
        await Bun.sleep(20);
      }
      expect([await hasKey(done1), await hasKey(left)]).toEqual([false, true]);
      stopped.catch(() => {});
    });
    await destroyDue(world.system);
    expect([await hasKey(left), (await runOf(runId))?.status]).toEqual([false, 'done']);
  });

  test('leaves a log that verifies, and proofs of its rows that hold', async () => {
    const person = await duePerson();
    const { sealer } = await world.startWorkers();
    await sealer.sealNow();
    const as = world.people.auditor;
    const query = { userId: person.userId, limit: '1' };
    const [row] = (await done(world.call('listAuditLogs', { as, query }))).data;
    const before = await world.call('getAuditProof', { as, params: { id: row.id } });
    expect(before.status).toBe(200);
    await approvedRun();
    await destroyDue(world.system);
    expect(await hasKey(person)).toBe(false);
    await sealer.sealNow();
    expect(await done(world.call('verifyAuditLog', { as }))).toMatchObject({ holds: true, findings: [] });
    const after = await world.call('getAuditProof', { as, params: { id: row.id } });
    expect(after.status).toBe(200);
  });
});

describe('a legal hold', () => {
  test('stops an erasure when it is asked for', async () => {
    const person = await duePerson();
    const holdId = await placedHold(world, person.userId);
    const ask = { as: officer(), params: { id: person.userId }, body: REASON };
    const refused = await world.call('requestErasure', ask);
    expect([refused.status, refused.body.code]).toEqual([409, 'legal_hold']);
    await released(holdId);
    expect((await world.call('requestErasure', ask)).status).toBe(202);
  });

  test('placed between request and vote stops the erasure, and the vote with it', async () => {
    const person = await duePerson();
    const ask = { as: officer(), params: { id: person.userId }, body: REASON };
    const asked = await done(world.call('requestErasure', ask));
    await placedHold(world, person.userId);
    expect((await approve(asked.id)).body.code).toBe('legal_hold');
    expect(await hasKey(person)).toBe(true);
  });

  test('is told of in the report, and what it keeps is not destroyed with the rest', async () => {
    const [held, free] = [await duePerson(), await duePerson()];
    await placedHold(world, held.userId);
    const runId = await approvedRun();
    await destroyDue(world.system);
    expect((await itemOn(runId, held))?.item.held).toBe(true);
    expect([await hasKey(held), await hasKey(free)]).toEqual([true, false]);
  });

  test.each(['user', 'period', 'all'] as const)(
    'on %s, placed after the approval, keeps what was to be destroyed',
    async (scope) => {
      const person = await duePerson();
      const runId = await approvedRun();
      const [user] = await world.deps.db.engine.select().from(users).where(eq(users.id, person.userId));
      const closedAt = user?.closedAt ?? world.deps.clock.now();
      const more = {
        user: { userId: person.userId },
        period: { from: addMs(closedAt, -DAY_MS), to: addMs(closedAt, DAY_MS) },
        all: {},
      }[scope];
      await done(world.call('createLegalHold', { as: officer(), body: { scope, ...more, ...COURT } }));
      await destroyDue(world.system);
      expect((await itemOn(runId, person))?.outcome).toMatchObject({ outcome: 'kept', reason: 'legal_hold' });
      expect([await hasKey(person), (await runOf(runId))?.status]).toEqual([true, 'done']);
    },
  );

  test('of a time keeps records of that time and of no other', async () => {
    const from = '2024-01-01T00:00:00Z';
    const body = { scope: 'period', from, to: '2024-02-01T00:00:00Z', ...COURT };
    const { id } = await done(world.call('createLegalHold', { as: officer(), body }));
    const keeps = (start: string, end: string) =>
      transact(world.system, 'engine', async (tx) => {
        const holds = await heldBy(tx, { from: start as never, to: end as never });
        return holds.some((hold) => hold.id === id);
      });
    expect(await keeps('2024-01-31T23:59:59Z', '2024-03-01T00:00:00Z')).toBe(true);
    expect(await keeps('2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z')).toBe(false);
    expect(await keeps('2023-01-01T00:00:00Z', '2024-01-01T00:00:00Z')).toBe(false);
    await released(id);
  });

  test('takes two people to release, once, by code and by the database', async () => {
    const holdId = await placedHold(world);
    const params = { id: holdId };
    const asked = await done(world.call('releaseLegalHold', { as: officer(), params, body: REASON }));
    expect((await approve(asked.id, officer())).body.code).toBe('self_approval');
    const alone = () =>
      transact(world.system, 'engine', (tx) =>
        tx
          .update(legalHolds)
          .set({ releasedAt: world.deps.clock.realNow(), releaseApprovalId: asked.id })
          .where(eq(legalHolds.id, holdId)),
      );
    expect(await stateOf(alone())).toBe('PL022');
    await done(approve(asked.id));
    expect(await stateOf(alone())).toBe('PL022');
    expect((await world.call('releaseLegalHold', { as: officer(), params, body: REASON })).body.code).toBe(
      'hold_released',
    );
    const remove = transact(world.system, 'engine', (tx) => tx.delete(legalHolds));
    expect(await stateOf(remove)).toBe('42501');
  });

  test('is not released by the person it is about, nor shown to them', async () => {
    const held = second();
    const holdId = await placedHold(world, held.userId);
    const params = { id: holdId };
    expect((await world.call('getLegalHold', { as: held, params })).status).toBe(404);
    const { data } = await done(world.call('listLegalHolds', { as: held, query: { limit: '200' } }));
    expect(data.map((hold: { id: string }) => hold.id)).not.toContain(holdId);
    const asked = await done(world.call('releaseLegalHold', { as: officer(), params, body: REASON }));
    expect((await approve(asked.id, held)).body.code).toBe('not_found');
    expect((await approve(asked.id, world.people.mlro)).status).toBe(200);
  });

  test('keeps its reason sealed, and leaves no trace that a customer or an admin reads', async () => {
    const person = await world.newMember();
    const body = { scope: 'user', userId: person.userId, ...COURT };
    const { id } = await done(world.call('createLegalHold', { as: officer(), body }));
    const [row] = await world.deps.db.engine.execute<{ row: string }>(
      sql`select h::text as row from legal_holds h where id = ${id}`,
    );
    expect(row?.row).not.toContain(Buffer.from('Ramgoolam').toString('hex'));
    const mine = await world.call('exportUserData', { as: person, params: { id: person.userId } });
    expect(JSON.stringify(mine.body)).not.toContain(id);
    const log = await done(
      world.call('listAuditLogs', { as: world.people.admin, query: { userId: person.userId, limit: '200' } }),
    );
    expect(JSON.stringify(log)).not.toContain(id);
    expect((await world.call('getLegalHold', { as: person, params: { id } })).status).toBe(403);
  });

  test('and a destruction at the same time: the record is kept, or the hold finds nobody', async () => {
    for (let round = 0; round < 6; round += 1) {
      const person = await duePerson();
      const runId = await approvedRun();
      const body = { scope: 'user', userId: person.userId, ...COURT };
      const [placed] = await Promise.all([
        world.call('createLegalHold', { as: officer(), body }),
        destroyDue(world.system),
      ]);
      const outcome = (await itemOn(runId, person))?.outcome?.outcome;
      const seen = [placed.status, await hasKey(person), outcome].join(' ');
      expect(['201 true kept', '404 false destroyed']).toContain(seen);
    }
  });

  test('on nobody is refused', async () => {
    const body = { scope: 'user', userId: newId(), ...COURT };
    expect((await world.call('createLegalHold', { as: officer(), body })).status).toBe(404);
  });
});

describe('a policy', () => {
  const propose = (recordClass: string, months: number | null) =>
    world.call('setRetentionPolicy', {
      as: officer(),
      params: { recordClass },
      body: { months, basis: 'Board decision', ...REASON },
    });

  test('of one class keeps the whole person longer, from the vote of another person on', async () => {
    const person = await duePerson();
    const asked = await done(propose('kyc_file', 240));
    expect(await itemOn(await startedRun(world), person)).toBeDefined();
    await done(approve(asked.id));
    expect(await itemOn(await startedRun(world), person)).toBeUndefined();
    const { data } = await done(world.call('listRetentionPolicies', { as: world.people.auditor }));
    expect(data).toContainEqual(
      expect.objectContaining({ recordClass: 'kyc_file', months: 240, source: 'policy' }),
    );
    await done(approve((await done(propose('kyc_file', null))).id));
    expect(await itemOn(await startedRun(world), person)).toBeDefined();
  });

  test('lengthened after the approval of a run keeps what was to be destroyed', async () => {
    const person = await duePerson();
    const runId = await approvedRun();
    await done(approve((await done(propose('customer_file', 360))).id));
    await destroyDue(world.system);
    expect((await itemOn(runId, person))?.outcome).toMatchObject({ reason: 'retention_running' });
    await done(approve((await done(propose('customer_file', null))).id));
  });

  test('cannot be changed in the database without the decision', async () => {
    const change = transact(world.system, 'engine', (tx) =>
      tx.execute(sql`update retention_policies set months = 1 where record_class = 'orders'`),
    );
    expect(await stateOf(change)).toBe('PL022');
  });

  test.each([0, -1, 1201, 1.5, '84'])('of %p months is refused', async (months) => {
    expect((await propose('orders', months as number)).status).toBe(422);
  });
});
