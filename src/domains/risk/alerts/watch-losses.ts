import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import { type RiskSubject, readRisk } from '../read-state.ts';
import { isNear, lossUnder, type NearLimit } from '../rules.ts';
import { type NewRiskAlert, nearLimitAlert, raiseAlerts } from './raise-alerts.ts';

/** Longer than any day of any zone. */
const LOOK_BACK_MS = 26 * 3_600_000;

/**
 * Tells of accounts that lost most of what they may lose in a day, also where they place no more orders.
 * The limit itself is asked at every order, whether or not this has run.
 * @effects rows of `risk_alerts`; audit `risk_alert.raised`
 */
export async function watchLosses(ctx: Ctx): Promise<void> {
  const since = addMs(ctx.deps.clock.now(), -LOOK_BACK_MS);
  await transact(ctx, 'engine', async (tx) => {
    const rows = await tx.execute<{
      account_id: Id;
      user_id: Id;
      book: RiskSubject['book'];
      instrument_id: Id;
      base_asset: string;
      quote_asset: string;
    }>(sql`
      select distinct t.account_id, a.user_id, a.type as book, t.instrument_id, i.base_asset, i.quote_asset
      from risk_turnovers t join accounts a on a.id = t.account_id join instruments i on i.id = t.instrument_id
      where t.quarter_at >= ${since}::timestamptz and t.realised_pnl < 0
      order by t.account_id, t.instrument_id`);
    const subjects = rows.map((row) => ({
      accountId: row.account_id,
      userId: row.user_id,
      book: row.book,
      instrumentId: row.instrument_id,
      asset: row.base_asset,
      currency: row.quote_asset,
    }));
    if (subjects.length === 0) {
      return;
    }
    const snapshot = await readRisk(tx, ctx, subjects);
    const state = snapshot.measuredBy(() => 0n);
    const alerts: NewRiskAlert[] = [];
    for (const subject of subjects) {
      const limited = snapshot.subjectOf(subject);
      const limit = state.bindingOf('max_daily_loss', limited);
      const used = limit === null ? null : lossUnder(state, limit, limited);
      if (limit !== null && used !== null && isNear(limit, used)) {
        const near: NearLimit = { limit, used };
        alerts.push(nearLimitAlert(subject, near));
      }
    }
    await raiseAlerts(tx, ctx, alerts);
  });
}
