import { and, asc, eq, isNull } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { refuseAml } from '../errors.ts';
import { lockedGate, screenLocked } from '../screen.ts';
import { refreshScreener } from '../screener.ts';
import { whitelistEntries } from './schema.ts';
import { endWhitelistEntry, type WhitelistEntry } from './without-whitelisted.ts';

/**
 * Takes an entry back; one person may, since it raises a guard. The customer is screened anew in the
 * same transaction, so that no entry ends unscreened.
 * @effects a row of `whitelist_entries`, and what a screening does; audit `aml_whitelist.ended`
 * @errors not_found (also where it ended already), self_review
 */
export async function revokeWhitelistEntry(ctx: Ctx, entryId: Id): Promise<WhitelistEntry> {
  await refreshScreener(ctx);
  return transact(ctx, 'staff', async (tx) => {
    const [known] = await tx.select().from(whitelistEntries).where(eq(whitelistEntries.id, entryId));
    if (known === undefined) {
      throw refuse('not_found');
    }
    if (known.userId === personOf(ctx.actor)) {
      throw refuseAml('self_review');
    }
    const gate = await lockedGate(tx, known.userId);
    const [entry] = await tx.select().from(whitelistEntries).where(eq(whitelistEntries.id, entryId));
    if (entry === undefined || entry.endedAt !== null) {
      throw refuse('not_found');
    }
    const ended = await endWhitelistEntry(tx, ctx, entry, 'revoked');
    await screenLocked(tx, ctx, gate, 'whitelist_ended');
    return ended;
  });
}

/**
 * Takes back all that is said of whom a customer is not, as where they turn out to be somebody else than was
 * thought; with one screening, in the same transaction.
 * @effects as `revokeWhitelistEntry`
 * @errors not_found, self_review
 * @shape the entries that ended; none where none stood
 */
export async function revokeWhitelistOf(ctx: Ctx, userId: Id): Promise<readonly WhitelistEntry[]> {
  if (userId === personOf(ctx.actor)) {
    throw refuseAml('self_review');
  }
  await refreshScreener(ctx);
  return transact(ctx, 'staff', async (tx) => {
    const gate = await lockedGate(tx, userId);
    const standing = await tx
      .select()
      .from(whitelistEntries)
      .where(and(eq(whitelistEntries.userId, userId), isNull(whitelistEntries.endedAt)))
      .orderBy(asc(whitelistEntries.id));
    const ended: WhitelistEntry[] = [];
    for (const entry of standing) {
      ended.push(await endWhitelistEntry(tx, ctx, entry, 'revoked'));
    }
    if (ended.length > 0) {
      await screenLocked(tx, ctx, gate, 'whitelist_ended');
    }
    return ended;
  });
}
