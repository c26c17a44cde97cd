import { sql } from 'drizzle-orm';
import { addMs } from '../../../kernel/time.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Job } from '../../../platform/domain.ts';
import { type Purge, purgeRows } from '../../../platform/jobs/purge-rows.ts';
import { shareHolds } from '../../../platform/privacy/legal-holds.ts';
import { UNTAKEN_KEPT_MS } from './settings.ts';

/** Offers that ended long ago and were never taken; those of a person or a time under a legal hold stay. */
const untakenQuotes: Purge = {
  table: 'conversion_quotes',
  remove: async (tx, { deps }, limit) => {
    await shareHolds(tx);
    const before = addMs(deps.clock.realNow(), -UNTAKEN_KEPT_MS);
    const rows = await tx.execute(sql`
      delete from conversion_quotes where id in (
        select q.id from conversion_quotes q
        where q.executed_at is null and q.expires_at < ${before}::timestamptz
          and not exists (select 1 from legal_holds h where h.released_at is null
            and (h.scope = 'all' or (h.scope = 'user' and h.user_id = q.user_id)
              or (h.scope = 'period' and h.period_from <= q.expires_at and h.period_to > q.created_at)))
        order by q.expires_at limit ${limit})
        and executed_at is null
      returning 1`);
    return rows.length;
  },
};

/** @effects rows of `conversion_quotes`; audit `rows.purged` */
export async function purgeQuotes(ctx: Ctx): Promise<void> {
  await purgeRows(ctx, [untakenQuotes]);
}

/** Each night. */
export const purgeQuotesJob: Job = {
  name: 'ledger.purge-quotes',
  cron: '25 2 * * *',
  run: purgeQuotes,
};
