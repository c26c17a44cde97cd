import { and, desc, eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockGates } from '../../identity/index.ts';
import type { DeclarationInput } from '../api.ts';
import { type NoticeCode, reviewNotices } from '../review-notices.ts';
import { kycApplications } from '../schema.ts';
import { declarationOf, documentsOf, type KycApplication } from '../store.ts';

const RANKS = { none: 0, basic: 1, standard: 2, enhanced: 3 } as const;

/**
 * What says that this is perhaps another person than the one who was approved. Whatever else is grave takes nothing
 * off what somebody has; it is the decision that needs a senior person.
 */
const SOMEBODY_ELSE: ReadonlySet<NoticeCode> = new Set([
  'document_number_seen_elsewhere',
  'barred_person_seen_elsewhere',
  'provider_name_differs',
  'provider_birth_date_differs',
]);

/**
 * Whether an applicant keeps what they are approved for while this application is looked at: it asks for a higher
 * level, as the very person who was approved, for themselves, and nothing says that they are perhaps somebody else.
 */
export async function keepsGate(
  tx: Tx,
  ctx: Ctx,
  application: KycApplication,
  declaration: DeclarationInput,
): Promise<boolean> {
  const gate = present(
    (await lockGates(tx, [application.userId])).get(application.userId),
    'every user has a gate',
  );
  const asksForMore = RANKS[application.level] > RANKS[gate.kycLevel];
  if (gate.kycStatus !== 'approved' || gate.kycLevel === 'none' || !asksForMore) {
    return false;
  }
  const [approved] = await tx
    .select()
    .from(kycApplications)
    .where(and(eq(kycApplications.userId, application.userId), eq(kycApplications.status, 'approved')))
    .orderBy(desc(kycApplications.decidedAt), desc(kycApplications.id))
    .limit(1);
  const before = approved === undefined ? null : await declarationOf(tx, ctx, approved);
  const sameKind = approved?.applicantKind === application.applicantKind;
  if (before === null || !sameKind || application.company !== null || !isSamePerson(before, declaration)) {
    return false;
  }
  const documents = await documentsOf(tx, application.id);
  const notices = await reviewNotices(tx, ctx, application, declaration, documents);
  return !notices.some(({ code }) => SOMEBODY_ELSE.has(code));
}

/** Whether all that screening reads of a person is the same, and how exposed they say they are. */
function isSamePerson(left: DeclarationInput, right: DeclarationInput): boolean {
  const members = [
    'firstName',
    'lastName',
    'birthDate',
    'nationality',
    'gender',
    'politicallyExposed',
  ] as const;
  return members.every((member) => left[member] === right[member]);
}
