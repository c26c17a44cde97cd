/**
 * Who may know that an approval exists. To everybody else it is one that does not exist, whatever they
 * ask of it.
 */
import { arrayOverlaps, eq, or, type SQL } from 'drizzle-orm';
import { hasRole, personOf, type Role } from '../../kernel/actor.ts';
import { present } from '../../kernel/assert.ts';
import type { Ctx } from '../context.ts';
import { approvals } from '../db/schema.ts';
import type { Approval } from './request-approval.ts';

/** They see every approval; others see those they could decide and those they made. */
const SEE_ALL: readonly Role[] = ['auditor', 'compliance_officer', 'mlro'];

/** The condition on `approvals` of what the caller may see; undefined for all. */
export function visibleTo(ctx: Ctx): SQL | undefined {
  if (hasRole(ctx.actor, ...SEE_ALL)) {
    return undefined;
  }
  const personId = present(personOf(ctx.actor), 'approvals are read by people');
  const roles = 'roles' in ctx.actor ? [...ctx.actor.roles] : [];
  return or(arrayOverlaps(approvals.checkerRoles, roles), eq(approvals.makerId, personId));
}

/** The same of one approval that was read already. */
export function isVisibleTo(ctx: Ctx, approval: Approval): boolean {
  return (
    hasRole(ctx.actor, ...SEE_ALL, ...(approval.checkerRoles as readonly Role[])) ||
    approval.makerId === personOf(ctx.actor)
  );
}
