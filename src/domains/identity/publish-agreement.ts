import { eq, max, sql } from 'drizzle-orm';
import type { Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import { newId } from '../../kernel/id.ts';
import type { ApprovalAction } from '../../platform/approvals/actions.ts';
import { type Approval, requestApproval } from '../../platform/approvals/request-approval.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { AGREEMENTS_LOCK } from './accept-agreement.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { agreements, customerGates } from './schema.ts';

export type NewAgreement = { readonly kind: string; readonly title: string; readonly body: string };

const ACTION = 'agreement.publish';

const CHECKERS = ['admin', 'compliance_officer'] as const satisfies readonly Role[];

/**
 * Asks for the next revision of an agreement to be published; another person reads the same text and
 * decides.
 * @effects one row of `approvals`; audit `approval.requested`
 */
export async function requestAgreement(
  ctx: Ctx,
  { reason, ...agreement }: NewAgreement & { readonly reason: string },
): Promise<Approval> {
  return transact(ctx, ctx.login, async (tx) =>
    requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'agreement',
      subjectId: newId(),
      subjectUserId: null,
      payload: { ...agreement, revision: await nextRevision(tx, agreement.kind) },
      quorum: 1,
      checkerRoles: CHECKERS,
      reason,
    }),
  );
}

/** What the last approving vote does. @errors conflict where another revision came first */
export const publishAgreementAction: ApprovalAction = {
  action: ACTION,
  execute: async (ctx, { payload }) => {
    const { revision, kind, title, body } = payload as NewAgreement & { readonly revision: number };
    await transact(ctx, 'engine', async (tx) => {
      await lockExclusive(tx, [AGREEMENTS_LOCK]);
      if ((await nextRevision(tx, kind)) !== revision) {
        throw refuse('conflict');
      }
      await publishAgreement({ ...ctx, tx }, { kind, title, body });
    });
  },
};

/**
 * Publishes the next revision of an agreement. Nobody has accepted it yet, so every gate notes that;
 * trading waits for the customer's acceptance.
 * @effects one row of `agreements`; `customer_gates.agreements_current`; audit `agreement.published`
 */
export async function publishAgreement(ctx: Ctx, input: NewAgreement): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [AGREEMENTS_LOCK]);
    const [agreement] = await tx
      .insert(agreements)
      .values({
        ...input,
        id: newId(),
        revision: await nextRevision(tx, input.kind),
        publishedAt: ctx.deps.clock.now(),
      })
      .returning();
    await tx
      .update(customerGates)
      .set({
        agreementsCurrent: false,
        version: sql`${customerGates.version} + 1`,
        changedBy: ctx.actor.kind,
        changedAt: ctx.deps.clock.now(),
      })
      .where(eq(customerGates.agreementsCurrent, true));
    const published = present(agreement, 'the agreement was inserted');
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['agreement.published'],
      resource: { type: 'agreement', id: published.id },
      subjectUserId: null,
      after: published,
    });
  });
}

async function nextRevision(tx: Tx, kind: string): Promise<number> {
  const [last] = await tx
    .select({ revision: max(agreements.revision) })
    .from(agreements)
    .where(eq(agreements.kind, kind));
  return (last?.revision ?? 0) + 1;
}
