import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import { openJson, openText } from '../../../platform/crypto/seal.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { recordReads } from '../../identity/index.ts';
import { KYC_EVENTS } from '../audit.ts';
import { findApplication, type KycApplication } from '../store.ts';
import { notePlace } from './application-events.ts';
import type { PartyDetailsInput } from './company.ts';
import { declarationContentPlace } from './declaration-place.ts';
import { partyPlace, standingParties } from './parties-of.ts';
import { kycApplicationEvents, kycDeclarations } from './schema.ts';

/**
 * Who stands behind a legal person, as its application says.
 * @effects audit `kyc_application.read` when staff read it
 * @errors not_found
 */
export async function listParties(ctx: Ctx, applicationId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const application = await readable(tx, ctx, applicationId);
    const key = await ctx.deps.personKeys.find(tx, application.userId);
    return (await standingParties(tx, applicationId)).map((party) => ({
      ...party,
      details:
        key === undefined ? null : openJson<PartyDetailsInput>(key, partyPlace(party.id), party.details),
    }));
  });
}

/**
 * What was declared in forms of their own, every revision.
 * @effects audit `kyc_application.read` when staff read it
 * @errors not_found
 */
export async function listDeclarations(ctx: Ctx, applicationId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const application = await readable(tx, ctx, applicationId);
    const key = await ctx.deps.personKeys.find(tx, application.userId);
    const rows = await tx
      .select()
      .from(kycDeclarations)
      .where(eq(kycDeclarations.applicationId, applicationId))
      .orderBy(kycDeclarations.id);
    return rows.map((row) => ({
      ...row,
      content:
        key === undefined
          ? null
          : openJson<Record<string, unknown>>(key, declarationContentPlace(row.id), row.content),
    }));
  });
}

/**
 * What happened to an application; its applicant, staff or not, is given what is meant for them, and no names of
 * staff.
 * @effects audit `kyc_application.read` when staff read it
 * @errors not_found
 */
export async function listApplicationEvents(ctx: Ctx, applicationId: Id) {
  return transact(ctx, ctx.login, async (tx) => {
    const application = await readable(tx, ctx, applicationId);
    const rows = await tx
      .select()
      .from(kycApplicationEvents)
      .where(eq(kycApplicationEvents.applicationId, applicationId))
      .orderBy(kycApplicationEvents.id);
    const isStaff = ctx.login === 'staff' && application.userId !== personOf(ctx.actor);
    const key = isStaff ? await ctx.deps.personKeys.find(tx, application.userId) : undefined;
    return rows
      .filter((row) => isStaff || row.customerVisible)
      .map((row) => ({
        ...row,
        actorId: isStaff ? row.actorId : null,
        note: key === undefined || row.note === null ? null : openText(key, notePlace(row.id), row.note),
      }));
  });
}

async function readable(tx: Tx, ctx: Ctx, applicationId: Id): Promise<KycApplication> {
  const application = await findApplication(tx, applicationId);
  if (ctx.login === 'staff') {
    await recordReads(tx, ctx, [
      {
        event: KYC_EVENTS['kyc_application.read'],
        resource: { type: 'kyc_application', id: applicationId },
        subjectUserId: application.userId,
        after: application,
      },
    ]);
  }
  return application;
}
