import { eq, type SQL } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Ctx } from '../context.ts';

/**
 * The condition that keeps a customer to rows of their own, beside row-level security and in a transaction
 * of the engine too, which sees all (I12); none for staff.
 */
export function ownRows(ctx: Ctx, userId: PgColumn): SQL | undefined {
  return ctx.login === 'app' ? eq(userId, present(personOf(ctx.actor), 'a customer is a person')) : undefined;
}
