import { and, eq, type InferSelectModel } from 'drizzle-orm';
import { type Amount, amountOf, ZERO } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import type { Json } from '../../kernel/canonical-json.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { refuseLedger } from './errors.ts';
import { holdEvent } from './holds/hold-event.ts';
import type { LockedWallet } from './lock-wallets.ts';
import { lockSpendable } from './release-expired.ts';
import { type holdReason, holds, wallets } from './schema.ts';
import { settledFunds } from './settled-funds.ts';
import { changeReserved } from './wallets.ts';

export type Hold = InferSelectModel<typeof holds>;
export type HoldReason = (typeof holdReason.enumValues)[number];

export type NewHold = {
  readonly walletId: Id;
  readonly amount: Amount;
  readonly reason: HoldReason;
  readonly referenceType: string;
  readonly referenceId: Id;
  readonly expiresAt?: Instant | undefined;
  readonly metadata?: { readonly [key: string]: Json } | undefined;
  /** For a hold that staff or their system place: what they call it, and who they are. */
  readonly byHand?: {
    readonly reference: string;
    readonly placedBy: Id;
    readonly placedByKey: Id | null;
  };
};

/**
 * Reserves funds of a customer wallet. Idempotent by reason and reference. The wallet is locked first
 * and its expired holds are released, so a late job costs nobody money. What a hold may end up elsewhere
 * must be settled, and nothing may while the price of an open position is stale.
 * @effects one row of `holds`, `wallets.reserved`; audit `hold.created`; event `ledger.hold_created`
 * @errors wallet_not_active, margin_unknown, insufficient_funds, hold_reference_reused (by hand, another
 *   wallet's at this moment)
 */
export async function createHold(tx: Tx, ctx: Ctx, request: NewHold): Promise<Hold> {
  assert(request.amount > 0n, 'a hold reserves something');
  const locked = await lockSpendable(tx, ctx, [request.walletId]);
  const wallet = present(locked.get(request.walletId), 'the wallet exists');
  const known = await findHold(tx, request.reason, request.referenceId);
  if (known !== undefined) {
    return known;
  }
  if (wallet.status !== 'active') {
    throw refuseLedger('wallet_not_active');
  }
  if (wallet.marginUnknown && mayLeave(request.reason)) {
    throw refuseLedger('margin_unknown');
  }
  if (spendable(wallet, request.reason) < request.amount) {
    throw refuseLedger('insufficient_funds');
  }
  await changeReserved(tx, [{ walletId: wallet.id, delta: request.amount }]);
  const [hold] = await tx
    .insert(holds)
    .values(rowOf(ctx, wallet, request))
    .onConflictDoNothing()
    .returning();
  if (hold === undefined) {
    throw refuseLedger('hold_reference_reused');
  }
  await recordHold(tx, ctx, 'created', { after: hold });
  return hold;
}

/**
 * Sets free what a hold still reserves, or a part of that. Releasing a closed hold does nothing.
 * @effects `holds`, `wallets.reserved`; audit `hold.released`; event `ledger.hold_released`
 */
export async function releaseHold(
  tx: Tx,
  ctx: Ctx,
  holdId: Id,
  shown: object = {},
  amount?: Amount,
): Promise<Hold> {
  return closeHold(tx, ctx, holdId, { closing: 'released', amount, shown });
}

/**
 * Frees what a hold reserves because the caller posts the journal that takes it, in the same
 * transaction and after this call.
 * @effects `holds`, `wallets.reserved`; audit `hold.captured`, with what else is `shown`; event
 *   `ledger.hold_captured`
 * @errors AssertionError when less remains than is captured
 */
export async function captureHold(
  tx: Tx,
  ctx: Ctx,
  holdId: Id,
  amount?: Amount,
  shown: object = {},
): Promise<Hold> {
  return closeHold(tx, ctx, holdId, { closing: 'captured', amount, shown });
}

function spendable(wallet: LockedWallet, reason: HoldReason): bigint {
  return mayLeave(reason) ? settledFunds(wallet) : wallet.total - wallet.reserved;
}

/** What is held for the account itself stays in it. */
function mayLeave(reason: HoldReason): boolean {
  return reason !== 'margin' && reason !== 'system';
}

function rowOf(ctx: Ctx, wallet: LockedWallet, request: NewHold): typeof holds.$inferInsert {
  const { amount, reason, referenceType, referenceId, byHand } = request;
  return {
    id: newId(),
    walletId: wallet.id,
    userId: present(wallet.userId, 'holds are of customers'),
    accountId: present(wallet.accountId, 'holds are of customers'),
    asset: wallet.asset,
    amount,
    remaining: amount,
    reason,
    referenceType,
    referenceId,
    status: 'active',
    byHand: byHand !== undefined,
    reference: byHand?.reference ?? null,
    placedBy: byHand?.placedBy ?? null,
    placedByKey: byHand?.placedByKey ?? null,
    expiresAt: request.expiresAt ?? null,
    metadata: request.metadata ?? {},
    createdAt: ctx.deps.clock.now(),
  };
}

/** The hold that a verb placed for a row of its own; one by hand is found by the name it was given. */
export async function findHold(tx: Tx, reason: HoldReason, referenceId: Id): Promise<Hold | undefined> {
  const [hold] = await tx
    .select()
    .from(holds)
    .where(and(eq(holds.reason, reason), eq(holds.referenceId, referenceId)));
  return hold;
}

type Closing = {
  readonly closing: 'released' | 'captured';
  readonly amount?: Amount | undefined;
  /** What the audit row shows beside the hold. */
  readonly shown: object;
};

async function closeHold(tx: Tx, ctx: Ctx, holdId: Id, { closing, amount, shown }: Closing): Promise<Hold> {
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
  await recordHold(tx, ctx, closing, { before: hold, after: closed, shown });
  return closed;
}

async function recordHold(
  tx: Tx,
  ctx: Ctx,
  change: 'created' | Closing['closing'],
  { before, after, shown = {} }: { readonly before?: Hold; readonly after: Hold; readonly shown?: object },
): Promise<void> {
  await record(tx, ctx, {
    event: LEDGER_EVENTS[`hold.${change}`],
    resource: { type: 'hold', id: after.id },
    subjectUserId: after.userId,
    before,
    after: { ...after, ...shown },
  });
  await publish(tx, ctx, [holdEvent(change, after)]);
}
