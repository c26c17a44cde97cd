/**
 * People and what proves who they are. Names, birth dates, addresses, phones and e-mails are
 * ciphertext under the person's key (I10); equality search uses keyed blind indexes. The gate is
 * the one row per user that money paths obey (I8).
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { ciphertext, digest, instant } from '../../platform/db/columns.ts';
import { internalRows, ownedBy } from '../../platform/db/policies.ts';

export const userStatus = pgEnum('user_status', ['pending_kyc', 'active', 'suspended', 'closed']);
export const riskProfile = pgEnum('risk_profile', ['conservative', 'moderate', 'aggressive']);
export const role = pgEnum('role', [
  'customer',
  'market_maker',
  'support',
  'compliance_officer',
  'mlro',
  'operations',
  'risk_manager',
  'admin',
  'auditor',
]);

export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    email: ciphertext('email').notNull(),
    emailIndex: digest('email_index').notNull(),
    phone: ciphertext('phone'),
    phoneIndex: digest('phone_index'),
    /** Sealed JSON: names, birth date and place, gender, nationality, address, occupation, tax residence. */
    profile: ciphertext('profile').notNull(),
    status: userStatus('status').notNull(),
    riskProfile: riskProfile('risk_profile'),
    emailVerifiedAt: instant('email_verified_at'),
    phoneVerifiedAt: instant('phone_verified_at'),
    lastLoginAt: instant('last_login_at'),
    version: integer('version').notNull().default(1),
    createdAt: instant('created_at').notNull(),
    updatedAt: instant('updated_at').notNull(),
    /** When the relationship ended; the retention clock starts here. */
    closedAt: instant('closed_at'),
    /** When the person's data key was destroyed. */
    deletedAt: instant('deleted_at'),
  },
  (table) => [
    uniqueIndex('users_email_index_key').on(table.emailIndex),
    index('users_status_idx').on(table.status, table.id),
    check('users_version_check', sql`${table.version} > 0`),
    ...ownedBy('users', table.id),
  ],
);

/** argon2id hashes; staff and customers' logins cannot read them. */
export const credentials = pgTable(
  'credentials',
  {
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id),
    passwordHash: text('password_hash').notNull(),
    failedAttempts: integer('failed_attempts').notNull().default(0),
    lockedUntil: instant('locked_until'),
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [...ownedBy('credentials', table.userId)],
);

export const emailTokenPurpose = pgEnum('email_token_purpose', ['verify_email', 'reset_password']);

/** Single-use tokens sent by mail; only their SHA-256 is kept. */
export const emailTokens = pgTable(
  'email_tokens',
  {
    tokenHash: digest('token_hash').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    purpose: emailTokenPurpose('purpose').notNull(),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [index('email_tokens_user_id_idx').on(table.userId), ...ownedBy('email_tokens', table.userId)],
);

/** A login and its refresh family: one live refresh token at a time, reuse ends the session. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    refreshHash: digest('refresh_hash').notNull(),
    previousRefreshHash: digest('previous_refresh_hash'),
    /** Sealed JSON: IP, user agent, device, location. */
    client: ciphertext('client').notNull(),
    /** How the person proved who they are, as in a token's `amr`. */
    methods: text('methods').array().notNull().default(sql`'{}'`),
    mfaAt: instant('mfa_at'),
    loggedInAt: instant('logged_in_at').notNull(),
    lastActiveAt: instant('last_active_at').notNull(),
    idleExpiresAt: instant('idle_expires_at').notNull(),
    absoluteExpiresAt: instant('absolute_expires_at').notNull(),
    revokedAt: instant('revoked_at'),
    revokedReason: text('revoked_reason'),
  },
  (table) => [
    uniqueIndex('sessions_refresh_hash_key').on(table.refreshHash),
    index('sessions_previous_refresh_hash_idx').on(table.previousRefreshHash),
    index('sessions_user_id_idx').on(table.userId, table.id),
    ...ownedBy('sessions', table.userId),
  ],
);

export const totpSecrets = pgTable(
  'totp_secrets',
  {
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id),
    secret: ciphertext('secret').notNull(),
    confirmedAt: instant('confirmed_at'),
    lastUsedStep: integer('last_used_step').notNull().default(0),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [...ownedBy('totp_secrets', table.userId)],
);

