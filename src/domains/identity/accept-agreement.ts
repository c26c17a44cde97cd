import { and, desc, eq } from 'drizzle-orm';
import { personOf } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { type Place, sealJson } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockShared } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { changeGate } from './gates.ts';
import { agreementAcceptances, agreements, customerGates } from './schema.ts';

/** Keeps publishing and accepting apart, so that no gate opens for terms that are about to be old. */
export const AGREEMENTS_LOCK = 'agreements';

type Agreement = typeof agreements.$inferSelect;

export type AgreementView = Agreement & {
  readonly acceptedAt: (typeof agreementAcceptances.$inferSelect)['acceptedAt'] | null;
};

/** The current revision of every agreement, and whether the person acting has accepted it. */
export async function listAgreements(ctx: Ctx): Promise<readonly AgreementView[]> {
  const userId = present(personOf(ctx.actor), 'agreements are read by a person');
  return transact(ctx, ctx.login, (tx) => currentAgreements(tx, userId));
}

/**
 * Accepts the current revision of an agreement, once; with the last one the gate notes that all are
 * accepted.
 * @effects one row of `agreement_acceptances`, perhaps `customer_gates`; audit `agreement.accepted`,
 *   `gate.changed`
 * @errors not_found (an outdated revision cannot be accepted any more)
 */
export async function acceptAgreement(ctx: Ctx, agreementId: Id): Promise<AgreementView> {
  const userId = present(personOf(ctx.actor), 'an agreement is accepted by a person');
  return transact(ctx, 'engine', async (tx) => {
    await lockShared(tx, [AGREEMENTS_LOCK]);
    const current = await currentAgreements(tx, userId);
    const agreement = current.find((candidate) => candidate.id === agreementId);
    if (agreement === undefined) {
      throw refuse('not_found');
    }
    if (agreement.acceptedAt !== null) {
      return agreement;
    }
    const acceptedAt = ctx.deps.clock.now();
    const client = sealJson(
      await ctx.deps.personKeys.of(tx, userId),
      acceptancePlace(userId, agreementId),
      ctx.client,
    );
    await tx
      .insert(agreementAcceptances)
      .values({ userId, agreementId, client, acceptedAt })
      .onConflictDoNothing();
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['agreement.accepted'],
      resource: { type: 'agreement', id: agreementId },
      subjectUserId: userId,
      after: agreement,
    });
    await noteAllAccepted(tx, ctx, userId);
    return { ...agreement, acceptedAt };
  });
}

async function noteAllAccepted(tx: Tx, ctx: Ctx, userId: Id): Promise<void> {
  const current = await currentAgreements(tx, userId);
  const [behind] = await tx
    .select({ userId: customerGates.userId })
    .from(customerGates)
    .where(and(eq(customerGates.userId, userId), eq(customerGates.agreementsCurrent, false)));
  if (behind !== undefined && current.every((agreement) => agreement.acceptedAt !== null)) {
    await changeGate(tx, ctx, userId, { agreementsCurrent: true });
  }
}

async function currentAgreements(tx: Tx, userId: Id): Promise<readonly AgreementView[]> {
  const newest = await tx
    .selectDistinctOn([agreements.kind])
    .from(agreements)
    .orderBy(agreements.kind, desc(agreements.revision));
  const accepted = await tx
    .select()
    .from(agreementAcceptances)
    .where(eq(agreementAcceptances.userId, userId));
  const acceptedAt = new Map(accepted.map((row) => [row.agreementId, row.acceptedAt]));
  return newest.map((agreement) => ({ ...agreement, acceptedAt: acceptedAt.get(agreement.id) ?? null }));
}

/** Where the sealed client of an acceptance lives. */
export function acceptancePlace(userId: Id, agreementId: Id): Place {
  return { table: 'agreement_acceptances', column: 'client', rowId: `${userId} ${agreementId}` };
}
