import { sql } from 'drizzle-orm';
import { type Amount, amountOf, ONE, readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { applyFill, type OpenPart, type PositionSide } from './rules.ts';

/** A contract that was open at an instant. @units entry value in the settlement asset */
export type OpenContract = {
  readonly instrumentId: Id;
  readonly symbol: string;
  readonly settlementAsset: string;
  readonly side: PositionSide;
  readonly quantity: Amount;
  readonly entryValue: Amount;
};

/**
 * The contracts of accounts that were open just before an instant, as their fills before it left them.
 * @shape by account, sorted by symbol; an account that had none is missing
 */
export async function openContractsAt(
  tx: Tx,
  accountIds: readonly Id[],
  at: Instant,
): Promise<ReadonlyMap<Id, readonly OpenContract[]>> {
  const ids = sql.param(arrayParameter('uuid', [...accountIds].sort()));
  const fills = await tx.execute<FillRow>(sql`
    select p.account_id, p.instrument_id, p.symbol, p.settlement_asset, f.side::text as side, f.quantity::text as quantity,
      f.amount::text as amount
    from (select distinct account_id, instrument_id, symbol, settlement_asset from positions
        where account_id = any (${ids}::uuid[]) and opened_at < ${at}::timestamptz
          and (closed_at is null or closed_at >= ${at}::timestamptz)) p
      join fills f on f.account_id = p.account_id and f.symbol = p.symbol and f.executed_at < ${at}::timestamptz
    order by p.account_id, p.symbol, f.executed_at, f.id`);
  const open = new Map<Id, OpenContract[]>();
  for (const own of Map.groupBy(fills, (row) => `${row.account_id} ${row.symbol}`).values()) {
    const [first] = own;
    const left = own.reduce<OpenPart | null>(afterFill, null);
    if (first !== undefined && left !== null) {
      const known = open.get(first.account_id) ?? [];
      open.set(first.account_id, [...known, contractOf(first, left)]);
    }
  }
  return open;
}

type FillRow = {
  readonly account_id: Id;
  readonly instrument_id: Id;
  readonly symbol: string;
  readonly settlement_asset: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: string;
  readonly amount: string;
};

/** Margins play no part in what is open. */
function afterFill(open: OpenPart | null, { side, quantity, amount }: FillRow): OpenPart | null {
  const fill = { side, quantity: readStoredAmount(quantity), amount: readStoredAmount(amount) };
  return applyFill(open, { ...fill, leverage: ONE, initialMarginBps: 0 }).after;
}

function contractOf(row: FillRow, { side, quantity, entryValue }: OpenPart): OpenContract {
  return {
    instrumentId: row.instrument_id,
    symbol: row.symbol,
    settlementAsset: row.settlement_asset,
    side,
    quantity: amountOf(quantity),
    entryValue: amountOf(entryValue),
  };
}
