import { and, asc, isNull, lte, sql } from 'drizzle-orm';
import { amountOf } from '../../../kernel/amount.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import { recordMany } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import { lockWallets } from '../lock-wallets.ts';
import { settlementObligations } from './schema.ts';

type Obligation = typeof settlementObligations.$inferSelect;

/** Obligations per transaction: few enough that nobody waits long for a wallet. */
const BATCH = 500;

/**
 * Settles what trades brought and whose day of the firm has come; the job's verb. What a run did not reach, the
 * next one finds, however late it is. Nobody's standing is asked: what settles is the customer's already.
 * @effects `settlement_obligations.settled_at` and by its trigger `wallets.unsettled`, a batch per transaction;
 *   audit `obligation.settled` and event `ledger.trade_settled` for each
 */
export async function settleObligations(ctx: Ctx): Promise<void> {
  const today = dayOf(ctx.deps.clock.now(), ctx.deps.timeZone);
  while ((await transact(ctx, 'engine', (tx) => settleBatch(tx, ctx, today))) === BATCH) {
    // The next batch is due as well.
  }
}

/** Wallets are locked before their obligations are touched, as every settlement does. @shape how many were due */
async function settleBatch(tx: Tx, ctx: Ctx, today: string): Promise<number> {
  const due = await tx
    .select({ fillId: settlementObligations.fillId, walletId: settlementObligations.walletId })
    .from(settlementObligations)
    .where(and(isNull(settlementObligations.settledAt), lte(settlementObligations.settlesOn, today)))
    .orderBy(asc(settlementObligations.settlesOn), asc(settlementObligations.fillId))
    .limit(BATCH);
  if (due.length === 0) {
    return 0;
  }
  await lockWallets(
    tx,
    due.map(({ walletId }) => walletId),
  );
  const settled = await settle(
    tx,
    ctx,
    due.map(({ fillId }) => fillId),
  );
  await recordMany(
    tx,
    ctx,
    settled.map((obligation) => ({
      event: LEDGER_EVENTS['obligation.settled'],
      resource: { type: 'fill', id: obligation.fillId },
      subjectUserId: obligation.userId,
      after: obligation,
    })),
  );
  await publish(tx, ctx, settled.map(settledEvent));
  return due.length;
}

/** Another run may have settled some of them before this one had the wallets. */
async function settle(tx: Tx, ctx: Ctx, fillIds: readonly Id[]): Promise<readonly Obligation[]> {
  const wanted = sql.param(arrayParameter('uuid', fillIds));
  const rows = await tx
    .update(settlementObligations)
    .set({ settledAt: ctx.deps.clock.now() })
    .where(
      and(
        sql`${settlementObligations.fillId} = any (${wanted}::uuid[])`,
        isNull(settlementObligations.settledAt),
      ),
    )
    .returning();
  return rows.sort((left, right) => (left.fillId < right.fillId ? -1 : 1));
}

/** What is left of it may be withdrawn from now on. */
function settledEvent({ fillId, tradeId, userId, accountId, asset, amount, used, settlesOn }: Obligation) {
  return {
    type: 'ledger.trade_settled',
    userId,
    accountId,
    customerVisible: true,
    data: { fillId, tradeId, accountId, asset, amount, settled: amountOf(amount - used), settlesOn },
  };
}
