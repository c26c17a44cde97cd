/**
 * Decisions about API keys. Pure: no clock, no database. What it does not decide: what a key may do
 * once it exists (declared on the routes), and who approves one (platform/approvals).
 */
import { isStaffRole, type Role } from '../../kernel/actor.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import type { Mode } from '../../platform/context.ts';
import { isNarrow } from './allowed-addresses.ts';
import { type ApiScope, isMoneyScope, isScopeFor } from './api-key-format.ts';

/** A service key is approved for this long at most. @units ms; a leap year */
const MAX_SERVICE_LIFE_MS = 366 * 86_400_000;

/** How long the replaced key goes on working, unless told otherwise. @units s */
export const DEFAULT_OVERLAP_SECONDS = 86_400;
export const MAX_OVERLAP_SECONDS = 7 * 86_400;

export type KeyWish = {
  readonly ownerRoles: readonly Role[];
  readonly scopes: readonly ApiScope[];
  readonly allowedCidrs: readonly string[];
  readonly expiresAt: Instant | null;
  readonly now: Instant;
  readonly mode: Mode;
};

export type KeyRefusal =
  | 'scope_not_allowed'
  | 'service_key_expiry_required'
  | 'service_key_networks_required'
  | 'key_expired_already';

/**
 * Whether a person may have this key, and whether it takes a second person. Customers get scopes of
 * customers alone, so whatever moves money or acts as staff is a service key.
 */
export function judgeKey(wish: KeyWish): { readonly service: boolean } | { readonly refused: KeyRefusal } {
  const staff = wish.ownerRoles.some(isStaffRole);
  if (!wish.scopes.every((scope) => isScopeFor(scope, staff ? 'staff' : 'customers'))) {
    return { refused: 'scope_not_allowed' };
  }
  if (wish.expiresAt !== null && wish.expiresAt <= wish.now) {
    return { refused: 'key_expired_already' };
  }
  const service = staff || wish.scopes.some(isMoneyScope);
  if (!service) {
    return { service };
  }
  if (wish.expiresAt === null || wish.expiresAt > addMs(wish.now, MAX_SERVICE_LIFE_MS)) {
    return { refused: 'service_key_expiry_required' };
  }
  const bounded = wish.allowedCidrs.length > 0 && wish.allowedCidrs.every(isNarrow);
  return bounded || wish.mode === 'sandbox' ? { service } : { refused: 'service_key_networks_required' };
}

/** When a replaced key ends: after the overlap, and never later than it would have. */
export function endOfOverlap(expiresAt: Instant | null, now: Instant, overlapSeconds: number): Instant {
  const end = addMs(now, overlapSeconds * 1_000);
  return expiresAt !== null && expiresAt < end ? expiresAt : end;
}
