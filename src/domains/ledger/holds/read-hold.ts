import { asc, eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import type { Hold } from '../holds.ts';
import { holdCaptures, holds } from '../schema.ts';

/** One hold as its reader may see it, with what was captured of it. @errors not_found */
export async function readHold(ctx: Ctx, holdId: Id) {
  return transact(ctx, ctx.login, async (tx) => describeHold(tx, ctx, await findHoldById(tx, ctx, holdId)));
}

/** A hold the caller may see. @errors not_found */
export async function findHoldById(tx: Tx, ctx: Ctx, holdId: Id): Promise<Hold> {
  const [hold] = await tx.select().from(holds).where(eq(holds.id, holdId));
  if (hold === undefined || !(ctx.login === 'staff' || personOf(ctx.actor) === hold.userId)) {
    throw refuse('not_found');
  }
  return hold;
}

/**
 * A hold with its captures. What the firm calls it, who placed it and where its funds went is for staff: a
 * customer reads the kind of reason and nothing that was noted (no tipping off).
 */
export async function describeHold(tx: Tx, ctx: Ctx, hold: Hold) {
  const captures = await tx
    .select()
    .from(holdCaptures)
    .where(eq(holdCaptures.holdId, hold.id))
    .orderBy(asc(holdCaptures.id));
  if (ctx.login === 'staff') {
    return { ...hold, captures };
  }
  const noted = { reference: null, metadata: null, placedBy: null, placedByKey: null };
  const shown = captures.map((capture) => ({ ...capture, destinationWalletId: null, approvalId: null }));
  return { ...hold, ...noted, captures: shown };
}
