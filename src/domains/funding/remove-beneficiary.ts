import { and, eq, inArray } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockRow } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { FUNDING_EVENTS } from './audit.ts';
import { refuseFunding } from './errors.ts';
import { beneficiaryEvent } from './funding-events.ts';
import { OPEN_WITHDRAWAL_STATUSES } from './rules.ts';
import { beneficiaries, withdrawals } from './schema.ts';
import { findBeneficiary, shownStatus } from './store.ts';

/**
 * Removes a beneficiary; its row stays as evidence of what was paid to it. While a withdrawal to it is
 * open it cannot be removed: who does not know the beneficiary must stop the withdrawal first.
 * @effects the beneficiary's row; audit `beneficiary.removed`; event `funding.beneficiary_removed`
 * @errors not_found (a removed one too), beneficiary_in_use
 */
export async function removeBeneficiary(ctx: Ctx, beneficiaryId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await findBeneficiary(tx, ctx, beneficiaryId);
    const before = present(
      await lockRow(tx, beneficiaries, beneficiaryId),
      'beneficiaries are never deleted',
    );
    if (before.status === 'removed') {
      throw refuse('not_found');
    }
    const [open] = await tx
      .select({ id: withdrawals.id })
      .from(withdrawals)
      .where(
        and(
          eq(withdrawals.beneficiaryId, beneficiaryId),
          inArray(withdrawals.status, [...OPEN_WITHDRAWAL_STATUSES]),
        ),
      )
      .limit(1);
    if (open !== undefined) {
      throw refuseFunding('beneficiary_in_use');
    }
    const [row] = await tx
      .update(beneficiaries)
      .set({ status: 'removed', removedAt: ctx.deps.clock.now() })
      .where(eq(beneficiaries.id, beneficiaryId))
      .returning();
    const removed = present(row, 'the beneficiary was locked');
    await record(tx, ctx, {
      event: FUNDING_EVENTS['beneficiary.removed'],
      resource: { type: 'beneficiary', id: beneficiaryId },
      subjectUserId: removed.userId,
      before: { ...before, status: shownStatus(before.status) },
      after: removed,
    });
    await publish(tx, ctx, [beneficiaryEvent('funding.beneficiary_removed', removed)]);
  });
}
