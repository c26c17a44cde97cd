/**
 * Who may know that an approval exists. To everybody else it is one that does not exist, whatever they
 * ask of it.
 */
import { and, arrayOverlaps, eq, inArray, not, or, type SQL, sql } from 'drizzle-orm';
import { hasRole, personOf, type Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Ctx } from '../context.ts';
import { approvals } from '../db/schema.ts';
import type { Approval } from './request-approval.ts';

/** They see every approval but restricted ones on themselves; others see those they could decide and those they made. */
const SEE_ALL: readonly Role[] = ['auditor', 'compliance_officer', 'mlro'];

/** The condition on `approvals` of what the caller may see; undefined for all. */
export function visibleTo(ctx: Ctx): SQL | undefined {
  const personId = present(personOf(ctx.actor), 'approvals are read by people');
  const hidden = and(
    inArray(approvals.action, [...ctx.deps.approvalActions.restricted()]),
    sql`coalesce(${eq(approvals.subjectUserId, personId)}, false)`,
  );
  const others = hidden === undefined ? undefined : not(hidden);
  if (hasRole(ctx.actor, ...SEE_ALL)) {
    return others;
  }
  const roles = 'roles' in ctx.actor ? [...ctx.actor.roles] : [];
  return and(others, or(arrayOverlaps(approvals.checkerRoles, roles), eq(approvals.makerId, personId)));
}

/** The same of one approval that was read already. */
export function isVisibleTo(ctx: Ctx, approval: Approval): boolean {
  const personId = personOf(ctx.actor);
  if (approval.subjectUserId === personId && ctx.deps.approvalActions.isRestricted(approval.action)) {
    return false;
  }
  return (
    hasRole(ctx.actor, ...SEE_ALL, ...(approval.checkerRoles as readonly Role[])) ||
    approval.makerId === personId
  );
}
