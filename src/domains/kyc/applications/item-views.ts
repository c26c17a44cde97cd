import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { DeclarationInput } from '../api.ts';
import { dayOf, isEditable } from '../rules.ts';
import type { KycApplication } from '../store.ts';
import { itemsOf, type KycItem, shownByNow, shownOf } from './items.ts';

export type ItemView = Omit<KycItem, 'id' | 'applicationId' | 'version'> & { readonly id: string | null };

/**
 * The items of an application: as they were handed in and decided or, while its applicant may change it, as they
 * would be handed in now.
 */
export async function itemViews(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput | null,
): Promise<readonly ItemView[]> {
  const known = await itemsOf(tx, application.id);
  if (declaration === null || !isEditable(application.status)) {
    return known;
  }
  // What the firm thinks of their risk is not for the customer's login; it asks for more when they hand in.
  const { items } = await shownByNow(tx, ctx, application, declaration, null);
  // What a reviewer asked for besides was told to them with that.
  const besides = known
    .filter((one) => wasAskedFor(one) && !items.some(({ item }) => item === one.item))
    .map(({ item, alternatives, partyId }) => ({ item, alternatives, maxAgeDays: null, of: [partyId] }));
  const asked = await shownOf(tx, application.id, besides, dayOf(ctx.deps.clock.now()));
  return [...items, ...asked].map((shown): ItemView => {
    const before = known.find(({ item }) => item === shown.item);
    if (before?.status === 'accepted' || before?.status === 'waived') {
      return before;
    }
    const { item, alternatives, documentId, declarationId, of } = shown;
    const isShown = documentId !== null || declarationId !== null;
    const isSame = before?.status === 'resubmit' && before.declarationId === declarationId;
    const sentBack = before?.status === 'resubmit' && (!isShown || (documentId === null && isSame));
    return {
      id: before?.id ?? null,
      item,
      alternatives,
      status: sentBack ? 'resubmit' : isShown ? 'provided' : 'missing',
      partyId: (of[0] ?? null) as ItemView['partyId'],
      documentId: documentId as ItemView['documentId'],
      declarationId: declarationId as ItemView['declarationId'],
      reasonCode: sentBack ? before.reasonCode : null,
    };
  });
}

/** Asked for in review, without anything having been shown for it. */
function wasAskedFor({ status, documentId, declarationId }: KycItem): boolean {
  return status === 'resubmit' && documentId === null && declarationId === null;
}
