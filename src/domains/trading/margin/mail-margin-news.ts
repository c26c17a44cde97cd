/**
 * Mails a customer what waits for nobody to look into a feed. It follows the outbox, so that what was told is mailed
 * whatever happens to a process; at least once. A mail of a call that is over by then would say what is no longer true, and
 * is not sent. A wallet gets one mail of a kind for an hour of the clock: whoever has themselves called over and over fills
 * no mailbox, and nobody is told longer ago than that.
 */
import { and, isNull, type SQL, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import { type Ctx, type Deps, perDeps } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { MailDeferredError } from '../../../platform/mail/mailer.ts';
import type { Consumer, DeliveredEvent } from '../../../platform/outbox/consumer.ts';
import { deliverNotice, type Notice } from '../../identity/index.ts';
import { MARGIN_EVENTS } from './audit.ts';
import { marginCalls } from './schema.ts';

/** What was told longer ago is no news. Calls of the day before the upgrade to this may so be mailed once more. */
const NEWS_MS = 24 * 3_600_000;

/** At five minutes each they outlast the day, after which there is nothing to mail: no event is parked for a mail. */
const TRIES_MAX = 400;

/** After a failure nobody else waits for a mail server that is silent: neither events behind, nor a process that stops. */
const REST_MS = 5_000;

const mailing = perDeps((_deps: Deps): { restsUntilMs: number } => ({ restsUntilMs: 0 }));

const NAME = 'trading.mail_margin_news';

const CALLED = 'trading.margin_called';

const NOTICES: ReadonlyMap<string, Notice> = new Map([
  [CALLED, 'margin_called'],
  ['trading.margin_call_reminded', 'margin_call_reminder'],
  ['trading.margin_call_overdue', 'margin_call_overdue'],
  ['trading.liquidation_started', 'liquidation_started'],
]);

export const mailMarginNews: Consumer = {
  name: NAME,
  types: [...NOTICES.keys()],
  maxAttempts: TRIES_MAX,
  handle: mailNews,
};

/**
 * @effects perhaps a mail; of a call also `margin_calls.mailed_at` and audit `margin_call.mailed`
 * @errors those of the mail server, so that it is tried again
 */
async function mailNews(ctx: Ctx, event: DeliveredEvent): Promise<void> {
  const isNews = addMs(event.occurredAt, NEWS_MS) > ctx.deps.clock.now();
  if (isNews && (await isLive(ctx, event)) && !(await isOver(ctx, event)) && !(await wasTold(ctx, event))) {
    const isTaken = await mail(ctx, event);
    if (isTaken && event.type === CALLED) {
      // It has left: to try again would mail it again.
      await noteMailed(ctx, event).catch((error: unknown) => {
        const failure = error instanceof Error ? error.name : 'unknown';
        ctx.deps.log.error(
          { consumer: NAME, failure, object: event.id },
          'that a call was mailed was not noted',
        );
      });
    }
  }
}

/** @shape whether it was taken */
async function mail(ctx: Ctx, event: DeliveredEvent): Promise<boolean> {
  const userId = present(event.userId, 'an account is a person’s');
  const notice = present(NOTICES.get(event.type), 'a type that was asked for');
  const state = mailing(ctx.deps);
  const { clock } = ctx.deps;
  if (clock.realMs() < state.restsUntilMs) {
    throw new Error('the mail server has just failed');
  }
  try {
    return await deliverNotice(ctx, { userId, notice, at: event.occurredAt });
  } catch (error) {
    // A mailbox that takes nothing keeps nobody else's mail.
    if (!(error instanceof MailDeferredError)) {
      state.restsUntilMs = clock.realMs() + REST_MS;
    }
    const failure = error instanceof Error ? error.name : 'unknown';
    ctx.deps.log.warn(
      { consumer: NAME, failure, object: event.id },
      'a mail of margin did not leave and is tried again',
    );
    throw error;
  }
}

/** None of play money. */
async function isLive({ deps }: Ctx, { accountId }: DeliveredEvent): Promise<boolean> {
  const found = await deps.db.engine.execute(
    sql`select from accounts where id = ${accountId}::uuid and type = 'live'`,
  );
  return found.length > 0;
}

/** Whether a call was met, or its positions were liquidated, before it could be mailed. */
async function isOver({ deps }: Ctx, { data }: DeliveredEvent): Promise<boolean> {
  const { callId } = data;
  const rows =
    callId === undefined
      ? []
      : await deps.db.engine.execute(
          sql`select from margin_calls where id = ${callId}::uuid and ended_at is not null`,
        );
  return rows.length > 0;
}

/** Whether this or another call of the wallet was mailed, or another liquidation begun, earlier in the same hour. */
async function wasTold({ deps }: Ctx, { type, data }: DeliveredEvent): Promise<boolean> {
  if (type === CALLED) {
    return isThere(sql`
      select from margin_calls one join margin_calls before on before.wallet_id = one.wallet_id
      where one.id = ${data.callId}::uuid and (before.called_at, before.id) <= (one.called_at, one.id)
        and before.called_at >= date_trunc('hour', one.called_at, 'UTC') and before.mailed_at is not null limit 1`);
  }
  if (type === 'trading.liquidation_started') {
    return isThere(sql`
      select from liquidations one join liquidations before on before.wallet_id = one.wallet_id
      where one.id = ${data.liquidationId}::uuid and (before.started_at, before.id) < (one.started_at, one.id)
        and before.started_at >= date_trunc('hour', one.started_at, 'UTC') limit 1`);
  }
  return false;

  async function isThere(query: SQL): Promise<boolean> {
    return (await deps.db.engine.execute(query)).length > 0;
  }
}

/** That a call was mailed, also where it ended meanwhile: the next of its hour is not mailed then. */
async function noteMailed(ctx: Ctx, { data }: DeliveredEvent): Promise<void> {
  await transact(ctx, 'engine', async (tx) => {
    const [call] = await tx
      .update(marginCalls)
      .set({ mailedAt: ctx.deps.clock.now() })
      .where(and(sql`${marginCalls.id} = ${data.callId}::uuid`, isNull(marginCalls.mailedAt)))
      .returning();
    if (call !== undefined) {
      await record(tx, ctx, {
        event: MARGIN_EVENTS['margin_call.mailed'],
        resource: { type: 'margin_call', id: call.id },
        subjectUserId: call.userId,
        after: call,
      });
    }
  });
}
