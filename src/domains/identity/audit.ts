import { auditEvents } from '../../platform/audit/events.ts';

const GATE = ['kycStatus', 'kycLevel', 'screening', 'restriction', 'agreementsCurrent', 'version'] as const;
const USER = ['status', 'roles', 'reason', 'version', 'changed'] as const;
const LOGIN = ['failedAttempts', 'lockedUntil', 'reason'] as const;
const SESSION = ['secondFactor', 'idleExpiresAt', 'absoluteExpiresAt', 'revokedReason', 'ended'] as const;
const KEY = ['name', 'mode', 'scopes', 'allowedCidrs', 'expiresAt', 'revokedAt'] as const;

/** What identity records. */
export const IDENTITY_EVENTS = auditEvents({
  'gate.changed': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'The gate that money paths obey was changed',
    shows: GATE,
  },
  'user.registered': {
    category: 'authentication',
    severity: 'info',
    description: 'A user was created',
    shows: USER,
  },
  'user.verification_sent': {
    category: 'authentication',
    severity: 'info',
    description: 'A user was sent a token that proves their e-mail address',
    shows: [],
  },
  'user.email_verified': {
    category: 'authentication',
    severity: 'info',
    description: 'A user proved their e-mail address',
    shows: USER,
  },
  'user.updated': {
    category: 'authentication',
    severity: 'info',
    description: 'A user changed their profile',
    shows: USER,
  },
  'user.read': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff read a user, masked',
    shows: [],
  },
  'user.listed': {
    category: 'compliance',
    severity: 'info',
    description: 'Staff listed users, masked',
    shows: ['count'],
  },
  'user.activated': {
    category: 'compliance',
    severity: 'info',
    description: 'A user became active',
    shows: USER,
  },
  'user.suspended': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A user was suspended and all sessions ended',
    shows: USER,
  },
  'user.reactivated': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A suspended user was let back in',
    shows: USER,
  },
  'user.roles_changed': {
    category: 'admin_action',
    severity: 'warning',
    description: 'The roles of a user were changed',
    shows: USER,
  },
  'login.failed': {
    category: 'authentication',
    severity: 'warning',
    description: 'A sign-in or second factor of a known user failed',
    shows: LOGIN,
  },
  'login.locked': {
    category: 'security',
    severity: 'warning',
    description: 'Repeated failures locked the sign-in of a user for a while',
    shows: LOGIN,
  },
  'session.opened': {
    category: 'authentication',
    severity: 'info',
    description: 'A user signed in',
    shows: SESSION,
  },
  'session.refreshed': {
    category: 'authentication',
    severity: 'info',
    description: 'A session was continued with its refresh token',
    shows: SESSION,
  },
  'session.stepped_up': {
    category: 'authentication',
    severity: 'info',
    description: 'A second factor was checked within a session',
    shows: SESSION,
  },
  'session.revoked': {
    category: 'authentication',
    severity: 'info',
    description: 'A session was ended',
    shows: SESSION,
  },
  'session.refresh_reused': {
    category: 'security',
    severity: 'critical',
    description: 'A refresh token was used a second time; its session was ended',
    shows: SESSION,
  },
  'password.reset_requested': {
    category: 'authentication',
    severity: 'info',
    description: 'A password reset was requested',
    shows: [],
  },
  'password.changed': {
    category: 'authentication',
    severity: 'warning',
    description: 'A password was changed and the other sessions ended',
    shows: ['reason', 'ended'],
  },
  'totp.enrolment_started': {
    category: 'authentication',
    severity: 'info',
    description: 'A user asked for a second factor',
    shows: [],
  },
  'totp.enrolled': {
    category: 'authentication',
    severity: 'warning',
    description: 'A second factor was enrolled',
    shows: ['ended'],
  },
  'totp.removed': {
    category: 'security',
    severity: 'warning',
    description: 'A second factor was removed',
    shows: ['ended'],
  },
  'api_key.created': {
    category: 'security',
    severity: 'warning',
    description: 'An API key was created',
    shows: KEY,
  },
  'api_key.revoked': {
    category: 'security',
    severity: 'warning',
    description: 'An API key was revoked',
    shows: KEY,
  },
  'agreement.published': {
    category: 'admin_action',
    severity: 'warning',
    description: 'A revision of an agreement was published',
    shows: ['kind', 'revision', 'title'],
  },
  'agreement.accepted': {
    category: 'compliance',
    severity: 'info',
    description: 'A user accepted an agreement',
    shows: ['kind', 'revision'],
  },
  'token_key.created': {
    category: 'security',
    severity: 'warning',
    description: 'A key that signs access tokens was made',
    shows: ['id', 'createdAt'],
  },
});
