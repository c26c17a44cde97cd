import { and, inArray, isNotNull, ne } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { personNameOf } from '../identity/index.ts';
import type { DeclarationInput } from './api.ts';
import { dayOf, isExpired, isSameName, type REVIEW_NOTICES } from './rules.ts';
import { kycDocuments } from './schema.ts';
import type { KycApplication, KycDocument } from './store.ts';

const MAX_SHARED = 200;

export type ReviewNotice = {
  readonly code: (typeof REVIEW_NOTICES)[number];
  readonly documentId?: Id;
  readonly applicationId?: Id;
};

/**
 * What a reviewer should look at before deciding. It compares across customers, so it is for staff only.
 * @shape in a fixed order: name, expiry, numbers
 */
export async function reviewNotices(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
  documents: readonly KycDocument[],
): Promise<readonly ReviewNotice[]> {
  const known = await personNameOf(tx, ctx, application.userId);
  const today = dayOf(ctx.deps.clock.now());
  return [
    ...(isSameName(known, declaration) ? [] : [{ code: 'name_differs_from_profile' } as const]),
    ...documents
      .filter((document) => isExpired(document, today))
      .map(({ id }) => ({ code: 'document_expired', documentId: id }) as const),
    ...(await sharedNumbers(tx, application.userId, documents)),
  ];
}

/** The blind index finds a number again without opening it. */
async function sharedNumbers(
  tx: Tx,
  userId: Id,
  documents: readonly KycDocument[],
): Promise<readonly ReviewNotice[]> {
  const numbered = documents.filter((document) => document.numberIndex !== null);
  if (numbered.length === 0) {
    return [];
  }
  const others = await tx
    .select({ applicationId: kycDocuments.applicationId, numberIndex: kycDocuments.numberIndex })
    .from(kycDocuments)
    .where(
      and(
        ne(kycDocuments.userId, userId),
        isNotNull(kycDocuments.numberIndex),
        inArray(
          kycDocuments.numberIndex,
          numbered.map((document) => document.numberIndex as Uint8Array),
        ),
      ),
    )
    .orderBy(kycDocuments.id)
    .limit(MAX_SHARED);
  return numbered.flatMap((document) => {
    const same = others.filter((other) => textOf(other.numberIndex) === textOf(document.numberIndex));
    return [...new Set(same.map((other) => other.applicationId))].map(
      (applicationId) =>
        ({ code: 'document_number_seen_elsewhere', documentId: document.id, applicationId }) as const,
    );
  });
}

function textOf(index: Uint8Array | null): string {
  return Buffer.from(index ?? []).toString('hex');
}
