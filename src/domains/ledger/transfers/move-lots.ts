import { and, asc, eq } from 'drizzle-orm';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { consumeLots, openLots } from '../lots.ts';
import { lotDisposals, lots } from '../schema.ts';
import type { Move } from './rows.ts';

/**
 * Takes the lots of moved units along (I16): each part arrives at what it cost and with the day it was
 * acquired, so that nothing is realised and the oldest is still the first to go.
 * @effects rows of `lots` and `lot_disposals`, the latter without proceeds
 */
export async function moveLots(
  tx: Tx,
  ctx: Ctx,
  { transfer, fromWalletId, toWalletId }: Move,
): Promise<void> {
  await consumeLots(tx, ctx, [
    {
      walletId: fromWalletId,
      quantity: transfer.amount,
      proceeds: null,
      referenceType: 'transfer',
      referenceId: transfer.id,
    },
  ]);
  const parts = await tx
    .select({ part: lotDisposals, lot: lots })
    .from(lotDisposals)
    .innerJoin(lots, eq(lots.id, lotDisposals.lotId))
    .where(
      and(
        eq(lots.walletId, fromWalletId),
        eq(lotDisposals.referenceType, 'transfer'),
        eq(lotDisposals.referenceId, transfer.id),
      ),
    )
    .orderBy(asc(lots.acquiredAt), asc(lots.id));
  await openLots(
    tx,
    ctx,
    parts.map(({ part, lot }) => ({
      walletId: toWalletId,
      userId: transfer.userId,
      accountId: transfer.toAccountId,
      asset: transfer.asset,
      quantity: part.quantity,
      cost:
        part.cost === null || lot.costCurrency === null
          ? null
          : { amount: part.cost, currency: lot.costCurrency },
      source: 'transfer',
      referenceId: transfer.id,
      acquiredAt: lot.acquiredAt,
    })),
  );
}
