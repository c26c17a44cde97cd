import { eq } from 'drizzle-orm';
import { DomainError } from '../../kernel/error.ts';
import type { Id } from '../../kernel/id.ts';
import { record } from '../../platform/audit/record.ts';
import type { Ctx } from '../../platform/context.ts';
import { transact } from '../../platform/db/transact.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { createUser, emailIndexOf, type NewUser } from './create-user.ts';
import { createEmailToken, randomToken } from './email-tokens.ts';
import { inEvenTime } from './even-time.ts';
import { hashPassword, requireStrongPassword } from './passwords.ts';
import { users } from './schema.ts';

export type Registration = Omit<NewUser, 'roles' | 'emailVerified' | 'totpSecret' | 'password'> & {
  readonly password: string;
};

/** The same for everyone; outside the sandbox only the mail holds the token. */
export type MailAnswer = {
  readonly message: string;
  readonly sandbox?: { readonly emailToken: string };
};

const STEP_MS = 200;
const MESSAGE = 'If the address can be used, a mail with the next step is on its way.';

/**
 * Registers a person, or, where the address is known, tells its owner so by mail. Content and time of
 * the answer are the same.
 * @effects as `createUser`, a token and a mail; for a known address only a mail
 * @errors password_too_common, busy
 */
export async function register(ctx: Ctx, input: Registration): Promise<MailAnswer> {
  await requireStrongPassword(ctx, input.password, input, '/password');
  return inEvenTime(ctx.deps.clock, STEP_MS, ctx.deps.clock.realMs(), async () => {
    const [known] = await ctx.deps.db.engine
      .select({ id: users.id })
      .from(users)
      .where(eq(users.emailIndex, emailIndexOf(ctx, input.email)));
    if (known !== undefined) {
      // The same work as for a new person.
      await hashPassword(input.password);
    }
    const token = known === undefined ? await createWithToken(ctx, input) : undefined;
    ctx.deps.mail.send(token === undefined ? knownMail(input.email) : tokenMail(input.email, token));
    return mailAnswer(ctx, token);
  });
}

/** The answer to whoever asks for a mail; a token that opens nothing stands in for a missing one. */
export function mailAnswer(ctx: Ctx, token: string | undefined): MailAnswer {
  return ctx.deps.mode === 'sandbox'
    ? { message: MESSAGE, sandbox: { emailToken: token ?? randomToken() } }
    : { message: MESSAGE };
}

/** Undefined where a parallel registration of the same address was faster. */
async function createWithToken(ctx: Ctx, input: Registration): Promise<string | undefined> {
  try {
    const user = await createUser(ctx, { ...input, roles: ['customer'] });
    return await requestEmailToken(ctx, user.id);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'email_taken') {
      return undefined;
    }
    throw error;
  }
}

async function requestEmailToken(ctx: Ctx, userId: Id): Promise<string> {
  return transact(ctx, 'engine', async (tx) => {
    const token = await createEmailToken(tx, ctx, userId, 'verify_email');
    await record(tx, ctx, {
      event: IDENTITY_EVENTS['user.verification_sent'],
      resource: { type: 'user', id: userId },
      subjectUserId: userId,
    });
    return token;
  });
}

function tokenMail(to: string, token: string) {
  return {
    to,
    subject: 'Confirm your e-mail address',
    text: `Confirm your address with this token within 24 hours:\r\n\r\n${token}\r\n\r\nIf you did not register, ignore this: nobody can sign in without it.`,
  };
}

function knownMail(to: string) {
  return {
    to,
    subject: 'Someone tried to register with your address',
    text: 'You are registered already. If it was you, sign in or ask for a new password. If not, ignore this.',
  };
}
