import { isStaffRole, type Role } from '../../kernel/actor.ts';

/** How long a session may last. @units milliseconds */
export type SessionLimits = {
  /** A session that nobody refreshes for this long is over. */
  readonly idleMs: number;
  /** After this the person signs in again, however busy they are. */
  readonly absoluteMs: number;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A customer's own device, with step-up before money leaves: a working day idle, a week in all. */
const CUSTOMER_LIMITS: SessionLimits = { idleMs: 12 * HOUR_MS, absoluteMs: 7 * 24 * HOUR_MS };

/**
 * Staff see and act on everybody's, from desks others pass by: half an hour idle, one shift in all.
 * @source NIST SP 800-63B-4 section 2.2.3 (AAL2: at most one hour idle, 24 hours in all)
 */
const STAFF_LIMITS: SessionLimits = { idleMs: 30 * MINUTE_MS, absoluteMs: 12 * HOUR_MS };

/** The limits of a person's sessions: one role of staff makes them the strict ones. */
export function sessionLimitsOf(roles: readonly Role[]): SessionLimits {
  return roles.some(isStaffRole) ? STAFF_LIMITS : CUSTOMER_LIMITS;
}
