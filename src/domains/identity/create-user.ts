import type { Role } from '../../kernel/actor.ts';
import { type Id, newId } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { type DataKey, sealJson, sealText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { transact } from '../../platform/db/transact.ts';
import { publish } from '../../platform/outbox/publish.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { hashPassword } from './passwords.ts';
import { type Profile, profileFrom, userPlace } from './profile.ts';
import { normaliseEmail } from './rules.ts';
import { credentials, customerGates, roleGrants, totpSecrets, users } from './schema.ts';
import { totpPlace } from './totp.ts';

export type User = typeof users.$inferSelect;

export type NewUser = Profile & {
  readonly email: string;
  readonly password?: string | undefined;
  /** @units E.164 */
  readonly phone?: string | undefined;
  /** `customer` unless given. */
  readonly roles?: readonly Role[] | undefined;
  readonly emailVerified?: boolean | undefined;
  /** Enrols a second factor at once. @units base32 */
  readonly totpSecret?: string | undefined;
};

/**
 * Creates a person with everything the rest of the product relies on: data key, gate (closed), roles
 * and credentials, all or nothing.
 * @effects rows of `person_keys`, `users`, `customer_gates`, `role_grants`, perhaps `credentials` and
 *   `totp_secrets`; audit `user.registered`; event `identity.user_registered`
 * @errors email_taken
 */
export async function createUser(ctx: Ctx, input: NewUser): Promise<User> {
  const passwordHash = input.password === undefined ? undefined : await hashPassword(input.password);
  return transact(ctx, 'engine', async (tx) => {
    const id = newId();
    const now = ctx.deps.clock.now();
    const key = await ctx.deps.personKeys.create(tx, id, now);
    const user = await insertUser(tx, ctx, { id, key, now }, input);
    await insertGate(tx, ctx, id, now);
    const roles = input.roles ?? ['customer'];
    await tx.insert(roleGrants).values(roles.map((role) => ({ userId: id, role, grantedAt: now })));
    if (passwordHash !== undefined) {
      await tx.insert(credentials).values({ userId: id, passwordHash, changedAt: now });
    }
    if (input.totpSecret !== undefined) {
      const secret = sealText(key, totpPlace(id), input.totpSecret);
      await tx.insert(totpSecrets).values({ userId: id, secret, confirmedAt: now, createdAt: now });
    }
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['user.registered'],
      resource: { type: 'user', id },
      subjectUserId: id,
      after: { status: user.status, roles, version: user.version },
    });
    await publish(tx, ctx, [
      { type: 'identity.user_registered', userId: id, customerVisible: false, data: { userId: id } },
    ]);
    return user;
  });
}

async function insertUser(
  tx: Tx,
  ctx: Ctx,
  made: { readonly id: Id; readonly key: DataKey; readonly now: Instant },
  input: NewUser,
): Promise<User> {
  const { id, key, now } = made;
  const email = normaliseEmail(input.email);
  const [user] = await tx
    .insert(users)
    .values({
      id,
      email: sealText(key, userPlace('email', id), email),
      emailIndex: emailIndexOf(ctx, email),
      phone: input.phone === undefined ? null : sealText(key, userPlace('phone', id), input.phone),
      phoneIndex: input.phone === undefined ? null : phoneIndexOf(ctx, input.phone),
      profile: sealJson(key, userPlace('profile', id), profileFrom(input)),
      status: 'pending_kyc',
      emailVerifiedAt: input.emailVerified ? now : null,
      createdAt: now,
      updatedAt: now,
    })
    .onConflictDoNothing({ target: users.emailIndex })
    .returning();
  if (user === undefined) {
    throw refuseIdentity('email_taken');
  }
  return user;
}

async function insertGate(tx: Tx, ctx: Ctx, userId: Id, now: Instant): Promise<void> {
  await tx.insert(customerGates).values({
    userId,
    kycStatus: 'not_started',
    kycLevel: 'none',
    screening: 'none',
    restriction: 'none',
    agreementsCurrent: false,
    changedBy: ctx.actor.kind,
    changedAt: now,
  });
}

/** What finds a user by e-mail without storing it. */
export function emailIndexOf(ctx: Ctx, email: string): Uint8Array {
  return ctx.deps.keyring.blindIndex('users.email', normaliseEmail(email));
}

/** What finds a user by telephone number without storing it. */
export function phoneIndexOf(ctx: Ctx, phone: string): Uint8Array {
  return ctx.deps.keyring.blindIndex('users.phone', phone);
}
