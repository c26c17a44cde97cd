/**
 * Who may call an operation, decided from its declaration alone.
 */
import { type Actor, hasRole, isStaff } from '../../kernel/actor.ts';
import type { Mode } from '../context.ts';
import type { Login } from '../db/client.ts';
import type { Access } from './endpoint.ts';
import { refuse } from './refuse.ts';

/** A second factor counts for this long. */
export const STEP_UP_MS = 5 * 60_000;

/**
 * Admits the actor or refuses, and names the login its own work runs under: `staff` for callers who
 * act as staff, `app` for customers.
 * @errors credential_missing, scope_missing, forbidden, second_factor_required, step_up_required
 */
export function authorise(
  access: Access,
  actor: Actor,
  nowMs: number,
  mode: Mode,
): { readonly login: Login } {
  if ('public' in access) {
    return { login: 'engine' };
  }
  if (actor.kind === 'anonymous') {
    throw refuse('credential_missing');
  }
  if (actor.kind === 'apiKey') {
    authoriseKey(access, actor.scopes, mode);
  }
  const actsAsStaff = access.staff !== undefined && hasRole(actor, ...access.staff);
  const actsForSelf = access.self === true || (access.customer === true && !isStaff(actor));
  if (!actsAsStaff && !actsForSelf) {
    throw refuse('forbidden');
  }
  if (actor.kind === 'customer' || actor.kind === 'staff') {
    requireFactor(access, actor.mfaAtMs, nowMs, actsAsStaff);
  }
  return { login: actsAsStaff ? 'staff' : 'app' };
}

function authoriseKey(
  access: Exclude<Access, { public: true }>,
  scopes: readonly string[],
  mode: Mode,
): void {
  if (access.stepUp) {
    throw refuse('step_up_required', { detail: 'An API key cannot pass a second factor; sign in instead.' });
  }
  if (
    access.scope === undefined ||
    !(scopes.includes(access.scope) || (mode === 'sandbox' && scopes.includes('*')))
  ) {
    throw refuse('scope_missing');
  }
}

function requireFactor(
  access: Exclude<Access, { public: true }>,
  mfaAtMs: number | null,
  nowMs: number,
  actsAsStaff: boolean,
): void {
  if (actsAsStaff && mfaAtMs === null) {
    throw refuse('second_factor_required');
  }
  if (access.stepUp && (mfaAtMs === null || nowMs - mfaAtMs > STEP_UP_MS)) {
    throw refuse('step_up_required');
  }
}
