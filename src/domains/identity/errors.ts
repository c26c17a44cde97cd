import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of identity. */
export const IDENTITY_PROBLEMS = {
  login_failed: { status: 401, title: 'The e-mail, the password or the code is not right' },
  email_not_verified: { status: 403, title: 'The e-mail address must be verified first' },
  account_restricted: { status: 403, title: 'The account is restricted' },
  second_factor_invalid: { status: 403, title: 'The code is not right or was used before' },
  password_incorrect: { status: 403, title: 'The current password is not right' },
  fields_not_allowed: { status: 403, title: 'The role does not need one of these fields' },
  self_action: { status: 403, title: 'Nobody acts as staff on themselves' },
  seal_refused: { status: 403, title: 'The two halves do not open the emergency login' },
  email_taken: { status: 409, title: 'The e-mail address belongs to another user' },
  second_factor_enrolled: { status: 409, title: 'An authenticator app is enrolled already' },
  second_factor_not_enrolled: { status: 409, title: 'No second factor is enrolled' },
  last_second_factor: { status: 409, title: 'Staff keep at least one second factor; add another first' },
  profile_locked: { status: 409, title: 'Verified identity cannot be changed here' },
  user_not_active: { status: 409, title: 'The user is suspended or closed already' },
  user_not_suspended: { status: 409, title: 'The user is not suspended' },
  user_closed: { status: 409, title: 'The user is closed already' },
  user_erased: { status: 409, title: 'The user is erased already' },
  closing_obstructed: { status: 409, title: 'Something keeps the relationship open' },
  retention_running: { status: 409, title: 'The records must still be kept' },
  admins_complete: { status: 409, title: 'Two people hold the role of admin already' },
  invitation_unknown: {
    status: 409,
    title: 'Nobody who was invited and has not come yet has this e-mail address',
  },
  roles_unchanged: { status: 409, title: 'The user holds exactly these roles already' },
  email_token_invalid: { status: 422, title: 'The token is not valid, was used or has expired' },
  passkey_refused: { status: 422, title: 'The passkey could not be verified' },
  passkey_limit_reached: { status: 422, title: 'The user has as many passkeys as allowed' },
  password_too_common: { status: 422, title: 'The password is among those guessed first' },
  api_key_not_active: { status: 409, title: 'The key waits for its approval, has expired or was revoked' },
  api_key_rotated: { status: 409, title: 'The key was replaced already' },
  api_key_limit_reached: { status: 422, title: 'The user has as many keys as allowed' },
  setting_limit_reached: { status: 422, title: 'The user has as many settings as allowed' },
  scope_unknown: { status: 422, title: 'A scope of the key is not known' },
  scope_not_allowed: { status: 422, title: 'The owner of the key cannot have one of its scopes' },
  key_expired_already: { status: 422, title: 'The key would have expired already' },
  service_key_expiry_required: { status: 422, title: 'A service key must expire within a year' },
  service_key_networks_required: {
    status: 422,
    title: 'A service key must name the networks it is used from',
  },
} as const satisfies ProblemTable;

/** Throws an identity refusal. */
export const refuseIdentity = refusals(IDENTITY_PROBLEMS);
