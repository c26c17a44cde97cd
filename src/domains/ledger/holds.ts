import { and, asc, eq, type InferSelectModel, inArray, lte } from 'drizzle-orm';
import { type Amount, amountOf, ZERO } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow, lockRows } from '../../platform/db/locks.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { refuseLedger } from './errors.ts';
import { type holdReason, holds, wallets } from './schema.ts';
import { changeReserved } from './wallets.ts';

export type Hold = InferSelectModel<typeof holds>;
export type HoldReason = (typeof holdReason.enumValues)[number];

export type NewHold = {
  readonly walletId: Id;
  readonly amount: Amount;
  readonly reason: HoldReason;
  readonly referenceType: string;
  readonly referenceId: Id;
  readonly expiresAt?: Instant;
  readonly metadata?: { readonly [key: string]: Json };
};

/**
 * Reserves funds of a customer wallet. Idempotent by reason and reference. The wallet is locked first
 * and its expired holds are released, so a late job costs nobody money.
 * @effects one row of `holds`, `wallets.reserved`; audit `hold.created`
 * @errors wallet_not_active, insufficient_funds (available less unsettled for withdrawals)
 */
export async function createHold(tx: Tx, ctx: Ctx, request: NewHold): Promise<Hold> {
  assert(request.amount > 0n, 'a hold reserves something');
  const wallet = await lockWallet(tx, ctx, request.walletId);
  const known = await findHold(tx, request.reason, request.referenceId);
  if (known !== undefined) {
    return known;
  }
  if (wallet.status !== 'active') {
    throw refuseLedger('wallet_not_active');
  }
  const spendable = request.reason === 'withdrawal' ? wallet.total - wallet.unsettled : wallet.total;
  if (spendable - wallet.reserved < request.amount) {
    throw refuseLedger('insufficient_funds');
  }
  await changeReserved(tx, [{ walletId: wallet.id, delta: request.amount }]);
  const [hold] = await tx
    .insert(holds)
    .values({
      id: newId(),
      walletId: wallet.id,
      userId: present(wallet.userId, 'holds are of customers'),
      accountId: present(wallet.accountId, 'holds are of customers'),
      asset: wallet.asset,
      amount: request.amount,
      remaining: request.amount,
      reason: request.reason,
      referenceType: request.referenceType,
      referenceId: request.referenceId,
      status: 'active',
      expiresAt: request.expiresAt ?? null,
      metadata: request.metadata ?? {},
      createdAt: ctx.deps.clock.now(),
    })
    .returning();
  const created = present(hold, 'the hold was inserted');
  await recordHold(tx, ctx, 'hold.created', created);
  return created;
}

/**
 * Sets free what a hold still reserves. Releasing a closed hold does nothing.
 * @effects `holds`, `wallets.reserved`; audit `hold.released`
 */
export async function releaseHold(tx: Tx, ctx: Ctx, holdId: Id): Promise<Hold> {
  return closeHold(tx, ctx, holdId, 'released');
}

/**
 * Frees what a hold reserves because the caller posts the journal that takes it, in the same
 * transaction and after this call.
 * @effects `holds`, `wallets.reserved`; audit `hold.captured`
 * @errors AssertionError when less remains than is captured
 */
export async function captureHold(tx: Tx, ctx: Ctx, holdId: Id, amount?: Amount): Promise<Hold> {
  return closeHold(tx, ctx, holdId, 'captured', amount);
}

/**
 * Releases holds whose time is over; the job's verb.
 * @effects `holds`, `wallets.reserved`; audit `hold.expired`
 * @shape how many were released
 */
export async function expireHolds(tx: Tx, ctx: Ctx, walletIds?: readonly Id[]): Promise<number> {
  const due = await tx
    .select({ id: holds.id, walletId: holds.walletId })
    .from(holds)
    .where(
      and(
        eq(holds.status, 'active'),
        lte(holds.expiresAt, ctx.deps.clock.now()),
        walletIds === undefined ? undefined : inArray(holds.walletId, [...walletIds]),
      ),
    )
    .orderBy(asc(holds.walletId), asc(holds.id));
  await lockRows(
    tx,
    wallets,
    due.map((hold) => hold.walletId),
  );
  for (const hold of due) {
    await closeHold(tx, ctx, hold.id, 'expired');
  }
  return due.length;
}

async function lockWallet(tx: Tx, ctx: Ctx, walletId: Id): Promise<InferSelectModel<typeof wallets>> {
  await lockRow(tx, wallets, walletId);
  await expireHolds(tx, ctx, [walletId]);
  return present(await lockRow(tx, wallets, walletId), 'the wallet exists');
}

async function findHold(tx: Tx, reason: HoldReason, referenceId: Id): Promise<Hold | undefined> {
  const [hold] = await tx
    .select()
    .from(holds)
    .where(and(eq(holds.reason, reason), eq(holds.referenceId, referenceId)));
  return hold;
}

type Closing = 'released' | 'captured' | 'expired';

async function closeHold(tx: Tx, ctx: Ctx, holdId: Id, closing: Closing, amount?: Amount): Promise<Hold> {
  const [known] = await tx.select({ walletId: holds.walletId }).from(holds).where(eq(holds.id, holdId));
  // The wallet is locked before the hold, as everywhere.
  await lockRow(tx, wallets, present(known, 'the hold exists').walletId);
  const hold = present(await lockRow(tx, holds, holdId), 'the hold exists');
  if (hold.status !== 'active') {
    assert(closing !== 'captured', 'only an active hold can be captured');
    return hold;
  }
  const freed = amount ?? hold.remaining;
  assert(freed > 0n && freed <= hold.remaining, 'a hold frees at most what remains');
  const remaining = amountOf(hold.remaining - freed);
  const closes = remaining === ZERO;
  await changeReserved(tx, [{ walletId: hold.walletId, delta: amountOf(-freed) }]);
  const [after] = await tx
    .update(holds)
    .set(closes ? { remaining, status: closing, closedAt: ctx.deps.clock.now() } : { remaining })
    .where(eq(holds.id, holdId))
    .returning();
  const closed = present(after, 'the hold was locked');
  await recordHold(tx, ctx, `hold.${closing}`, closed, hold);
  return closed;
}

async function recordHold(
  tx: Tx,
  ctx: Ctx,
  event: 'hold.created' | `hold.${Closing}`,
  after: Hold,
  before?: Hold,
): Promise<void> {
  await record(tx, ctx, {
    event: LEDGER_EVENTS[event],
    resource: { type: 'hold', id: after.id },
    subjectUserId: after.userId,
    before,
    after,
  });
}
