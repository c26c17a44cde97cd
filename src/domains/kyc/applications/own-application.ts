import { eq } from 'drizzle-orm';
import { personOf } from '../../../kernel/actor.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { lockGateExclusively } from '../../identity/index.ts';
import { refuseKyc } from '../errors.ts';
import { isEditable } from '../rules.ts';
import { kycApplications } from '../schema.ts';
import type { KycApplication } from '../store.ts';

/**
 * Locks the gate and then an application of whoever acts, in a transaction of the engine, which sees all.
 * @errors not_found, also for what is somebody else's
 */
export async function lockOwnApplication(tx: Tx, ctx: Ctx, applicationId: Id): Promise<KycApplication> {
  const userId = await refuseForeign(tx, ctx, applicationId);
  // The gate's lock comes before row locks, as everywhere.
  await lockGateExclusively(tx, userId);
  return present(await lockRow(tx, kycApplications, applicationId), 'the application exists');
}

/**
 * Locks an application of whoever acts that they may still change.
 * @errors not_found, application_not_editable
 */
export async function lockOwnDraft(tx: Tx, ctx: Ctx, applicationId: Id): Promise<KycApplication> {
  await refuseForeign(tx, ctx, applicationId);
  const application = present(await lockRow(tx, kycApplications, applicationId), 'the application exists');
  if (!isEditable(application.status)) {
    throw refuseKyc('application_not_editable');
  }
  return application;
}

async function refuseForeign(tx: Tx, ctx: Ctx, applicationId: Id): Promise<Id> {
  const userId = present(personOf(ctx.actor), 'an applicant is a person');
  const [known] = await tx
    .select({ userId: kycApplications.userId })
    .from(kycApplications)
    .where(eq(kycApplications.id, applicationId));
  if (known?.userId !== userId) {
    throw refuse('not_found');
  }
  return userId;
}
