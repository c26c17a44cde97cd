import type { Id } from './id.ts';

/** What staff may hold; a person may hold several, four-eyes looks at the person. */
export const ROLES = [
  'customer',
  'market_maker',
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'admin',
  'auditor',
] as const;

export type Role = (typeof ROLES)[number];

/** Every role but those of customers. */
export const STAFF_ROLES = ROLES.filter(isStaffRole);

/**
 * Who acts. Closed: a new kind of actor must be thought through wherever it is switched on. A
 * `loneAdmin` holds the role admin, which is left out of `roles` until a second person holds it too.
 */
export type Actor =
  | {
      readonly kind: 'customer';
      readonly userId: Id;
      readonly roles: readonly Role[];
      readonly sessionId: Id;
      readonly mfaAtMs: number | null;
      readonly loneAdmin?: true;
    }
  | {
      readonly kind: 'staff';
      readonly userId: Id;
      readonly roles: readonly Role[];
      readonly sessionId: Id;
      readonly mfaAtMs: number | null;
      readonly loneAdmin?: true;
    }
  | {
      readonly kind: 'apiKey';
      readonly userId: Id;
      readonly roles: readonly Role[];
      readonly keyId: Id;
      readonly scopes: readonly string[];
      /** Approved by a second person: only such keys act as staff and move money. */
      readonly service: boolean;
      readonly loneAdmin?: true;
    }
  | { readonly kind: 'job'; readonly name: string }
  | { readonly kind: 'webhook'; readonly provider: string }
  | { readonly kind: 'system'; readonly name: string }
  | { readonly kind: 'anonymous' };

/** The person behind the actor, or null for machines and strangers. */
export function personOf(actor: Actor): Id | null {
  return 'userId' in actor ? actor.userId : null;
}

/** The name an audit row gives the actor: the person, key, job or provider. */
export function actorIdOf(actor: Actor): string {
  switch (actor.kind) {
    case 'customer':
    case 'staff':
      return actor.userId;
    case 'apiKey':
      return actor.keyId;
    case 'job':
    case 'system':
      return actor.name;
    case 'webhook':
      return actor.provider;
    case 'anonymous':
      return 'anonymous';
  }
}

/** Whether the person behind the actor holds one of the roles. */
export function hasRole(actor: Actor, ...roles: readonly Role[]): boolean {
  return hasRoleOf(actor, roles);
}

/** As `hasRole`, for a list that is there already: every request asks, and none copies it. */
export function hasRoleOf(actor: Actor, roles: readonly Role[]): boolean {
  return 'roles' in actor && roles.some((role) => actor.roles.includes(role));
}

/** Whether a role is one of the firm's own people. */
export function isStaffRole(role: Role): boolean {
  return role !== 'customer' && role !== 'market_maker';
}

/** True for those who work for the firm. */
export function isStaff(actor: Actor): boolean {
  return ('roles' in actor && actor.roles.some(isStaffRole)) || isLoneAdmin(actor);
}

/** Whether the person is an admin who may not act as one yet. */
export function isLoneAdmin(actor: Actor): boolean {
  return 'loneAdmin' in actor && actor.loneAdmin === true;
}
