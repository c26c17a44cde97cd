import { eq, sql } from 'drizzle-orm';
import { reconciliationRuns, reconciliationSignOffs } from '../../domains/funding/reconciliation/schema.ts';
import { reconciliations } from '../../domains/ledger/schema.ts';
import { dayOf } from '../../kernel/business-date.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { approvals, approvalVotes } from '../../platform/db/schema.ts';
import { recoveries } from '../../platform/recovery/schema.ts';
import type { World } from '../world.ts';
import { type Drivers, done } from './driver.ts';

export type RunFacts = {
  readonly businessDate?: string;
  readonly signed?: boolean;
  /** A bank account was not compared. */
  readonly missing?: boolean;
};

/** A run that found every bank and custodian in agreement, written as such: a world's banks have no statements. */
export async function settledRun(world: World, facts: RunFacts = {}): Promise<Id> {
  const { deps, people, second } = world;
  const { engine } = deps.db;
  const id = newId();
  const now = deps.clock.now();
  const businessDate = facts.businessDate ?? dayOf(now, deps.timeZone);
  const breaks = facts.missing === true ? [{ kind: 'statement_missing', object: 'bank one USD' }] : [];
  const resultHash = new Uint8Array(32);
  await engine.insert(reconciliations).values({
    id,
    status: 'clean',
    breakCount: 0,
    checks: [],
    startedAt: now,
    completedAt: now,
  });
  await engine.insert(reconciliationRuns).values({
    id,
    legalEntity: deps.firmName,
    businessDate,
    timeZone: deps.timeZone,
    requestedBy: 'test',
    results: { cutAt: now, banks: [], custody: [], positions: [], quiet: { counts: {}, views: [] }, breaks },
    resultHash,
    completedAt: now,
  });
  if (facts.signed ?? true) {
    const approvalId = newId();
    await engine.insert(approvals).values({
      id: approvalId,
      action: 'reconciliation.sign_off',
      subjectType: 'reconciliation',
      subjectId: id,
      payload: { resultHash: Buffer.from(resultHash).toString('hex') },
      payloadHash: resultHash,
      makerId: people.operations.userId,
      quorum: 1,
      checkerRoles: ['operations'],
      status: 'pending',
      reason: 'Signed',
      createdAt: now,
      expiresAt: now,
    });
    const checkerId = second.operations.userId;
    const vote = { approvalId, checkerId, vote: 'approve', reason: 'Signed', votedAt: now } as const;
    await engine.insert(approvalVotes).values(vote);
    const executed = { status: 'executed', decidedAt: now, executedAt: now } as const;
    await engine.update(approvals).set(executed).where(eq(approvals.id, approvalId));
    await engine.insert(reconciliationSignOffs).values({
      runId: id,
      approvalId,
      preparerId: people.operations.userId,
      reviewerId: second.operations.userId,
      resultHash,
      breaks: [],
      signedAt: now,
    });
  }
  return id;
}

/** Open in the database and unknown to the process, so that other operations of this world go on. */
async function openRecovery(world: World, settled: boolean): Promise<void> {
  const { engine } = world.deps.db;
  const startedAt = world.deps.clock.realNow();
  const logSettledAt = settled ? startedAt : null;
  const moved = await engine
    .update(recoveries)
    .set({ logSettledAt })
    .where(sql`ended_at is null`)
    .returning();
  if (moved.length === 0) {
    await engine
      .insert(recoveries)
      .values({ id: newId(), cause: 'log_behind', startedAt, treeSize: 0, logSettledAt });
  }
}

export const recoveryDrivers: Drivers = {
  getRecovery: (world) => world.call('getRecovery', { as: world.people.auditor }),
  endRecovery: async (world) => {
    await openRecovery(world, true);
    await withdrawOpen(world);
    const body = { reconciliationId: await settledRun(world), reason: 'All agrees' };
    return world.call('endRecovery', { as: world.people.compliance_officer, body });
  },
  setLogOrigin: async (world) => {
    await openRecovery(world, false);
    await withdrawOpen(world);
    const body = { origin: `test.plimsoll.local/${newId()}`, reason: 'Restored' };
    const answer = await world.call('setLogOrigin', { as: world.people.compliance_officer, body });
    await settleRecovery(world);
    return answer;
  },
};

/** Nothing is signed while it is open and unsettled, and others of this world wait for signatures. */
export async function settleRecovery({ deps }: World): Promise<void> {
  await deps.db.engine
    .update(recoveries)
    .set({ logSettledAt: deps.clock.realNow() })
    .where(sql`ended_at is null and log_settled_at is null`);
}

/** One request at a time waits for a decision. */
async function withdrawOpen(world: World): Promise<void> {
  const open = await world.deps.db.engine
    .select({ id: approvals.id })
    .from(approvals)
    .where(sql`${approvals.subjectType} = 'recovery' and ${eq(approvals.status, 'pending')}`);
  for (const { id } of open) {
    await done(world.call('cancelApproval', { as: world.people.compliance_officer, params: { id } }));
  }
}
