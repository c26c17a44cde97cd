import { and, desc, eq } from 'drizzle-orm';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { transact } from '../../platform/db/transact.ts';
import { refuse } from '../../platform/http/refuse.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { refuseIdentity } from './errors.ts';
import { afterFactorAdded, afterFactorRemoved, type ShownOnce } from './factor-changes.ts';
import { notifyUser } from './notify-user.ts';
import {
  ALGORITHMS,
  type NewCredential,
  type Passkey,
  type RegistrationAnswer,
  readRegistration,
  relyingParty,
  userHandleOf,
} from './passkey-ceremony.ts';
import { CHALLENGE_MS, issueChallenge } from './passkey-challenges.ts';
import { openUser } from './profile.ts';
import { passkeys, users } from './schema.ts';
import { hasSecondFactor, requireFreshProof } from './second-factor.ts';
import { signedIn } from './signed-in.ts';

const MAX_PASSKEYS = 20;

/** The passkeys of the person acting, newest first. */
export async function listPasskeys(ctx: Ctx): Promise<readonly Passkey[]> {
  const { userId } = signedIn(ctx);
  return transact(ctx, 'app', (tx) =>
    tx.select().from(passkeys).where(eq(passkeys.userId, userId)).orderBy(desc(passkeys.id)),
  );
}

/**
 * Begins the making of a passkey: what a browser needs for `navigator.credentials.create`. The passkey
 * must be one that is found without a name and unlocked by finger, face or PIN.
 * @effects audit `passkey.challenge_issued`
 * @errors step_up_required, passkey_limit_reached
 */
export async function beginPasskey(ctx: Ctx) {
  const holder = signedIn(ctx);
  return transact(ctx, 'engine', async (tx) => {
    await requireFreshProof(tx, ctx);
    const known = await passkeysOf(tx, holder.userId);
    refuseTooMany(known);
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['passkey.challenge_issued'],
      resource: { type: 'user', id: holder.userId },
      subjectUserId: holder.userId,
      after: { purpose: 'register' },
    });
    return {
      challenge: issueChallenge(ctx, 'register', holder),
      rp: relyingParty(ctx.deps),
      user: await accountOf(tx, ctx, holder.userId),
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
      timeout: CHALLENGE_MS,
      attestation: 'none',
      authenticatorSelection: {
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      excludeCredentials: known.map(({ credentialId, transports }) => ({
        type: 'public-key',
        id: Buffer.from(credentialId).toString('base64url'),
        transports,
      })),
    };
  });
}

/**
 * Keeps a passkey whose making was begun in this session; the other sessions end. With the first factor
 * come recovery codes, answered this once.
 * @effects one row of `passkeys`, `sessions`, the challenge is spent; audit `passkey.added`; a notice
 * @errors passkey_refused, step_up_required, passkey_limit_reached
 */
export async function addPasskey(
  ctx: Ctx,
  input: { readonly name: string; readonly response: RegistrationAnswer },
): Promise<Passkey & ShownOnce> {
  const holder = signedIn(ctx);
  const credential = await readRegistration(ctx, input.response, holder);
  if (credential === undefined) {
    throw refuseIdentity('passkey_refused');
  }
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${holder.userId}`]);
    await requireFreshProof(tx, ctx);
    refuseTooMany(await passkeysOf(tx, holder.userId));
    const isFirst = !(await hasSecondFactor(tx, holder.userId));
    const passkey = await keep(tx, ctx, holder.userId, input.name, credential);
    const { ended, ...shownOnce } = await afterFactorAdded(tx, ctx, { method: 'hwk', isFirst });
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['passkey.added'],
      resource: { type: 'passkey', id: passkey.id },
      subjectUserId: holder.userId,
      after: { ...passkey, ended },
    });
    await notifyUser(tx, ctx, holder.userId, 'passkey_added');
    return { ...passkey, ...shownOnce };
  });
}

/**
 * Removes one's own passkey; the other sessions end.
 * @effects one row of `passkeys`, `sessions`; audit `passkey.removed`; a notice
 * @errors not_found, last_second_factor
 */
export async function removePasskey(ctx: Ctx, passkeyId: Id): Promise<void> {
  const { userId } = signedIn(ctx);
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [`login:${userId}`]);
    const [removed] = await tx
      .delete(passkeys)
      .where(and(eq(passkeys.id, passkeyId), eq(passkeys.userId, userId)))
      .returning();
    if (removed === undefined) {
      throw refuse('not_found');
    }
    const { ended } = await afterFactorRemoved(tx, ctx);
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['passkey.removed'],
      resource: { type: 'passkey', id: passkeyId },
      subjectUserId: userId,
      before: removed,
      after: { ended },
    });
    await notifyUser(tx, ctx, userId, 'passkey_removed');
  });
}

/** An authenticator's id belongs to one passkey, whoever asks for a second one. */
async function keep(tx: Tx, ctx: Ctx, userId: Id, name: string, credential: NewCredential): Promise<Passkey> {
  const [passkey] = await tx
    .insert(passkeys)
    .values({ id: newId(), userId, name, ...credential, createdAt: ctx.deps.clock.realNow() })
    .onConflictDoNothing({ target: passkeys.credentialId })
    .returning();
  if (passkey === undefined) {
    throw refuseIdentity('passkey_refused');
  }
  return passkey;
}

async function passkeysOf(tx: Tx, userId: Id) {
  return tx
    .select({ credentialId: passkeys.credentialId, transports: passkeys.transports })
    .from(passkeys)
    .where(eq(passkeys.userId, userId))
    .orderBy(passkeys.id);
}

function refuseTooMany(known: readonly unknown[]): void {
  if (known.length >= MAX_PASSKEYS) {
    throw refuseIdentity('passkey_limit_reached');
  }
}

/** What the person's own device shows them to choose by. */
async function accountOf(tx: Tx, ctx: Ctx, userId: Id) {
  const [user] = await tx.select().from(users).where(eq(users.id, userId));
  const key = await ctx.deps.personKeys.of(tx, userId);
  const { email, profile } = openUser(key, present(user, 'the user is signed in'));
  return {
    id: Buffer.from(userHandleOf(userId)).toString('base64url'),
    name: email,
    displayName: profile.displayName ?? `${profile.firstName} ${profile.lastName}`,
  };
}
