import { type SQL, sql } from 'drizzle-orm';
import { isIdentity } from '../rules.ts';
import { kycDocuments, kycDocumentType } from '../schema.ts';

type Document = Pick<
  typeof kycDocuments.$inferSelect,
  'type' | 'partyId' | 'applicationId' | 'expiresOn' | 'status'
>;

const GOOD = ['uploaded', 'accepted'] as const;

const IDENTITY = kycDocumentType.enumValues.filter(isIdentity);

/**
 * Until when a statement's document, or another of the same application that serves the same use, is good: who shows
 * a passport until 2030 has lost nothing with the one of 2020. Null where none says a day.
 * @units YYYY-MM-DD
 */
export function goodUntil(): SQL<string | null> {
  return sql<string | null>`(select max(other.expires_on) from kyc_documents other
    where other.application_id = ${kycDocuments.applicationId} and other.removed_at is null
      and other.status in ${GOOD} and other.party_id is not distinct from ${kycDocuments.partyId}
      and (other.type = ${kycDocuments.type}
        or (other.type in ${IDENTITY} and ${kycDocuments.type} in ${IDENTITY})))`;
}

/**
 * Whether a document takes the place of an older one, whichever was uploaded first: of the same or a later
 * application, for the same use of the same person, and good for longer. One of identity that says no day renews
 * nothing: nobody knows until when it is good.
 */
export function renews(document: Document, old: Document): boolean {
  const isLater = document.applicationId > old.applicationId;
  const isGood = GOOD.some((status) => status === document.status);
  if (!isGood || !serveOneUse(document, old) || (!isLater && document.applicationId !== old.applicationId)) {
    return false;
  }
  return document.expiresOn === null
    ? isLater && !isIdentity(old.type)
    : document.expiresOn > (old.expiresOn ?? '');
}

function serveOneUse(one: Document, other: Document): boolean {
  const isOne = one.type === other.type || (isIdentity(one.type) && isIdentity(other.type));
  return isOne && one.partyId === other.partyId;
}
