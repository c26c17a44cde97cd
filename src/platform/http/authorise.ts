/**
 * Who may call an operation, decided from its declaration alone.
 */
import { type Actor, hasRoleOf, isLoneAdmin, isStaff } from '../../kernel/actor.ts';
import type { DomainError } from '../../kernel/error.ts';
import type { Mode } from '../context.ts';
import type { Login } from '../db/client.ts';
import type { Access } from './endpoint.ts';
import { refuse } from './refuse.ts';

/** A second factor counts for this long. */
export const STEP_UP_MS = 5 * 60_000;

/**
 * Admits the actor or refuses, and names the login its own work runs under: `staff` for callers who
 * act as staff, `app` for customers.
 * @errors credential_missing, step_up_required (of a key), scope_missing, forbidden,
 *   second_admin_missing, second_factor_required, step_up_required
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
    authoriseKey(access, actor, mode);
  }
  const actsAsStaff = access.staff !== undefined && hasRoleOf(actor, access.staff) && mayBeStaff(actor, mode);
  const actsForSelf = access.self === true || (access.customer === true && !isStaff(actor));
  if (!actsAsStaff && !actsForSelf) {
    const withheld = isLoneAdmin(actor) && access.staff?.includes('admin') === true;
    throw refuse(withheld ? 'second_admin_missing' : 'forbidden');
  }
  if (actor.kind === 'customer' || actor.kind === 'staff') {
    requireFactor(access, actor.mfaAtMs, nowMs, actsAsStaff);
  }
  return { login: actsAsStaff ? 'staff' : 'app' };
}

type Key = Extract<Actor, { kind: 'apiKey' }>;

/**
 * A key shows no second factor. Where one is asked for, only a service key passes, by naming the scope
 * of that very operation: two people gave it that when it was made.
 */
function authoriseKey(access: Exclude<Access, { public: true }>, key: Key, mode: Mode): void {
  const hasScope = access.scope !== undefined && key.scopes.includes(access.scope);
  if (access.stepUp && !(key.service && hasScope)) {
    throw refuse('step_up_required', { detail: 'An API key cannot pass a second factor; sign in instead.' });
  }
  if (!hasScope && !(access.scope !== undefined && hasEveryScope(key, mode))) {
    throw scopeMissing(access.scope);
  }
}

/** Names the scope in words, and for programs as RFC 6750 does. */
function scopeMissing(scope: string | undefined): DomainError {
  return scope === undefined
    ? refuse('scope_missing', { detail: 'No scope lets an API key do this; sign in instead.' })
    : refuse('scope_missing', {
        detail: `The API key lacks the scope ${scope}.`,
        headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` },
      });
}

/** People do by their role; a key only where two people made it, or in the sandbox with every scope. */
function mayBeStaff(actor: Actor, mode: Mode): boolean {
  return actor.kind !== 'apiKey' || actor.service || hasEveryScope(actor, mode);
}

/** The demo's keys; production knows no such scope. */
function hasEveryScope(key: Key, mode: Mode): boolean {
  return mode === 'sandbox' && key.scopes.includes('*');
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
    throw refuse('step_up_required', {
      detail: 'A second factor must have been checked within five minutes: see POST /v1/auth/step-up.',
    });
  }
}
