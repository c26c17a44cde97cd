import { and, eq, type InferSelectModel, isNull } from 'drizzle-orm';
import { actorIdOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { FoundItem } from '../alerts/find-items.ts';
import { AML_EVENTS } from '../audit.ts';
import { whitelistEntries } from './schema.ts';

export type WhitelistEntry = InferSelectModel<typeof whitelistEntries>;

export type EndCause = 'expired' | 'entity_changed' | 'subject_changed' | 'revoked' | 'true_match';

export type Sifted = {
  /** What somebody has to look at. */
  readonly open: readonly FoundItem[];
  /** What two people said this person is not, with the entry that says it. */
  readonly suppressed: readonly { readonly item: FoundItem; readonly entryId: Id }[];
};

/**
 * Takes out what two people said a person is not. An entry covers one state of the listed entry and of the
 * person: where either is another now, it ends here and the hit is open again. The caller holds the person's
 * gate exclusively.
 * @effects perhaps rows of `whitelist_entries`; audit `aml_whitelist.ended`
 */
export async function withoutWhitelisted(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  items: readonly FoundItem[],
): Promise<Sifted> {
  if (items.length === 0) {
    return { open: [], suppressed: [] };
  }
  const standing = await tx
    .select()
    .from(whitelistEntries)
    .where(and(eq(whitelistEntries.userId, userId), isNull(whitelistEntries.endedAt)));
  const open: FoundItem[] = [];
  const suppressed: { item: FoundItem; entryId: Id }[] = [];
  for (const item of items) {
    const entry = standing.find(
      (one) => one.listId === item.listId && one.sourceId === item.sourceId && one.party === item.party,
    );
    const fault = entry === undefined ? undefined : faultOf(ctx, entry, item);
    if (entry !== undefined && fault === null) {
      suppressed.push({ item, entryId: entry.id });
    } else {
      open.push(item);
    }
    if (entry !== undefined && fault !== null && fault !== undefined) {
      await endWhitelistEntry(tx, ctx, entry, fault);
    }
  }
  return { open, suppressed };
}

/**
 * Ends an entry; one that ended stays ended.
 * @effects a row of `whitelist_entries`; audit `aml_whitelist.ended`
 */
export async function endWhitelistEntry(
  tx: Tx,
  ctx: Ctx,
  entry: WhitelistEntry,
  endCause: EndCause,
): Promise<WhitelistEntry> {
  const [ended] = await tx
    .update(whitelistEntries)
    .set({ endedAt: ctx.deps.clock.now(), endedBy: actorIdOf(ctx.actor), endCause })
    .where(and(eq(whitelistEntries.id, entry.id), isNull(whitelistEntries.endedAt)))
    .returning();
  const after = present(ended, 'the entry stood');
  await record(tx, ctx, {
    event: AML_EVENTS['aml_whitelist.ended'],
    resource: { type: 'aml_whitelist', id: entry.id },
    subjectUserId: entry.userId,
    before: entry,
    after,
  });
  return after;
}

function faultOf(ctx: Ctx, entry: WhitelistEntry, item: FoundItem): EndCause | null {
  if (entry.expiresAt <= ctx.deps.clock.now()) {
    return 'expired';
  }
  if (!isSame(entry.screeningHash, item.screeningHash)) {
    return 'entity_changed';
  }
  return isSame(entry.subjectDigest, item.subjectDigest) ? null : 'subject_changed';
}

function isSame(left: Uint8Array | null, right: Uint8Array | null): boolean {
  return left !== null && right !== null && Buffer.compare(left, right) === 0;
}
