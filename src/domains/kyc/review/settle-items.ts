import { and, eq, inArray, sql } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { itemsOf, type KycItem } from '../applications/items.ts';
import type { ShownItem } from '../applications/requirements.ts';
import { kycItems } from '../applications/schema.ts';
import { refuseKyc } from '../errors.ts';
import { kycDocuments } from '../schema.ts';
import type { KycApplication } from '../store.ts';

/** Why something has to be shown again; its applicant reads the code. */
export const ITEM_REASONS = [
  'unreadable',
  'expired',
  'too_old',
  'wrong_document',
  'differs_from_declared',
  'incomplete',
  'not_genuine',
  'other',
] as const;

export type ItemReason = (typeof ITEM_REASONS)[number];

export type SentBack = { readonly itemId: Id; readonly reasonCode: ItemReason };

export type ItemVerdict = {
  readonly status: 'accepted' | 'resubmit' | 'waived';
  readonly reasonCode: ItemReason | null;
};

/**
 * Accepts what nobody has decided on, as part of an approval.
 * @effects rows of `kyc_items` and `kyc_documents`
 */
export async function acceptProvided(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  reviewerId: Id,
): Promise<void> {
  const items = await itemsOf(tx, application.id);
  for (const item of items.filter(({ status }) => status === 'provided')) {
    await settleItem(tx, ctx, item, { status: 'accepted', reasonCode: null }, reviewerId);
  }
}

/** What was sent back and why, for the decision that says so. */
export type SentBackItem = { readonly item: string; readonly reasonCode: ItemReason };

/**
 * Sends items back to their applicant: those named, or every document that was not accepted, and always what nothing
 * shows. What was declared is asked for again where it is named, or nothing else is left.
 * @effects rows of `kyc_items` and `kyc_documents`
 * @errors item_unknown
 * @shape what was sent back, to stand in the decision: the items themselves change when it is handed in again
 */
export async function sendBack(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  named: readonly SentBack[] | undefined,
  missing: readonly ShownItem[],
): Promise<readonly SentBackItem[]> {
  const items = await itemsOf(tx, application.id);
  const open = items.filter(({ status }) => status === 'provided' || status === 'resubmit');
  const uploaded = open.filter(
    ({ status, declarationId }) => status === 'resubmit' || declarationId === null,
  );
  const all = uploaded.length === 0 ? open : uploaded;
  const wanted = named ?? all.map(({ id, reasonCode }) => ({ itemId: id, reasonCode: reasonOr(reasonCode) }));
  const reviewerId = personOf(ctx.actor);
  const sent: SentBackItem[] = [];
  for (const { itemId, reasonCode } of wanted) {
    const item = items.find(({ id }) => id === itemId);
    if (item === undefined) {
      throw refuseKyc('item_unknown');
    }
    await settleItem(tx, ctx, item, { status: 'resubmit', reasonCode }, reviewerId);
    sent.push({ item: item.item, reasonCode });
  }
  const unasked = missing.filter(({ item }) => !items.some((known) => known.item === item));
  for (const item of unasked) {
    await askFor(tx, ctx, application, item, reviewerId);
    sent.push({ item: item.item, reasonCode: 'incomplete' });
  }
  return sent;
}

/**
 * Writes what a reviewer says of one item, and of the document that shows it.
 * @effects rows of `kyc_items` and `kyc_documents`
 */
export async function settleItem(
  tx: Tx,
  ctx: Ctx,
  item: KycItem,
  { status, reasonCode }: ItemVerdict,
  reviewerId: Id | null,
): Promise<void> {
  const decidedAt = ctx.deps.clock.now();
  await tx
    .update(kycItems)
    .set({ status, reasonCode, decidedBy: reviewerId, decidedAt, version: item.version + 1 })
    .where(eq(kycItems.id, item.id));
  if (item.documentId === null || status === 'waived') {
    return;
  }
  await tx
    .update(kycDocuments)
    .set({
      status: status === 'accepted' ? 'accepted' : 'rejected',
      rejectionReason: reasonCode,
      reviewedBy: reviewerId,
      reviewedAt: decidedAt,
    })
    .where(
      and(
        eq(kycDocuments.id, item.documentId),
        inArray(kycDocuments.status, ['uploaded', 'accepted', 'rejected']),
      ),
    );
}

/** What nobody asked for when it was handed in becomes an item like those that were. */
async function askFor(
  tx: Tx,
  ctx: Ctx,
  { id: applicationId, userId }: KycApplication,
  { item, alternatives, of }: ShownItem,
  reviewerId: Id | null,
): Promise<void> {
  const sentBack = {
    status: 'resubmit',
    reasonCode: 'incomplete',
    decidedBy: reviewerId,
    decidedAt: ctx.deps.clock.now(),
  };
  const partyId = (of[0] ?? null) as Id | null;
  await tx
    .insert(kycItems)
    .values({ id: newId(), applicationId, userId, item, alternatives, partyId, ...sentBack })
    .onConflictDoUpdate({
      target: [kycItems.applicationId, kycItems.item],
      set: { ...sentBack, version: sql`${kycItems.version} + 1` },
    });
}

function reasonOr(code: string | null): ItemReason {
  return ITEM_REASONS.find((one) => one === code) ?? 'other';
}
