import { and, desc, eq, inArray, isNotNull, isNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../../platform/context.ts';
import { openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { numberPlace } from './document-file.ts';
import { kycApplications, kycDocuments } from './schema.ts';

/** What names a person to an authority. */
export type IdentityDocument = {
  readonly type: 'passport' | 'national_id' | 'driving_licence';
  readonly number: string;
  /** ISO 3166-1 alpha-3. */
  readonly issuingCountry: string | null;
};

const KINDS = ['passport', 'national_id', 'driving_licence'] as const;

/** The newest numbered document that an approved application rests on; undefined where there is none. */
export async function acceptedIdentityDocument(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
): Promise<IdentityDocument | undefined> {
  const [found] = await tx
    .select({ document: kycDocuments })
    .from(kycDocuments)
    .innerJoin(kycApplications, eq(kycApplications.id, kycDocuments.applicationId))
    .where(
      and(
        eq(kycDocuments.userId, userId),
        inArray(kycDocuments.status, ['uploaded', 'accepted']),
        eq(kycApplications.status, 'approved'),
        inArray(kycDocuments.type, [...KINDS]),
        isNotNull(kycDocuments.number),
        isNull(kycDocuments.removedAt),
        isNull(kycDocuments.partyId),
      ),
    )
    .orderBy(desc(kycDocuments.id))
    .limit(1);
  const row = found?.document;
  const type = KINDS.find((kind) => kind === row?.type);
  if (row === undefined || row.number === null || type === undefined) {
    return undefined;
  }
  const key = await ctx.deps.personKeys.of(tx, userId);
  const { issuingCountry } = row;
  return { type, number: openText(key, numberPlace(row.id), row.number), issuingCountry };
}
