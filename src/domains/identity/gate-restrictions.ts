/**
 * What restricts a gate, cause by cause. The gate holds the strictest of what stands, so that whoever lifts
 * one cause lifts no other. It does not decide who may lift what: the database wants two people behind the
 * end of a restriction for sanctions or for a case, whatever the code does.
 */
import { and, asc, eq, type InferSelectModel, isNull } from 'drizzle-orm';
import { actorIdOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { type Gate, lockGateExclusively, readGates, writeGate } from './gates.ts';
import { strictestOf } from './rules.ts';
import { gateRestrictions } from './schema.ts';

export type GateRestriction = InferSelectModel<typeof gateRestrictions>;

export type RestrictionCause =
  | 'sanctions'
  | 'aml_case'
  | 'kyc_review_overdue'
  | 'kyc_document_expired'
  | 'kyc_dormant'
  | 'risk';

export type NewRestriction = {
  readonly restriction: Exclude<Gate['restriction'], 'none'>;
  readonly cause: RestrictionCause;
  /** What it is for: a case, an alert, a review. One cause stands once for each. */
  readonly reference: { readonly type: string; readonly id: Id };
};

export type RestrictionEnd = {
  readonly cause: RestrictionCause;
  readonly referenceId: Id;
  /** The decision behind it; the end of a restriction for sanctions or for a case has to name one. */
  readonly approvalId?: Id;
};

/**
 * Restricts a person under the gate's exclusive lock; the next money transaction already obeys. What stands
 * already for the same cause and reference is replaced where the new one is stricter, and kept otherwise.
 * @effects rows of `gate_restrictions`, perhaps `customer_gates`; audit `gate_restriction.placed`, perhaps
 *   `gate_restriction.lifted`, `gate.changed`; event `identity.gate_restricted`
 */
export async function placeRestriction(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  { restriction, cause, reference }: NewRestriction,
): Promise<void> {
  await lockGateExclusively(tx, userId);
  const same = (await restrictionsOf(tx, userId)).find(
    (standing) => standing.cause === cause && standing.referenceId === reference.id,
  );
  if (same !== undefined && strictestOf([same.restriction, restriction]) === same.restriction) {
    return;
  }
  if (same !== undefined) {
    await end(tx, ctx, same, null);
  }
  const [placed] = await tx
    .insert(gateRestrictions)
    .values({
      id: newId(),
      userId,
      restriction,
      cause,
      referenceType: reference.type,
      referenceId: reference.id,
      placedBy: actorIdOf(ctx.actor),
      placedAt: ctx.deps.clock.now(),
    })
    .returning();
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['gate_restriction.placed'],
    resource: { type: 'gate', id: userId },
    subjectUserId: userId,
    after: present(placed, 'the restriction was inserted'),
  });
  await obey(tx, ctx, userId);
  await publish(tx, ctx, [
    { type: 'identity.gate_restricted', userId, customerVisible: false, data: { restriction } },
  ]);
}

/**
 * Ends one cause; what else stands goes on. Whatever is not there is no error: it is lifted already.
 * @effects a row of `gate_restrictions`, perhaps `customer_gates`; audit `gate_restriction.lifted`, perhaps
 *   `gate.changed`
 * @shape whether it stood
 */
export async function liftRestriction(
  tx: Tx,
  ctx: Ctx,
  userId: Id,
  { cause, referenceId, approvalId }: RestrictionEnd,
): Promise<boolean> {
  await lockGateExclusively(tx, userId);
  const standing = (await restrictionsOf(tx, userId)).find(
    (one) => one.cause === cause && one.referenceId === referenceId,
  );
  if (standing === undefined) {
    return false;
  }
  await end(tx, ctx, standing, approvalId ?? null);
  await obey(tx, ctx, userId);
  return true;
}

/** What restricts a person now, oldest first. */
export async function restrictionsOf(tx: Tx, userId: Id): Promise<readonly GateRestriction[]> {
  return tx
    .select()
    .from(gateRestrictions)
    .where(and(eq(gateRestrictions.userId, userId), isNull(gateRestrictions.liftedAt)))
    .orderBy(asc(gateRestrictions.placedAt), asc(gateRestrictions.id));
}

async function end(tx: Tx, ctx: Ctx, standing: GateRestriction, approvalId: Id | null): Promise<void> {
  const [lifted] = await tx
    .update(gateRestrictions)
    .set({
      liftedBy: actorIdOf(ctx.actor),
      liftedAt: ctx.deps.clock.now(),
      liftApprovalId: approvalId,
    })
    .where(eq(gateRestrictions.id, standing.id))
    .returning();
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['gate_restriction.lifted'],
    resource: { type: 'gate', id: standing.userId },
    subjectUserId: standing.userId,
    before: standing,
    after: present(lifted, 'the restriction stood'),
  });
}

/** The gate takes over the strictest of what stands. */
async function obey(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const standing = await restrictionsOf(tx, userId);
  const restriction = strictestOf(standing.map((one) => one.restriction));
  const gate = (await readGates(tx, [userId])).get(userId);
  if (gate?.restriction !== restriction) {
    await writeGate(tx, ctx, userId, { restriction });
  }
}
