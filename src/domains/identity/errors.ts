import { type ProblemTable, refusals } from '../../kernel/error.ts';

/** Refusals of identity. */
export const IDENTITY_PROBLEMS = {
  login_failed: { status: 401, title: 'The e-mail, the password or the code is not right' },
  email_not_verified: { status: 403, title: 'The e-mail address must be verified first' },
  account_restricted: { status: 403, title: 'The account is restricted' },
  second_factor_invalid: { status: 403, title: 'The code is not right or was used before' },
  password_incorrect: { status: 403, title: 'The current password is not right' },
  self_action: { status: 403, title: 'Nobody acts as staff on themselves' },
  email_taken: { status: 409, title: 'The e-mail address belongs to another user' },
  second_factor_enrolled: { status: 409, title: 'A second factor is enrolled already' },
  second_factor_not_enrolled: { status: 409, title: 'No second factor is enrolled' },
  profile_locked: { status: 409, title: 'Verified identity cannot be changed here' },
  user_not_active: { status: 409, title: 'The user is suspended or closed already' },
  user_not_suspended: { status: 409, title: 'The user is not suspended' },
  roles_unchanged: { status: 409, title: 'The user holds exactly these roles already' },
  email_token_invalid: { status: 422, title: 'The token is not valid, was used or has expired' },
  password_too_common: { status: 422, title: 'The password is among those guessed first' },
  api_key_limit_reached: { status: 422, title: 'The user has as many keys as allowed' },
  scope_unknown: { status: 422, title: 'A scope of the key is not known' },
} as const satisfies ProblemTable;

/** Throws an identity refusal. */
export const refuseIdentity = refusals(IDENTITY_PROBLEMS);
