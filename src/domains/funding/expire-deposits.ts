import { and, eq, lt } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import { lockOpenApprovals } from '../../platform/approvals/open-approvals.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { hasOpenReceipt } from './receipts.ts';
import { recordDepositEnd } from './record-deposit-end.ts';
import { deposits } from './schema.ts';

const DAY_MS = 86_400_000;

/** One that a bank showed before its statement was given up waits again, however old: its version has risen. */
const UNTOUCHED = and(eq(deposits.status, 'pending'), eq(deposits.version, 1));

/**
 * Ends deposits that nobody paid within the days the operator set: they would keep a limit used up and a relationship
 * open, and be credited at the fee of then. One that people are deciding on, or that money waits for, stays.
 * @effects those of `recordDepositEnd`, each in a transaction of its own
 */
export async function expireDeposits(ctx: Ctx): Promise<void> {
  const before = addMs(ctx.deps.clock.now(), -ctx.deps.depositDays * DAY_MS);
  const due = await transact(ctx, 'engine', (tx) =>
    tx
      .select({ id: deposits.id })
      .from(deposits)
      .where(and(UNTOUCHED, lt(deposits.createdAt, before)))
      .orderBy(deposits.id),
  );
  for (const { id } of due) {
    await expire(ctx, id);
  }
}

/** The money may have come since. */
async function expire(ctx: Ctx, depositId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const open = await lockOpenApprovals(tx, depositId);
    const deposit = present(await lockRow(tx, deposits, depositId), 'deposits are never deleted');
    const isTouched = deposit.status !== 'pending' || deposit.version !== 1 || open.length > 0;
    if (!isTouched && !(await hasOpenReceipt(tx, depositId))) {
      await recordDepositEnd(tx, ctx, deposit, { word: 'expired', open });
    }
  });
}
