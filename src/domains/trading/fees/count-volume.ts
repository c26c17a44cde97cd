import { sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, MAX_AMOUNT, ONE } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { type QuotedRate, ratesBetween } from '../../markets/index.ts';
import type { FeesOfDay } from './fees-of-day.ts';

/** What one fill turned over. */
export type Turnover = {
  readonly fillId: Id;
  readonly userId: Id;
  readonly asset: string;
  readonly amount: Amount;
};

/**
 * Adds what live fills turned over to the day's volume of their owners, at the rates of now. What no single rate
 * leads to the currency of the tiers is not counted: a fee is never lowered by a guess.
 * @effects `trading_volumes`
 * @shape what each fill counted for; a fill that did not count is missing
 */
export async function countVolume(
  tx: Tx,
  ctx: Ctx,
  { day, currency }: Pick<FeesOfDay, 'day' | 'currency'>,
  turnovers: readonly Turnover[],
): Promise<ReadonlyMap<Id, Amount>> {
  const counted = new Map<Id, Amount>();
  if (currency === null || turnovers.length === 0) {
    return counted;
  }
  const foreign = turnovers.map(({ asset }) => asset).filter((asset) => asset !== currency);
  const rates = foreign.length === 0 ? [] : await ratesBetween(tx, ctx, [currency, ...foreign]);
  const volumes = new Map<Id, bigint>();
  for (const { fillId, userId, asset, amount } of turnovers) {
    const worth = convert(amount, asset, currency, rates);
    if (worth !== null) {
      counted.set(fillId, worth);
      volumes.set(userId, (volumes.get(userId) ?? 0n) + worth);
    }
  }
  await addVolumes(tx, day, volumes);
  return counted;
}

/** The newest rate of a pair comes first. @units rounded down */
function convert(amount: Amount, from: string, to: string, rates: readonly QuotedRate[]): Amount | null {
  if (from === to) {
    return amount;
  }
  const direct = rates.find(({ base, quote }) => base === from && quote === to);
  if (direct !== undefined) {
    return bounded(divideRounded(amount * direct.price, ONE, 'down'));
  }
  const inverse = rates.find(({ base, quote }) => base === to && quote === from);
  return inverse === undefined ? null : bounded(divideRounded(amount * ONE, inverse.price, 'down'));
}

function bounded(worth: bigint): Amount {
  return worth > MAX_AMOUNT ? MAX_AMOUNT : amountOf(worth);
}

/** In one order, so that two settlements cannot wait for each other. */
async function addVolumes(tx: Tx, day: string, volumes: ReadonlyMap<Id, bigint>): Promise<void> {
  const sorted = [...volumes].sort(([left], [right]) => (left < right ? -1 : 1));
  if (sorted.length === 0) {
    return;
  }
  const people = sql.param(
    arrayParameter(
      'uuid',
      sorted.map(([userId]) => userId),
    ),
  );
  const amounts = sql.param(arrayLiteral(sorted.map(([, volume]) => formatAmount(bounded(volume)))));
  await executePrepared(
    tx,
    sql`insert into trading_volumes as v (user_id, day, volume)
      select more.user_id, ${day}::text::date, more.volume
      from unnest(${people}::uuid[], ${amounts}::numeric[]) as more (user_id, volume) order by more.user_id
      on conflict (user_id, day) do update set
        volume = least(v.volume + excluded.volume, ${formatAmount(MAX_AMOUNT)}::text::numeric)`,
  );
}
