import { and, eq, isNull } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { newId } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { ApprovedAction } from '../../../platform/approvals/actions.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { AmlAlert } from '../alerts/alert-events.ts';
import type { KeptItem } from '../alerts/alert-items.ts';
import { AML_EVENTS } from '../audit.ts';
import { whitelistEntries } from './schema.ts';
import { endWhitelistEntry } from './without-whitelisted.ts';

const DAY_MS = 24 * 3_600_000;

/**
 * Keeps what two people said an alert's person is not, in the states they looked at, for the days they agreed
 * on. The caller holds the gate exclusively.
 * @effects rows of `whitelist_entries`; audit `aml_whitelist.added`, perhaps `aml_whitelist.ended`
 */
export async function whitelistItems(
  tx: Tx,
  ctx: Ctx,
  alert: AmlAlert,
  items: readonly KeptItem[],
  approved: ApprovedAction,
): Promise<void> {
  const { userId } = alert;
  const days = approved.payload.whitelistDays;
  if (userId === null || typeof days !== 'number' || days === 0) {
    return;
  }
  const createdAt = ctx.deps.clock.now();
  for (const { listId, sourceId, party, entityId, screeningHash, subjectDigest } of items) {
    if (subjectDigest === null) {
      continue;
    }
    const [standing] = await tx
      .select()
      .from(whitelistEntries)
      .where(
        and(
          eq(whitelistEntries.userId, userId),
          eq(whitelistEntries.party, party),
          eq(whitelistEntries.listId, listId),
          eq(whitelistEntries.sourceId, sourceId),
          isNull(whitelistEntries.endedAt),
        ),
      );
    if (standing !== undefined) {
      await endWhitelistEntry(tx, ctx, standing, 'entity_changed');
    }
    const [added] = await tx
      .insert(whitelistEntries)
      .values({
        id: newId(),
        userId,
        party,
        listId,
        sourceId,
        entityId,
        screeningHash,
        subjectDigest,
        alertId: alert.id,
        approvalId: approved.approvalId,
        createdBy: approved.makerId,
        createdAt,
        expiresAt: addMs(createdAt, days * DAY_MS),
      })
      .returning();
    const entry = present(added, 'the entry was inserted');
    await record(tx, ctx, {
      event: AML_EVENTS['aml_whitelist.added'],
      resource: { type: 'aml_whitelist', id: entry.id },
      subjectUserId: userId,
      after: entry,
    });
  }
}
