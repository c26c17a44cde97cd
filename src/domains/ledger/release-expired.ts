/**
 * Holds that are over free their funds at the latest when a verb asks what a wallet can spend: a late job
 * costs nobody money. And what open positions have lost is held by then, whoever is late with marking them.
 * Every verb that judges what is available locks with `lockSpendable`.
 */
import { and, eq, type InferSelectModel, inArray, lte, sql } from 'drizzle-orm';
import { type Amount, amountOf, ZERO } from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { recordMany } from '../../platform/audit/record.ts';
import { type Ctx, machineCtx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayLiteral } from '../../platform/db/insert-rows.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import { together } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { LEDGER_EVENTS } from './audit.ts';
import { holdEvent } from './holds/hold-event.ts';
import { type LockedWallet, lockWallets } from './lock-wallets.ts';
import { holds } from './schema.ts';
import { changeReserved } from './wallets.ts';

type Hold = InferSelectModel<typeof holds>;

/** Holds per statement. */
const BATCH_HOLDS = 1_000;

/** What a wallet can spend, true until the transaction ends. */
export type SpendableWallet = LockedWallet & {
  /** The price of an open position is stale: nobody knows what of it is free, so nothing leaves it. */
  readonly marginUnknown: boolean;
};

/**
 * Locks wallets in id order, releases their expired holds and has them hold what their open positions require at
 * the prices of now, so that what is read may be judged; take gates before. Wallets without positions ask for
 * nothing more.
 * @effects those of `releaseExpired` and of `walletMarks`
 */
export async function lockSpendable(
  tx: Tx,
  ctx: Ctx,
  walletIds: readonly Id[],
): Promise<ReadonlyMap<Id, SpendableWallet>> {
  // In this order: what is found expired is so under the lock.
  const [locked, freed] = await together(lockWallets(tx, walletIds), releaseExpired(tx, ctx, walletIds));
  const carrying = [...locked.values()].filter(({ hasPositions }) => hasPositions).map(({ id }) => id);
  const unknown = await markBeforeSpending(tx, ctx, carrying);
  const marked = await lockWallets(tx, carrying);
  return new Map(
    [...locked].map(([id, wallet]) => [
      id,
      {
        ...(marked.get(id) ?? {
          ...wallet,
          reserved: amountOf(wallet.reserved - (freed.get(id) ?? ZERO)),
        }),
        marginUnknown: unknown.has(id),
      },
    ]),
  );
}

async function markBeforeSpending(tx: Tx, ctx: Ctx, walletIds: readonly Id[]): Promise<ReadonlySet<Id>> {
  if (walletIds.length === 0) {
    return new Set();
  }
  const { walletMarks } = ctx.deps;
  // Where nobody marks, nobody knows.
  const unknown = new Set<Id>(walletMarks.length === 0 ? walletIds : []);
  for (const mark of walletMarks) {
    for (const id of await mark(tx, ctx, walletIds)) {
      unknown.add(id);
    }
  }
  return unknown;
}

/**
 * Releases the expired holds of wallets that the caller has locked, many per statement.
 * @effects `holds`, `wallets.reserved`; audit `hold.expired` and event `ledger.hold_expired` for each
 * @shape what was freed, by wallet; a wallet without any is missing
 */
export async function releaseExpired(
  tx: Tx,
  ctx: Ctx,
  walletIds: readonly Id[],
): Promise<ReadonlyMap<Id, Amount>> {
  const freed = new Map<Id, Amount>();
  for (let due = await findExpired(tx, ctx, walletIds); due.length > 0; ) {
    await release(tx, ctx, due);
    for (const { walletId, remaining } of due) {
      freed.set(walletId, amountOf((freed.get(walletId) ?? ZERO) + remaining));
    }
    due = due.length < BATCH_HOLDS ? [] : await findExpired(tx, ctx, walletIds);
  }
  return freed;
}

/** What expired holds still reserve, by wallet: for a look that locks nothing. */
export async function expiredIn(
  tx: Tx,
  ctx: Ctx,
  walletIds: readonly Id[],
): Promise<ReadonlyMap<Id, Amount>> {
  const rows = await tx
    .select({ walletId: holds.walletId, remaining: holds.remaining })
    .from(holds)
    .where(
      and(
        inArray(holds.walletId, [...new Set(walletIds)]),
        eq(holds.status, 'active'),
        lte(holds.expiresAt, ctx.deps.clock.now()),
      ),
    );
  const expired = new Map<Id, Amount>();
  for (const { walletId, remaining } of rows) {
    expired.set(walletId, amountOf((expired.get(walletId) ?? ZERO) + remaining));
  }
  return expired;
}

async function release(tx: Tx, ctx: Ctx, due: readonly Hold[]): Promise<void> {
  const closed = { status: 'expired', remaining: ZERO, closedAt: ctx.deps.clock.now() } as const;
  const rows = await tx
    .update(holds)
    .set(closed)
    .where(
      inArray(
        holds.id,
        due.map((hold) => hold.id),
      ),
    )
    .returning();
  const expired = new Map(rows.map((hold) => [hold.id, hold]));
  await changeReserved(
    tx,
    due.map(({ walletId, remaining }) => ({ walletId, delta: amountOf(-remaining) })),
  );
  // It is time that ended them, not whoever happens to ask.
  const clock = machineCtx(ctx.deps, { kind: 'system', name: 'ledger.release-expired' }, ctx.requestId);
  const ended = due.map((before) => ({
    before,
    after: present(expired.get(before.id), 'it was just updated'),
  }));
  await recordMany(
    tx,
    clock,
    ended.map(({ before, after }) => ({
      event: LEDGER_EVENTS['hold.expired'],
      resource: { type: 'hold', id: after.id },
      subjectUserId: after.userId,
      before,
      after,
    })),
  );
  await publish(
    tx,
    clock,
    ended.map(({ after }) => holdEvent('expired', after)),
  );
}

/** The lock on their wallets keeps everybody else from these rows. */
async function findExpired(tx: Tx, ctx: Ctx, walletIds: readonly Id[]): Promise<readonly Hold[]> {
  const wanted = sql.param(arrayLiteral([...new Set(walletIds)]));
  const now = sql.param(ctx.deps.clock.now());
  const due = await executePrepared<{ id: Id }>(
    tx,
    sql`select id from holds where wallet_id = any (${wanted}::uuid[]) and status = 'active'
      and expires_at is not null and expires_at <= ${now}::text::timestamptz order by id limit ${sql.raw(String(BATCH_HOLDS))}`,
  );
  if (due.length === 0) {
    return [];
  }
  const ids = due.map(({ id }) => id);
  return tx
    .select()
    .from(holds)
    .where(and(inArray(holds.id, ids), eq(holds.status, 'active')))
    .orderBy(holds.id);
}