/** WebAuthn credentials; the private half never leaves the person's device. */
export const passkeys = pgTable(
  'passkeys',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    credentialId: digest('credential_id').notNull(),
    publicKey: digest('public_key').notNull(),
    signCount: bigint('sign_count', { mode: 'number' }).notNull(),
    transports: text('transports').array().notNull(),
    deviceType: text('device_type').notNull(),
    backedUp: boolean('backed_up').notNull(),
    name: text('name').notNull(),
    createdAt: instant('created_at').notNull(),
    lastUsedAt: instant('last_used_at'),
  },
  (table) => [
    uniqueIndex('passkeys_credential_id_key').on(table.credentialId),
    index('passkeys_user_id_idx').on(table.userId, table.id),
    ...ownedBy('passkeys', table.userId),
  ],
);

export const challengePurpose = pgEnum('challenge_purpose', ['register', 'sign_in', 'step_up']);

/** Answered challenges of passkey ceremonies, as SHA-256, for as long as they could be answered again. */
export const passkeyChallenges = pgTable(
  'passkey_challenges',
  {
    challengeHash: digest('challenge_hash').primaryKey(),
    purpose: challengePurpose('purpose').notNull(),
    userId: uuid('user_id').references(() => users.id),
    sessionId: uuid('session_id'),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [
    index('passkey_challenges_user_id_idx').on(table.userId),
    index('passkey_challenges_expires_at_idx').on(table.expiresAt),
    ...internalRows('passkey_challenges'),
  ],
);

/** Look-up secrets for someone who lost their second factor, as a keyed hash; each works once. */
export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    codeHash: digest('code_hash').notNull(),
    createdAt: instant('created_at').notNull(),
    usedAt: instant('used_at'),
  },
  (table) => [
    primaryKey({ name: 'recovery_codes_pkey', columns: [table.userId, table.codeHash] }),
    ...ownedBy('recovery_codes', table.userId),
  ],
);

/** Sealed emergency logins: two halves of a code kept by two people, of which only hashes are here. */
export const breakGlassSeals = pgTable(
  'break_glass_seals',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    firstHash: digest('first_hash').notNull(),
    secondHash: digest('second_hash').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    openedAt: instant('opened_at'),
    sessionId: uuid('session_id'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [
    uniqueIndex('break_glass_seals_first_hash_key').on(table.firstHash),
    index('break_glass_seals_user_id_idx').on(table.userId),
    ...internalRows('break_glass_seals'),
  ],
);

export const apiKeyMode = pgEnum('api_key_mode', ['live', 'test']);

export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    name: text('name').notNull(),
    mode: apiKeyMode('mode').notNull(),
    secretHash: digest('secret_hash').notNull(),
    scopes: text('scopes').array().notNull(),
    allowedCidrs: text('allowed_cidrs').array().notNull(),
    createdAt: instant('created_at').notNull(),
    /** Null while the key waits for its approval. */
    activatedAt: instant('activated_at'),
    approvalId: uuid('approval_id'),
    /** A key of the firm's own people or one that moves money: made by two people. */
    service: boolean('service').notNull().default(false),
    /** Ed25519 public key; where there is one, every request must be signed with its other half. */
    signingKey: digest('signing_key'),
    /** The key this one replaces; that one lives on until its own expiry. */
    rotatedFromId: uuid('rotated_from_id'),
    expiresAt: instant('expires_at'),
    lastUsedAt: instant('last_used_at'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [
    uniqueIndex('api_keys_rotated_from_id_key').on(table.rotatedFromId),
    foreignKey({
      name: 'api_keys_rotated_from_id_fkey',
      columns: [table.rotatedFromId],
      foreignColumns: [table.id],
    }),
    check(
      'api_keys_service_check',
      sql`not ${table.service} or ${table.activatedAt} is null or ${table.approvalId} is not null`,
    ),
    uniqueIndex('api_keys_secret_hash_key').on(table.secretHash),
    index('api_keys_user_id_idx').on(table.userId, table.id),
    ...ownedBy('api_keys', table.userId),
  ],
);

/** Nonces of signed requests, kept as long as their timestamp could be accepted; not logged, not replicated. */
export const requestNonces = pgTable(
  'request_nonces',
  {
    keyId: uuid('key_id').notNull(),
    nonceHash: digest('nonce_hash').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'request_nonces_pkey', columns: [table.keyId, table.nonceHash] }),
    index('request_nonces_expires_at_idx').on(table.expiresAt),
    ...internalRows('request_nonces'),
  ],
);

export const roleGrants = pgTable(
  'role_grants',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    role: role('role').notNull(),
    grantedBy: uuid('granted_by'),
    approvalId: uuid('approval_id'),
    grantedAt: instant('granted_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'role_grants_pkey', columns: [table.userId, table.role] }),
    ...ownedBy('role_grants', table.userId),
  ],
);

