import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive, lockShared } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { LEDGER_EVENTS } from '../audit.ts';
import { FX_RATE, type FxRate } from './rate-source.ts';
import { fxRates, fxRateWithdrawals } from './schema.ts';

/**
 * Stops a rate at once, and with it every quote that was given on it. One person is enough, since it only
 * takes away: giving the pair a rate again takes two. Stopping it again changes nothing.
 * @effects one row of `fx_rate_withdrawals`; audit `fx_rate.withdrawn`
 * @errors not_found
 */
export async function withdrawFxRate(
  ctx: Ctx,
  input: { readonly rateId: Id; readonly reason: string },
): Promise<FxRate> {
  const { rateId, reason } = input;
  const withdrawnBy = present(personOf(ctx.actor), 'rates are withdrawn by people');
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [lockName(rateId)]);
    const before = await findRate(tx, rateId);
    if (before.withdrawnAt !== null) {
      return before;
    }
    const withdrawnAt = ctx.deps.clock.now();
    await tx.insert(fxRateWithdrawals).values({ rateId, withdrawnBy, reason, withdrawnAt });
    const after = { ...before, withdrawnAt };
    await record(tx, ctx, {
      event: LEDGER_EVENTS['fx_rate.withdrawn'],
      resource: { type: 'fx_rate', id: rateId },
      subjectUserId: null,
      before,
      after: { ...after, reason },
    });
    return after;
  });
}

/** Whether a rate was stopped; nobody stops it until the transaction ends. */
export async function isWithdrawn(tx: Tx, rateId: Id): Promise<boolean> {
  await lockShared(tx, [lockName(rateId)]);
  return (await findRate(tx, rateId)).withdrawnAt !== null;
}

async function findRate(tx: Tx, rateId: Id): Promise<FxRate> {
  const [rate] = await tx
    .select(FX_RATE)
    .from(fxRates)
    .leftJoin(fxRateWithdrawals, eq(fxRateWithdrawals.rateId, fxRates.id))
    .where(eq(fxRates.id, rateId));
  if (rate === undefined) {
    throw refuse('not_found');
  }
  return rate;
}

function lockName(rateId: Id): string {
  return `fx-rate:${rateId}`;
}
