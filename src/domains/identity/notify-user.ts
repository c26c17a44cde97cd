/**
 * Tells a person by mail what happened to their sign-in, so that they notice what they did not do
 * themselves, and what they have to do. A notice says what and when, never a secret, an amount, a place or a name.
 */
import { and, eq, isNull } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import { openText } from '../../platform/crypto/seal.ts';
import type { Tx } from '../../platform/db/client.ts';
import { onCommit } from '../../platform/db/transact.ts';
import type { Mail } from '../../platform/mail/mailer.ts';
import { userPlace } from './profile.ts';
import { users } from './schema.ts';

type NoticeText = { readonly subject: string; readonly what: string };

const NOTICES = {
  password_changed: {
    subject: 'Your password was changed',
    what: 'The password of your account was changed, and your other sessions were ended.',
  },
  password_reset: {
    subject: 'Your password was set anew',
    what: 'The password of your account was set anew with a token sent to this address, and all sessions were ended.',
  },
  totp_enrolled: {
    subject: 'An authenticator app was added',
    what: 'An authenticator app was added to your account as a second factor.',
  },
  totp_removed: {
    subject: 'The authenticator app was removed',
    what: 'The authenticator app was removed from your account.',
  },
  passkey_added: {
    subject: 'A passkey was added',
    what: 'A passkey was added to your account.',
  },
  passkey_removed: {
    subject: 'A passkey was removed',
    what: 'A passkey was removed from your account.',
  },
  recovery_codes_made: {
    subject: 'New recovery codes were made',
    what: 'New recovery codes were made for your account; the older ones no longer work.',
  },
  recovery_code_used: {
    subject: 'A recovery code was used',
    what: 'A recovery code was used to sign in to your account. It will not work again.',
  },
  second_factor_reset: {
    subject: 'Your second factors were removed',
    what: 'The second factors of your account were removed on request, and all sessions were ended.',
  },
  api_key_created: {
    subject: 'An API key was created',
    what: 'An API key was created for your account.',
  },
  api_key_rotated: {
    subject: 'An API key was replaced',
    what: 'An API key of your account was replaced by a new one.',
  },
  api_key_expiring: {
    subject: 'An API key expires soon',
    what: 'A service key of yours expires within fourteen days or fewer. Replace it in time: the list of your keys says when it ends.',
  },
  document_expiring: {
    subject: 'Please renew your document',
    what: 'A document that you gave us expires soon or has expired. Please upload a newer one in a new application: without it we may have to restrict your account.',
  },
  details_to_confirm: {
    subject: 'Please confirm your details',
    what: 'It is time to confirm what we know of you. Please hand in a new application: without it we may have to restrict your account.',
  },
  account_falling_dormant: {
    subject: 'Please sign in to your account',
    what: 'We have not seen you for a long time. Please sign in: an account that nobody uses for a year lets nothing out until we have looked at it.',
  },
  margin_called: {
    subject: 'Your account needs more margin',
    what: 'There is too little behind the positions of one of your accounts. Please sign in: what is missing and until when stands with the account. Add money or close positions, or they may be closed for you, also before that time if prices move further.',
  },
  margin_call_reminder: {
    subject: 'The time to add margin ends soon',
    what: 'There is still too little behind the positions of one of your accounts, and the time to change that ends soon. Please sign in: what is missing and until when stands with the account. Add money or close positions, or they may be closed for you.',
  },
  margin_call_overdue: {
    subject: 'The time to add margin is over',
    what: 'There is still too little behind the positions of one of your accounts, and the time to change that is over. Please sign in and add money or close positions: they may be closed for you.',
  },
  liquidation_started: {
    subject: 'Positions of your account are being closed',
    what: 'There is too little behind the positions of one of your accounts, so we have begun to close them. Please sign in: what was closed, and how the account stands, is there.',
  },
  sessions_ended: {
    subject: 'Your sessions were ended',
    what: 'All sessions of your account were ended. Sign in again to go on.',
  },
  refresh_token_reused: {
    subject: 'A session was ended for safety',
    what: 'A session of your account was ended because its refresh token was used twice. Someone may have copied it.',
  },
  login_locked: {
    subject: 'Signing in is paused',
    what: 'Signing in to your account is paused for a while after several failed attempts.',
  },
  signed_in_after_failures: {
    subject: 'A sign-in after failed attempts',
    what: 'Somebody signed in to your account after several failed attempts.',
  },
  second_factor_failing: {
    subject: 'Wrong codes were given for your account',
    what: 'Somebody who passed the first step of signing in to your account gave a wrong second factor several times. If it was not you, change your password.',
  },
  user_closed: {
    subject: 'Your account was closed',
    what: 'Your account was closed. You can no longer sign in.',
  },
  admin_invited: {
    subject: 'A new administrator was invited',
    what: 'A new administrator was invited by a command on the server. You are told because you are an administrator.',
  },
  break_glass_sealed: {
    subject: 'The emergency login was sealed',
    what: 'A new seal was made for the emergency login; an older one no longer works. You are told because you are an administrator.',
  },
  break_glass_revoked: {
    subject: 'The emergency login was revoked',
    what: 'The seal of the emergency login no longer works. You are told because you are an administrator.',
  },
  break_glass_unready: {
    subject: 'The emergency login needs a new seal',
    what: 'The seal of the emergency login was opened, has expired or expires within thirty days. Make a new one. You are told because you are an administrator.',
  },
  break_glass_opened: {
    subject: 'The emergency login was opened',
    what: 'The sealed emergency login was opened. You are told because you are an administrator. If you did not expect this, act on the runbook for it now.',
  },
} as const satisfies Readonly<Record<string, NoticeText>>;

export type Notice = keyof typeof NOTICES;

/**
 * Queues a notice for a person, to be sent once the transaction has committed; someone whose data key
 * was destroyed has no address left and gets none.
 * @effects perhaps a mail after the commit, which neither delays nor fails the request
 */
export async function notifyUser(tx: Tx, ctx: Ctx, userId: Id, notice: Notice): Promise<void> {
  const mail = await mailFor(tx, ctx, { userId, notice, at: ctx.deps.clock.realNow() });
  if (mail !== null) {
    onCommit(tx, () => ctx.deps.mail.send(mail));
  }
}

/** A notice to a person, of what happened then. */
type Told = { readonly userId: Id; readonly notice: Notice; readonly at: Instant };

/**
 * Mails a notice at once, for whoever tries again what fails: it does not end with the process as what is queued does.
 * @effects perhaps a mail
 * @errors those of the mail server but a refusal
 * @shape whether one was taken: none is of what is refused for good, or of somebody without an address
 */
export async function deliverNotice(ctx: Ctx, told: Told): Promise<boolean> {
  const mail = await ctx.deps.db.engine.transaction((tx) => mailFor(tx, ctx, told));
  return mail !== null && ctx.deps.mail.deliver(mail);
}

async function mailFor(tx: Tx, ctx: Ctx, { userId, notice, at }: Told): Promise<Mail | null> {
  const [user] = await tx
    .select({ email: users.email })
    .from(users)
    .where(and(eq(users.id, userId), isNull(users.deletedAt)));
  if (user === undefined) {
    return null;
  }
  const to = openText(await ctx.deps.personKeys.of(tx, userId), userPlace('email', userId), user.email);
  return noticeMail(to, notice, at);
}

function noticeMail(to: string, notice: Notice, at: Instant): Mail {
  const { subject, what } = NOTICES[notice];
  const when = `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
  return {
    to,
    subject,
    text: `${what}\r\nTime: ${when}\r\n\r\nIf this is not what you expected, tell us at once.`,
  };
}
