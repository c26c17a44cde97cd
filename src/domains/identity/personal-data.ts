import { desc, eq } from 'drizzle-orm';
import { openJson, openText } from '../../platform/crypto/seal.ts';
import { approvals, idempotencyKeys } from '../../platform/db/schema.ts';
import type { PersonalData } from '../../platform/domain.ts';
import {
  type Opening,
  PERSONAL_PAGE_ROWS,
  personalFacts,
  personalRows,
} from '../../platform/privacy/personal-rows.ts';
import { acceptancePlace } from './accept-agreement.ts';
import { clientPlace, type SessionClient } from './open-session.ts';
import { openUser } from './profile.ts';
import {
  agreementAcceptances,
  apiKeys,
  breakGlassSeals,
  credentials,
  customerGates,
  emailTokens,
  gateRestrictions,
  passkeyChallenges,
  passkeys,
  recoveryCodes,
  roleGrants,
  sessions,
  totpSecrets,
  userSettings,
  users,
} from './schema.ts';
import { settingPlace } from './settings.ts';

/** What identity holds on a person, without hashes and secrets. */
export const personalIdentity: PersonalData = {
  name: 'identity',
  recordClass: 'customer_file',
  tables: [
    'users',
    'sessions',
    'api_keys',
    'role_grants',
    'agreement_acceptances',
    'user_settings',
    'totp_secrets',
    'passkeys',
  ],
  sections: {
    person: personalRows(users, {
      by: 'id',
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map((user) => {
          const opened = key === undefined ? null : openUser(key, user);
          return { email: opened?.email ?? null, phone: opened?.phone ?? null, ...opened?.profile };
        }),
    }),
    sessions: personalRows(sessions, {
      keys: ['id'],
      more: (rows, { key }) =>
        rows.map(({ id, client }) => ({
          client: key === undefined ? null : openJson<SessionClient>(key, clientPlace(id), client),
        })),
    }),
    apiKeys: personalRows(apiKeys, { keys: ['id'] }),
    roles: personalRows(roleGrants, { keys: ['role'], without: ['grantedBy'] }),
    agreements: personalRows(agreementAcceptances, {
      keys: ['agreementId'],
      more: (rows, { key }) =>
        rows.map(({ userId, agreementId, client }) => ({
          client:
            key === undefined
              ? null
              : openJson<SessionClient>(key, acceptancePlace(userId, agreementId), client),
        })),
    }),
    settings: personalRows(userSettings, {
      keys: ['name'],
      more: (rows, { key }) =>
        rows.map(({ userId, name, value }) => ({
          value: key === undefined ? null : JSON.parse(openText(key, settingPlace(userId, name), value)),
        })),
    }),
    authenticatorApps: personalRows(totpSecrets, { keys: ['userId'], without: ['lastUsedStep'] }),
    passkeys: personalRows(passkeys, { keys: ['id'] }),
  },
  erase: async (tx, _ctx, userId) => {
    await tx.delete(apiKeys).where(eq(apiKeys.userId, userId));
    await tx.delete(roleGrants).where(eq(roleGrants.userId, userId));
    await tx.delete(userSettings).where(eq(userSettings.userId, userId));
    await tx.delete(totpSecrets).where(eq(totpSecrets.userId, userId));
    await tx.delete(passkeys).where(eq(passkeys.userId, userId));
  },
};

/** What only the engine's login reads: when a password was set, not what it is. */
export const personalCredentials: PersonalData = {
  name: 'credentials',
  recordClass: 'customer_file',
  tables: [
    'credentials',
    'email_tokens',
    'recovery_codes',
    'passkey_challenges',
    'break_glass_seals',
    // Nothing of these is shown: a key is a secret, a kept answer repeats what the domains hold.
    'person_keys',
    'person_key_versions',
    'idempotency_keys',
  ],
  internal: true,
  sections: {
    passwords: personalRows(credentials, { keys: ['userId'], without: ['passwordHash'] }),
    emailTokens: personalFacts(newestTokens),
    recoveryCodes: personalRows(recoveryCodes, { keys: ['codeHash'] }),
    emergencyLogins: personalRows(breakGlassSeals, { keys: ['id'] }),
  },
  erase: async (tx, _ctx, userId) => {
    await tx.delete(credentials).where(eq(credentials.userId, userId));
    await tx.delete(emailTokens).where(eq(emailTokens.userId, userId));
    await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId));
    await tx.delete(passkeyChallenges).where(eq(passkeyChallenges.userId, userId));
    await tx.delete(breakGlassSeals).where(eq(breakGlassSeals.userId, userId));
    await tx.delete(idempotencyKeys).where(eq(idempotencyKeys.userId, userId));
  },
};

/** What the firm decided about a person: screening and restriction are not theirs to see. */
export const personalGate: PersonalData = {
  name: 'supervision',
  recordClass: 'supervision',
  tables: ['customer_gates', 'gate_restrictions', 'approvals'],
  restricted: true,
  sections: {
    gate: personalRows(customerGates, { keys: ['userId'] }),
    restrictions: personalRows(gateRestrictions, { keys: ['id'] }),
    approvals: personalFacts(async ({ tx, userId }) => {
      const rows = await tx
        .select()
        .from(approvals)
        .where(eq(approvals.subjectUserId, userId))
        .orderBy(desc(approvals.id));
      return rows.map(({ payloadHash: _hash, ...approval }) => approval);
    }),
  },
};

async function newestTokens({ tx, userId }: Opening) {
  return tx
    .select({
      purpose: emailTokens.purpose,
      expiresAt: emailTokens.expiresAt,
      usedAt: emailTokens.usedAt,
    })
    .from(emailTokens)
    .where(eq(emailTokens.userId, userId))
    .orderBy(desc(emailTokens.expiresAt))
    .limit(PERSONAL_PAGE_ROWS);
}
