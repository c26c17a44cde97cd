import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import { sealJson } from '../../../platform/crypto/seal.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { KYC_EVENTS } from '../audit.ts';
import { refuseKyc } from '../errors.ts';
import { partyIndexOf } from '../identity-index.ts';
import { reopenItems } from './items.ts';
import { lockOwnDraft } from './own-application.ts';
import type { NewPartyInput } from './parties-api.ts';
import { partyPlace, standingParties } from './parties-of.ts';
import { kycParties } from './schema.ts';

const MAX_PARTIES = 100;

type StoredParty = typeof kycParties.$inferSelect;

/**
 * Names somebody behind a legal person. What a reviewer accepted was of those who stood behind it then, and is open
 * again.
 * @effects one row of `kyc_parties`, perhaps rows of `kyc_items`; audit `kyc_party.added`
 * @errors not_found, application_not_editable, not_a_legal_person, party_limit_reached, party_unknown
 */
export async function addParty(ctx: Ctx, applicationId: Id, input: NewPartyInput) {
  return transact(ctx, 'engine', async (tx) => {
    const { userId, applicantKind } = await lockOwnDraft(tx, ctx, applicationId);
    if (applicantKind !== 'legal') {
      throw refuseKyc('not_a_legal_person');
    }
    const standing = await standingParties(tx, applicationId);
    if (standing.length >= MAX_PARTIES) {
      throw refuseKyc('party_limit_reached');
    }
    const parent = standing.find(({ id }) => id === input.parentId);
    if (input.parentId !== undefined && parent?.role !== 'beneficial_owner') {
      throw refuseKyc('party_unknown');
    }
    const id = newId();
    const key = await ctx.deps.personKeys.of(tx, userId);
    const [row] = await tx
      .insert(kycParties)
      .values({
        id,
        applicationId,
        userId,
        role: input.role,
        kind: input.details.person === undefined ? 'organisation' : 'person',
        details: sealJson(key, partyPlace(id), input.details),
        shareBps: input.shareBps ?? null,
        parentId: input.parentId ?? null,
        addedAt: ctx.deps.clock.now(),
        identityIndex: partyIndexOf(ctx, input.details),
      })
      .returning();
    const added = present(row, 'the party was inserted');
    await reopenItems(tx, applicationId);
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_party.added'],
      resource: { type: 'kyc_party', id },
      subjectUserId: userId,
      after: added,
    });
    return { ...added, details: input.details };
  });
}

/**
 * Takes back somebody who was named; the row is kept, and what was accepted is open again.
 * @effects one row of `kyc_parties`, perhaps rows of `kyc_items`; audit `kyc_party.removed`
 * @errors not_found, application_not_editable, party_has_owners
 */
export async function removeParty(ctx: Ctx, applicationId: Id, partyId: Id): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const { userId } = await lockOwnDraft(tx, ctx, applicationId);
    const standing = await standingParties(tx, applicationId);
    const before = standing.find(({ id }) => id === partyId);
    if (before === undefined) {
      throw refuse('not_found');
    }
    if (standing.some(({ parentId }) => parentId === partyId)) {
      throw refuseKyc('party_has_owners');
    }
    const removedAt = ctx.deps.clock.now();
    await tx.update(kycParties).set({ removedAt }).where(eq(kycParties.id, partyId));
    await reopenItems(tx, applicationId);
    const after: StoredParty = { ...before, removedAt };
    await record(tx, ctx, {
      event: KYC_EVENTS['kyc_party.removed'],
      resource: { type: 'kyc_party', id: partyId },
      subjectUserId: userId,
      before,
      after,
    });
  });
}
