import { eq } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { ApprovalAction } from '../../../platform/approvals/actions.ts';
import { requestApproval } from '../../../platform/approvals/request-approval.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { lockRow } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { refuse } from '../../../platform/http/refuse.ts';
import { MARKETS_EVENTS } from '../audit.ts';
import { marketCalendars, marketHolidays } from './schema.ts';
import { type MarketCalendar, type MarketHoliday, raiseVersion } from './store.ts';

const ACTION = 'market_holiday.remove';

/**
 * Asks another person to take a holiday away: it opens a market.
 * @effects one row of `approvals`; audit `approval.requested`
 * @errors not_found, approval_pending_exists
 */
export async function removeHoliday(
  ctx: Ctx,
  holidayId: Id,
  reason: string,
): Promise<{ readonly approvalId: Id }> {
  return transact(ctx, 'engine', async (tx) => {
    const { holiday, calendar } = await lockHoliday(tx, holidayId);
    const approval = await requestApproval(tx, ctx, {
      action: ACTION,
      subjectType: 'market_holiday',
      subjectId: holidayId,
      subjectUserId: null,
      payload: {
        exchange: calendar.exchange,
        day: holiday.day,
        name: holiday.name,
        closesAt: holiday.closesAt,
      },
      quorum: 1,
      checkerRoles: ['admin', 'risk_manager', 'operations'],
      reason,
    });
    return { approvalId: approval.id };
  });
}

/**
 * What the last approving vote does.
 * @effects `market_holidays`, `market_calendars.version`; audit `market_holiday.removed`
 */
export const removeHolidayAction: ApprovalAction = {
  action: ACTION,
  execute: (ctx, { approvalId, subjectId }) =>
    transact(ctx, 'engine', async (tx) => {
      const { holiday, calendar } = await lockHoliday(tx, subjectId);
      const [after] = await tx
        .update(marketHolidays)
        .set({ removedAt: ctx.deps.clock.now(), removeApprovalId: approvalId })
        .where(eq(marketHolidays.id, subjectId))
        .returning();
      await raiseVersion(tx, ctx, calendar);
      await record(tx, ctx, {
        event: MARKETS_EVENTS['market_holiday.removed'],
        resource: { type: 'market_holiday', id: subjectId },
        subjectUserId: null,
        before: { ...holiday, exchange: calendar.exchange },
        after: { ...present(after, 'the holiday was locked'), exchange: calendar.exchange },
      });
    }),
};

/** @errors not_found, also where it was taken away already */
async function lockHoliday(
  tx: Tx,
  holidayId: Id,
): Promise<{ readonly holiday: MarketHoliday; readonly calendar: MarketCalendar }> {
  const [known] = await tx
    .select({ calendarId: marketHolidays.calendarId })
    .from(marketHolidays)
    .where(eq(marketHolidays.id, holidayId));
  if (known === undefined) {
    throw refuse('not_found');
  }
  // The calendar first, as whoever adds holidays does.
  const calendar = present(
    await lockRow(tx, marketCalendars, known.calendarId),
    'a holiday has its calendar',
  );
  const holiday = present(await lockRow(tx, marketHolidays, holidayId), 'a holiday is never deleted');
  if (holiday.removedAt !== null) {
    throw refuse('not_found');
  }
  return { holiday, calendar };
}
