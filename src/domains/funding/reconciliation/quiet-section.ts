/**
 * Balances nobody looks after: accounts with money whose customer made no movement for long. Interest,
 * dividends and fees are not their movements. The days are the firm's own, see `settings.ts`.
 */
import { sql } from 'drizzle-orm';
import { formatAmount, readStoredAmount } from '../../../kernel/amount.ts';
import { dayOf, daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import type { Finding } from './finding.ts';
import { MAX_KEPT, QUIET_DAYS } from './settings.ts';

export type QuietState = keyof typeof QUIET_DAYS;

export type QuietView = {
  readonly accountId: Id;
  readonly walletId: Id;
  readonly asset: string;
  readonly balance: string;
  readonly state: QuietState;
  readonly lastMovementOn: string;
  readonly quietDays: number;
};

export type QuietSection = {
  readonly counts: Readonly<Record<QuietState, number>>;
  readonly views: readonly QuietView[];
  readonly findings: readonly Finding[];
};

/** How quiet a balance is; null while it is in use. @units days without a movement of its customer's */
export function quietStateOf(days: number): QuietState | null {
  if (days >= QUIET_DAYS.unclaimed) {
    return 'unclaimed';
  }
  if (days >= QUIET_DAYS.dormant) {
    return 'dormant';
  }
  return days >= QUIET_DAYS.idle ? 'idle' : null;
}

/** The quiet balances of the live book at the end of a day, the longest first. */
export async function quietSection(
  tx: Tx,
  { day, until, timeZone }: { readonly day: string; readonly until: Instant; readonly timeZone: string },
): Promise<QuietSection> {
  const rows = await tx.execute<{
    account_id: Id;
    wallet_id: Id;
    asset: string;
    total: string;
    moved_at: string;
  }>(sql`
    with moved as (
      select a.id, greatest(a.created_at, (
        select max(e.booked_at) from wallets w join ledger_entries e on e.wallet_id = w.id
        where w.account_id = a.id and e.booked_at < ${until}
          and e.kind in ('deposit', 'withdrawal', 'trade', 'transfer', 'conversion'))) as at
      from accounts a where a.created_at < ${until}
    )
    select w.account_id, w.id as wallet_id, w.asset, sum(e.amount)::text as total, moved.at::text as moved_at
    from moved join wallets w on w.account_id = moved.id join ledger_entries e on e.wallet_id = w.id
    where w.book = 'live' and e.booked_at < ${until}
      and moved.at <= ${until}::timestamptz - make_interval(days => ${QUIET_DAYS.idle})
    group by w.account_id, w.id, w.asset, moved.at
    having sum(e.amount) > 0
    order by moved.at, w.id`);
  const counts = { idle: 0, dormant: 0, unclaimed: 0 };
  const views: QuietView[] = [];
  const findings: Finding[] = [];
  for (const row of rows) {
    const lastMovementOn = dayOf(readStoredInstant(row.moved_at), timeZone);
    const quietDays = daysBetween(lastMovementOn, day);
    const state = quietStateOf(quietDays);
    if (state === null) {
      continue;
    }
    counts[state] += 1;
    const amount = readStoredAmount(row.total);
    if (views.length < MAX_KEPT) {
      const { account_id: accountId, wallet_id: walletId, asset } = row;
      const balance = formatAmount(amount);
      views.push({ accountId, walletId, asset, balance, state, lastMovementOn, quietDays });
    }
    if (state !== 'idle') {
      const detail = `No movement of its customer’s since ${lastMovementOn}`;
      const object = `wallet ${row.wallet_id}`;
      findings.push({ kind: `${state}_balance`, object, amount, currency: row.asset, detail });
    }
  }
  return { counts, views, findings };
}
