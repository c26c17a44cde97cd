import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { formatAmount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { AML_EVENTS } from '../audit.ts';
import { refuseAml } from '../errors.ts';
import {
  contentOf,
  detailsOf,
  lockNotice,
  type NoticeContent,
  type SanctionsNotice,
  sealedContent,
} from './notice-store.ts';
import { sanctionsNotices } from './schema.ts';

/**
 * Writes what a notice says; of a match, what the person has goes with it, as it stands now.
 * @effects `sanctions_notices`; audit `sanctions_notice.drafted`
 * @errors not_found, notice_sent
 */
export async function draftNotice(ctx: Ctx, noticeId: Id, text: string) {
  const writerId = present(personOf(ctx.actor), 'a notice is written by a person');
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockNotice(tx, ctx, noticeId);
    const { userId } = contentOf(ctx, before);
    const content: NoticeContent =
      userId === undefined ? { text } : { userId, text, holdings: await holdingsOf(tx, ctx, userId) };
    const [updated] = await tx
      .update(sanctionsNotices)
      .set({
        status: 'drafted',
        content: sealedContent(ctx, noticeId, content),
        draftedAt: ctx.deps.clock.now(),
        draftedBy: writerId,
        version: before.version + 1,
      })
      .where(eq(sanctionsNotices.id, noticeId))
      .returning();
    const after = present(updated, 'the notice was locked');
    await recordNotice(tx, ctx, 'sanctions_notice.drafted', { before, after, userId });
    return detailsOf(after, content);
  });
}

/**
 * Says that a notice was sent, when, and what the authorities call it. Sending stays a human act.
 * @effects `sanctions_notices`; audit `sanctions_notice.sent`
 * @errors not_found, notice_sent, notice_not_drafted, sent_at_invalid, reference_taken
 */
export async function sendNotice(
  ctx: Ctx,
  noticeId: Id,
  sent: { readonly reference: string; readonly sentAt: Instant },
): Promise<SanctionsNotice> {
  const senderId = present(personOf(ctx.actor), 'a notice is sent by a person');
  return transact(ctx, 'staff', async (tx) => {
    const before = await lockNotice(tx, ctx, noticeId);
    if (before.status !== 'drafted') {
      throw refuseAml('notice_not_drafted');
    }
    if (sent.sentAt > ctx.deps.clock.now() || sent.sentAt < (before.confirmedAt ?? before.createdAt)) {
      throw refuseAml('sent_at_invalid');
    }
    await refuseTaken(tx, sent.reference);
    const [updated] = await tx
      .update(sanctionsNotices)
      .set({ status: 'sent', ...sent, sentBy: senderId, version: before.version + 1 })
      .where(eq(sanctionsNotices.id, noticeId))
      .returning();
    const after = present(updated, 'the notice was locked');
    const { userId } = contentOf(ctx, before);
    await recordNotice(tx, ctx, 'sanctions_notice.sent', { before, after, userId });
    return after;
  });
}

async function recordNotice(
  tx: Tx,
  ctx: Ctx,
  event: 'sanctions_notice.drafted' | 'sanctions_notice.sent',
  change: { before: SanctionsNotice; after: SanctionsNotice; userId: Id | undefined },
): Promise<void> {
  const { before, after, userId } = change;
  await record(tx, ctx, {
    event: AML_EVENTS[event],
    resource: { type: 'sanctions_notice', id: after.id },
    subjectUserId: userId ?? null,
    before,
    after,
  });
}

async function holdingsOf(tx: Tx, ctx: Ctx, userId: Id) {
  const found = new Map<string, bigint>();
  for (const { holdings } of ctx.deps.reportFacts) {
    for (const { asset, balance } of (await holdings?.(tx, ctx, [userId])) ?? []) {
      found.set(asset, (found.get(asset) ?? 0n) + balance);
    }
  }
  return [...found]
    .map(([asset, balance]) => ({ asset, balance: formatAmount(balance) }))
    .sort((left, right) => (left.asset < right.asset ? -1 : 1));
}

/** @errors reference_taken */
async function refuseTaken(tx: Tx, reference: string): Promise<void> {
  await lockExclusive(tx, ['aml.notice_references']);
  const [known] = await tx
    .select({ id: sanctionsNotices.id })
    .from(sanctionsNotices)
    .where(eq(sanctionsNotices.reference, reference));
  if (known !== undefined) {
    throw refuseAml('reference_taken');
  }
}
