import { and, asc, between, desc, eq, lte } from 'drizzle-orm';
import { type Amount, amountOf, ZERO } from '../../../kernel/amount.ts';
import { addDays, daysBetween } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { findAccount } from '../../accounts/index.ts';
import { refuseReport } from '../errors.ts';
import { portfolioDays, portfolioSnapshots } from './schema.ts';

export type HistoryRange = { readonly from?: string | undefined; readonly to?: string | undefined };

const USUAL_DAYS = 30;

/** How many days one answer tells of. */
const DAYS_MAX = 366;

type Values = Pick<
  typeof portfolioSnapshots.$inferSelect,
  'opening' | 'equity' | 'realised' | 'income' | 'unrealised' | 'fees' | 'transfers'
>;

/**
 * What an account was worth day by day, and why it changed. Only days that are complete are told; one on which the
 * account had nothing is told as nothing.
 * @errors not_found, history_range_too_long
 */
export async function getPortfolioHistory(ctx: Ctx, accountId: Id, range: HistoryRange) {
  return transact(ctx, ctx.login, async (tx) => {
    const account = await findAccount(tx, ctx, accountId);
    const complete = await completeDays(tx, range);
    const rows = await tx
      .select()
      .from(portfolioSnapshots)
      .where(
        and(
          eq(portfolioSnapshots.accountId, accountId),
          between(
            portfolioSnapshots.day,
            complete.at(0)?.day ?? '0001-01-01',
            complete.at(-1)?.day ?? '0001-01-01',
          ),
        ),
      );
    const rowOf = new Map(rows.map((row) => [row.day, row]));
    const days = complete.map(({ day, endsAt }) => {
      const row = rowOf.get(day) ?? NOTHING;
      return { ...row, day, endsAt, change: changeOf(row.opening, row.equity) };
    });
    return {
      accountId,
      currency: account.baseCurrency,
      timeZone: ctx.deps.timeZone,
      total: together(days),
      days,
    };
  });
}

/** The complete days of a range, oldest first. */
async function completeDays(tx: Tx, { from, to }: HistoryRange) {
  const newest = await tx
    .select({ day: portfolioDays.day, endsAt: portfolioDays.endsAt })
    .from(portfolioDays)
    .where(to === undefined ? undefined : lte(portfolioDays.day, to))
    .orderBy(desc(portfolioDays.day))
    .limit(1);
  const last = newest[0]?.day;
  const until = to ?? last;
  if (until === undefined) {
    return [];
  }
  const first = from ?? addDays(until, 1 - USUAL_DAYS);
  if (daysBetween(first, until) >= DAYS_MAX) {
    throw refuseReport('history_range_too_long');
  }
  return tx
    .select({ day: portfolioDays.day, endsAt: portfolioDays.endsAt })
    .from(portfolioDays)
    .where(between(portfolioDays.day, first, until))
    .orderBy(asc(portfolioDays.day));
}

const NOTHING = {
  opening: ZERO,
  equity: ZERO,
  cashValue: ZERO,
  holdingsValue: ZERO,
  contractsValue: ZERO,
  realised: ZERO,
  income: ZERO,
  unrealised: ZERO,
  fees: ZERO,
  transfers: ZERO,
  missing: [] as readonly string[],
};

/** A run of days as one: what happened adds up, and the rest of the change is unrealised, across gaps too. */
function together(days: readonly Values[]) {
  const opening = days.at(0)?.opening ?? null;
  const equity = days.at(-1)?.equity ?? null;
  const change = changeOf(opening, equity);
  const [realised, income, fees, transfers] = (['realised', 'income', 'fees', 'transfers'] as const).map(
    (name) => sumOf(days.map((day) => day[name])),
  ) as [Amount | null, Amount | null, Amount | null, Amount | null];
  const known = change !== null && realised !== null && fees !== null && transfers !== null;
  const unrealised = known ? amountOf(change - realised - fees - transfers) : null;
  return { opening, equity, change, realised, income, unrealised, fees, transfers };
}

function changeOf(opening: Amount | null, equity: Amount | null): Amount | null {
  return opening === null || equity === null ? null : amountOf(equity - opening);
}

function sumOf(parts: readonly (Amount | null)[]): Amount | null {
  let sum = 0n;
  for (const part of parts) {
    if (part === null) {
      return null;
    }
    sum += part;
  }
  return amountOf(sum);
}