/** Terms a customer accepts; the newest revision of each kind is the current one. */
export const agreements = pgTable(
  'agreements',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    revision: integer('revision').notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
    publishedAt: instant('published_at').notNull(),
  },
  (table) => [uniqueIndex('agreements_kind_revision_key').on(table.kind, table.revision)],
);

export const agreementAcceptances = pgTable(
  'agreement_acceptances',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    agreementId: uuid('agreement_id')
      .notNull()
      .references(() => agreements.id),
    /** Sealed JSON: IP and user agent at acceptance. */
    client: ciphertext('client').notNull(),
    acceptedAt: instant('accepted_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'agreement_acceptances_pkey', columns: [table.userId, table.agreementId] }),
    index('agreement_acceptances_agreement_id_idx').on(table.agreementId),
    ...ownedBy('agreement_acceptances', table.userId),
  ],
);

export const kycStatus = pgEnum('kyc_status', [
  'not_started',
  'pending',
  'approved',
  'rejected',
  'resubmission_required',
]);
export const kycLevel = pgEnum('kyc_level', ['none', 'basic', 'standard', 'enhanced']);
export const gateScreening = pgEnum('gate_screening', ['none', 'clear', 'open', 'confirmed']);
export const gateRestriction = pgEnum('gate_restriction', ['none', 'reduce_only', 'no_out', 'frozen']);

/** What money paths obey, read under a lock that excludes its writers (I8). */
export const customerGates = pgTable(
  'customer_gates',
  {
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id),
    kycStatus: kycStatus('kyc_status').notNull(),
    kycLevel: kycLevel('kyc_level').notNull(),
    screening: gateScreening('screening').notNull(),
    restriction: gateRestriction('restriction').notNull(),
    agreementsCurrent: boolean('agreements_current').notNull(),
    version: integer('version').notNull().default(1),
    changedBy: text('changed_by').notNull(),
    changedAt: instant('changed_at').notNull(),
  },
  (table) => [...ownedBy('customer_gates', table.userId)],
);

/**
 * Why a gate is restricted, cause by cause (append-only but for the lifting). The gate's `restriction` is the
 * strictest of those that stand, so that lifting one never lifts another.
 */
export const gateRestrictions = pgTable(
  'gate_restrictions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    restriction: gateRestriction('restriction').notNull(),
    cause: text('cause').notNull(),
    referenceType: text('reference_type').notNull(),
    referenceId: uuid('reference_id').notNull(),
    placedBy: text('placed_by').notNull(),
    placedAt: instant('placed_at').notNull(),
    liftedBy: text('lifted_by'),
    liftedAt: instant('lifted_at'),
    liftApprovalId: uuid('lift_approval_id'),
  },
  (table) => [
    uniqueIndex('gate_restrictions_standing_key')
      .on(table.userId, table.cause, table.referenceId)
      .where(sql`${table.liftedAt} is null`),
    index('gate_restrictions_user_id_idx').on(table.userId),
    check(
      'gate_restrictions_cause_check',
      sql`${table.cause} in ('sanctions', 'aml_case', 'kyc_review_overdue', 'kyc_document_expired', 'kyc_dormant', 'risk')`,
    ),
    check('gate_restrictions_restriction_check', sql`${table.restriction} <> 'none'`),
    check('gate_restrictions_lifted_check', sql`(${table.liftedAt} is null) = (${table.liftedBy} is null)`),
    ...internalRows('gate_restrictions'),
  ],
);

/** EdDSA keys of access tokens; the private half is sealed by the keyring. */
export const tokenKeys = pgTable(
  'token_keys',
  {
    id: uuid('id').primaryKey(),
    publicJwk: jsonb('public_jwk').notNull(),
    privateJwk: ciphertext('private_jwk').notNull(),
    createdAt: instant('created_at').notNull(),
    /** Published from its creation, used from then on, so that verifiers know it in time. */
    signsFrom: instant('signs_from').notNull().default(sql`now()`),
    retiredAt: instant('retired_at'),
  },
  () => internalRows('token_keys'),
);

export const userSettings = pgTable(
  'user_settings',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    name: text('name').notNull(),
    value: ciphertext('value').notNull(),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [
    primaryKey({ name: 'user_settings_pkey', columns: [table.userId, table.name] }),
    ...ownedBy('user_settings', table.userId),
  ],
);
