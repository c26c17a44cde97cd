import type { Ctx } from '../../platform/context.ts';
import type { Mail } from '../../platform/mail/mailer.ts';

/** Sends after the commit; a mail that fails is asked for again, the request is not refused for it. */
export async function sendMail(ctx: Ctx, mail: Mail): Promise<void> {
  try {
    await ctx.deps.mail.send(mail);
  } catch (failure) {
    ctx.deps.log.error(
      { requestId: ctx.requestId, failure: failure instanceof Error ? failure.name : 'unknown' },
      'a mail could not be sent',
    );
  }
}
