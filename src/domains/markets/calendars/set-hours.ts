import { asc, eq } from 'drizzle-orm';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { refuseMarkets } from '../errors.ts';
import type { WeeklySession } from './calendar.ts';
import { type Hours, hoursRefusal } from './rules.ts';
import { marketCalendars, tradingSessions } from './schema.ts';
import { type Exchange, lockCalendar, type MarketCalendar } from './store.ts';

const ACTION = 'market_sessions.set';

export type NewHours = Hours & {
  /** Where the hours were found. */
  readonly source: string;
  readonly reason: string;
};

/**
 * Asks another person to give an exchange other hours.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors market_hours_invalid, market_hours_unchanged, approval_pending_exists
 */
export async function setHours(
  ctx: Ctx,
  exchange: Exchange,
  { reason, ...hours }: NewHours,
): Promise<{ readonly exchange: Exchange; readonly approvalId: Id }> {
  const refusal = hoursRefusal(hours);
  if (refusal !== null) {
    throw refuseMarkets(refusal);
  }
  return transact(ctx, 'engine', async (tx) => {
    const calendar = await lockCalendar(tx, exchange);
    const from = await hoursOf(tx, calendar);
    const to = told(hours);
    if (canonicalJson(from) === canonicalJson(to)) {
      throw refuseMarkets('market_hours_unchanged');
    }
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'market_calendar',
      subjectId: calendar.id,
      subjectUserId: null,
      payload: { exchange, from, to },
      quorum: 1,
      checkerRoles: ['admin', 'risk_manager'],
      reason,
    });
    return { exchange, approvalId: approval.id };
  });
}

/**
 * What the last approving vote does.
 * @effects `market_calendars`, `trading_sessions`; audit `market_hours.set`
 * @errors conflict where the hours are not those the checkers saw
 */
export const setHoursAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId, payload }) =>
    transact(ctx, 'engine', async (tx) => {
      const calendar = await lockCalendar(tx, payload.exchange as Exchange);
      const before = await hoursOf(tx, calendar);
      if (canonicalJson(before) !== canonicalJson(payload.from ?? null)) {
        throw refuse('conflict');
      }
      const { sessions, ...hours } = payload.to as unknown as Told;
      await tx
        .update(marketCalendars)
        .set({
          ...hours,
          changeApprovalId: approvalId,
          version: calendar.version + 1,
          updatedAt: ctx.deps.clock.now(),
        })
        .where(eq(marketCalendars.id, subjectId));
      await tx.delete(tradingSessions).where(eq(tradingSessions.calendarId, subjectId));
      await tx
        .insert(tradingSessions)
        .values(sessions.map((session) => ({ ...session, id: newId(), calendarId: subjectId, approvalId })));
      await record(tx, ctx, {
        event: MARKETS_EVENTS['market_hours.set'],
        resource: { type: 'market_calendar', id: subjectId },
        subjectUserId: null,
        before: { exchange: calendar.exchange, version: calendar.version, ...before },
        after: {
          exchange: calendar.exchange,
          version: calendar.version + 1,
          ...told({ ...hours, sessions }),
        },
      });
    }),
};

type Told = {
  readonly timeZone: string;
  readonly dayEndsAt: string;
  readonly preOpenMinutes: number;
  readonly source: string;
  readonly sessions: readonly WeeklySession[];
};

async function hoursOf(tx: Tx, calendar: MarketCalendar): Promise<{ readonly [name: string]: Json }> {
  const sessions = await tx
    .select()
    .from(tradingSessions)
    .where(eq(tradingSessions.calendarId, calendar.id))
    .orderBy(asc(tradingSessions.id));
  return told({ ...calendar, sessions });
}

/** Hours as an approval tells them: in one order, however they were sent. */
function told({ timeZone, dayEndsAt, preOpenMinutes, source, sessions }: Told): {
  readonly [name: string]: Json;
} {
  const sorted = sessions
    .map(({ kind, opensOn, opensAt, closesOn, closesAt }) => ({ kind, opensOn, opensAt, closesOn, closesAt }))
    .sort((left, right) => (canonicalJson(left) < canonicalJson(right) ? -1 : 1));
  return { timeZone, dayEndsAt, preOpenMinutes, source, sessions: sorted };
}
