import { eq, max, sql } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { AGREEMENTS_LOCK } from './accept-agreement.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { agreements, customerGates } from './schema.ts';

export type NewAgreement = { readonly kind: string; readonly title: string; readonly body: string };

/**
 * Publishes the next revision of an agreement. Nobody has accepted it yet, so every gate notes that;
 * trading waits for the customer's acceptance.
 * @effects one row of `agreements`; `customer_gates.agreements_current`; audit `agreement.published`
 */
export async function publishAgreement(ctx: Ctx, input: NewAgreement): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [AGREEMENTS_LOCK]);
    const [last] = await tx
      .select({ revision: max(agreements.revision) })
      .from(agreements)
      .where(eq(agreements.kind, input.kind));
    const [agreement] = await tx
      .insert(agreements)
      .values({
        ...input,
        id: newId(),
        revision: (last?.revision ?? 0) + 1,
        publishedAt: ctx.deps.clock.now(),
      })
      .returning();
    await tx
      .update(customerGates)
      .set({
        agreementsCurrent: false,
        version: sql`${customerGates.version} + 1`,
        changedBy: ctx.actor.kind,
        changedAt: ctx.deps.clock.now(),
      })
      .where(eq(customerGates.agreementsCurrent, true));
    const published = present(agreement, 'the agreement was inserted');
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['agreement.published'],
      resource: { type: 'agreement', id: published.id },
      subjectUserId: null,
      after: published,
    });
  });
}
