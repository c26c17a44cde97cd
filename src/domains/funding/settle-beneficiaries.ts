import { eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { addMs } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { clearedScreenings } from '../aml/index.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { beneficiaries } from './schema.ts';
import { COOLING_OFF_MS } from './settings.ts';

/**
 * Lets beneficiaries be used whose review has ended well; a cooling-off of which the customer is not told begins
 * then, since what they were told would show that there was a review. The others stay as they are.
 * @effects rows of `beneficiaries`; audit `beneficiary.activated`
 */
export async function settleBeneficiaries(ctx: Ctx): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const waiting = await tx.select().from(beneficiaries).where(eq(beneficiaries.status, 'pending'));
    const cleared = await clearedScreenings(
      tx,
      waiting.flatMap((row) => row.screeningId ?? []),
    );
    const settled = waiting.filter((row) => row.screeningId !== null && cleared.has(row.screeningId));
    for (const { id, screeningId } of settled.toSorted((left, right) => (left.id < right.id ? -1 : 1))) {
      const before = present(await lockRow(tx, beneficiaries, id), 'beneficiaries are never deleted');
      if (before.status !== 'pending' || before.screeningId !== screeningId) {
        continue;
      }
      const payableFrom = addMs(ctx.deps.clock.now(), COOLING_OFF_MS[ctx.deps.mode]);
      const [after] = await tx
        .update(beneficiaries)
        .set({ status: 'active', payableFrom })
        .where(eq(beneficiaries.id, id))
        .returning();
      await record(tx, ctx, {
        event: FUNDING_EVENTS['beneficiary.activated'],
        resource: { type: 'beneficiary', id },
        subjectUserId: before.userId,
        before,
        after: present(after, 'the beneficiary was locked'),
      });
    }
  });
}
