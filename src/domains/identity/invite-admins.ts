/**
 * The first two admins of an installation. Nobody is there yet who could ask or approve, so whoever may
 * run a command on the server invites them; neither acts as admin until both have a second factor
 * (admins.ts). From then on roles pass through two people.
 */
import { and, eq, sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import { addMs, type Instant } from '../../kernel/time.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { lockExclusive } from '../../platform/db/locks.ts';
import { onCommit, transact } from '../../platform/db/transact.ts';
import type { Mail } from '../../platform/mail/mailer.ts';
import { adminPeople, notifyAdmins } from './admin-people.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { createUser, emailIndexOf } from './create-user.ts';
import { createEmailToken, voidEmailTokens } from './email-tokens.ts';
import { refuseIdentity } from './errors.ts';
import { users } from './schema.ts';
import { isSealedColumn } from './sealed-login.ts';

export type NewAdmin = { readonly email: string; readonly firstName: string; readonly lastName: string };

export type Invitation = {
  readonly email: string;
  readonly userId: Id;
  /** Sets the password, once. */
  readonly token: string;
  readonly expiresAt: Instant;
};

const MOST = 2;
const LIFETIME_MS = 24 * 3_600_000;
const LOCK = 'first_admins';

/**
 * Invites people as admins while fewer than two hold the role, all or none; someone who was invited and
 * has not come yet is invited anew.
 * @effects as `createUser`, and one row of `email_tokens` each; audit `admin.invited`; a mail to each, and a
 *   notice to who is admin already
 * @errors email_taken, admins_complete
 */
export async function inviteAdmins(ctx: Ctx, people: readonly NewAdmin[]): Promise<readonly Invitation[]> {
  return transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    const invitations: Invitation[] = [];
    for (const person of people) {
      invitations.push(await invite(tx, ctx, person));
    }
    await notifyAdmins(
      tx,
      ctx,
      'admin_invited',
      invitations.map((invitation) => invitation.userId),
    );
    return invitations;
  });
}

/**
 * Takes back the invitation of someone who has not come yet, such as one to a wrong address: the user is
 * closed.
 * @effects rows of `email_tokens` and `users`; audit `admin.invitation_withdrawn`
 * @errors invitation_unknown
 */
export async function withdrawInvitation(ctx: Ctx, email: string): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    await lockExclusive(tx, [LOCK]);
    const known = await findByEmail(tx, ctx, email);
    if (known === undefined || !isPending(known)) {
      throw refuseIdentity('invitation_unknown');
    }
    await lockExclusive(tx, [`login:${known.id}`]);
    await voidEmailTokens(tx, ctx, known.id, 'reset_password');
    const now = ctx.deps.clock.now();
    await tx
      .update(users)
      .set({ status: 'closed', closedAt: now, updatedAt: now, version: sql`${users.version} + 1` })
      .where(eq(users.id, known.id));
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['admin.invitation_withdrawn'],
      resource: { type: 'user', id: known.id },
      subjectUserId: known.id,
      after: { status: 'closed' },
    });
  });
}

async function invite(tx: Tx, ctx: Ctx, person: NewAdmin): Promise<Invitation> {
  const known = await findByEmail(tx, ctx, person.email);
  if (known !== undefined && !isPending(known)) {
    throw refuseIdentity('email_taken', {
      detail: `The address ${person.email} belongs to a user already. An admin who forgot the password asks for a new one; for anyone else, use another address.`,
    });
  }
  if (known === undefined && (await adminPeople(tx)).length >= MOST) {
    throw refuseIdentity('admins_complete', {
      detail:
        'Two people hold the role of admin already. One of them asks for a further one with ' +
        'PUT /v1/users/{id}/roles, the other approves. --withdraw takes back an invitation nobody has used.',
    });
  }
  const userId = known?.id ?? (await createUser({ ...ctx, tx }, { ...person, roles: ['admin'] })).id;
  const token = await createEmailToken(tx, ctx, userId, 'reset_password', LIFETIME_MS);
  const expiresAt = addMs(ctx.deps.clock.realNow(), LIFETIME_MS);
  await record(tx, ctx, {
    event: IDENTITY_EVENTS['admin.invited'],
    resource: { type: 'user', id: userId },
    subjectUserId: userId,
    after: { expiresAt, renewed: known !== undefined },
  });
  onCommit(tx, () => ctx.deps.mail.send(invitationMail(ctx, person.email, token)));
  return { email: person.email, userId, token, expiresAt };
}

type Known = {
  readonly id: Id;
  readonly admin: boolean;
  readonly hasPassword: boolean;
  readonly open: boolean;
};

async function findByEmail(tx: Tx, ctx: Ctx, email: string): Promise<Known | undefined> {
  const [user] = await tx
    .select({
      id: users.id,
      admin: sql<boolean>`exists (select from role_grants r where r.user_id = users.id and r.role = 'admin')`,
      hasPassword: sql<boolean>`exists (select from credentials c where c.user_id = users.id)`,
      open: sql<boolean>`${users.status} not in ('suspended', 'closed')`,
    })
    .from(users)
    .where(and(eq(users.emailIndex, emailIndexOf(ctx, email)), sql`not ${isSealedColumn}`));
  return user;
}

function isPending(known: Known): boolean {
  return known.admin && known.open && !known.hasPassword;
}

function invitationMail(ctx: Ctx, to: string, token: string): Mail {
  return {
    to,
    subject: `You are invited as an administrator of ${ctx.deps.firmName}`,
    text: [
      'Set your password with this token within 24 hours:',
      '',
      token,
      '',
      `Send it with the password to ${ctx.deps.publicUrl}/v1/auth/password/reset, then sign in and enrol a second factor.`,
    ].join('\r\n'),
  };
}
