/**
 * Who may know that an approval exists. To everybody else it is one that does not exist, whatever they
 * ask of it.
 */
import { and, arrayOverlaps, eq, inArray, not, or, type SQL, sql } from 'drizzle-orm';
import { hasRole, personOf, type Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Id } from '../../kernel/id.ts';
import type { Ctx } from '../context.ts';
import type { Tx } from '../db/client.ts';
import { approvals } from '../db/schema.ts';
import { concealedFrom } from '../privacy/concealed-from.ts';

/** They see every approval but restricted ones on themselves; others see those they could decide and those they made. */
const SEE_ALL: readonly Role[] = ['auditor', 'compliance_officer', 'mlro'];

/** The condition on `approvals` of what the caller may see; undefined for all. */
export async function visibleTo(tx: Tx, ctx: Ctx): Promise<SQL | undefined> {
  const personId = present(personOf(ctx.actor), 'approvals are read by people');
  const concealed = await concealedFrom(tx, ctx, personId);
  const hidden = and(
    inArray(approvals.action, [...ctx.deps.approvalActions.restricted()]),
    or(
      sql`coalesce(${eq(approvals.subjectUserId, personId)}, false)`,
      concealed.length === 0 ? undefined : inArray(approvals.subjectId, [...concealed]),
    ),
  );
  const others = hidden === undefined ? undefined : not(hidden);
  if (hasRole(ctx.actor, ...SEE_ALL)) {
    return others;
  }
  const roles = 'roles' in ctx.actor ? [...ctx.actor.roles] : [];
  return and(others, or(arrayOverlaps(approvals.checkerRoles, roles), eq(approvals.makerId, personId)));
}

/** Whether the caller may know of one approval. */
export async function isVisible(tx: Tx, ctx: Ctx, approvalId: Id): Promise<boolean> {
  const [seen] = await tx
    .select({ id: approvals.id })
    .from(approvals)
    .where(and(eq(approvals.id, approvalId), await visibleTo(tx, ctx)));
  return seen !== undefined;
}
