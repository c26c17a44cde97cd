import { sql } from 'drizzle-orm';
import { firstIdAt } from '../../kernel/id.ts';
import { addMs } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Job } from '../../platform/domain.ts';
import { type Purge, purgeRows } from '../../platform/jobs/purge-rows.ts';
import { shareHolds } from '../../platform/privacy/legal-holds.ts';

const DAY_MS = 24 * 3_600_000;
/** How long one can look up where somebody was signed in; the audit log tells of it for longer. */
const SESSIONS_KEPT_MS = 90 * DAY_MS;
/** No session lasts longer, so whoever signed in before has none of that time any more. */
const LONGEST_SESSION_MS = 8 * DAY_MS;
const TOKENS_KEPT_MS = 30 * DAY_MS;

/** Sessions long over; those of a person or a time under a legal hold stay. */
const endedSessions: Purge = {
  table: 'sessions',
  remove: async (tx, { deps }, limit) => {
    await shareHolds(tx);
    const { clock } = deps;
    const rows = await tx.execute(sql`
      delete from sessions where id in (
        select s.id from sessions s
        where s.id < ${firstIdAt(clock.realMs() - SESSIONS_KEPT_MS - LONGEST_SESSION_MS)}::uuid
          and s.absolute_expires_at < ${addMs(clock.realNow(), -SESSIONS_KEPT_MS)}::timestamptz
          and not exists (select 1 from legal_holds h where h.released_at is null
            and (h.scope = 'all' or (h.scope = 'user' and h.user_id = s.user_id)
              or (h.scope = 'period' and h.period_from <= s.last_active_at and h.period_to > s.logged_in_at)))
        order by s.id limit ${limit})
      returning 1`);
    return rows.length;
  },
};

/** Mailed tokens that opened something once, or could have. */
const spentTokens: Purge = {
  table: 'email_tokens',
  remove: async (tx, { deps }, limit) => {
    const before = addMs(deps.clock.realNow(), -TOKENS_KEPT_MS);
    const rows = await tx.execute(sql`
      delete from email_tokens where token_hash in (
        select token_hash from email_tokens where expires_at < ${before}::timestamptz limit ${limit})
      returning 1`);
    return rows.length;
  },
};

/** @effects rows of `sessions` and `email_tokens`; audit `rows.purged` */
export async function purgeSignIns(ctx: Ctx): Promise<void> {
  await purgeRows(ctx, [endedSessions, spentTokens]);
}

/** Each night. */
export const purgeSignInsJob: Job = {
  name: 'identity.purge-sign-ins',
  cron: '10 2 * * *',
  run: purgeSignIns,
};
