import { sql } from 'drizzle-orm';
import { type Amount, amountOf, ONE, readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type { Tx } from '../../../platform/db/client.ts';

/** What an account has behind its positions in one settlement asset, as they were last marked. @units asset */
export type MarginFigures = {
  readonly asset: string;
  readonly balance: Amount;
  /** What the wallet can pay, with what is won or lost so far. */
  readonly equity: Amount;
  readonly marginUsed: Amount;
  readonly marginAvailable: Amount;
  /** Equity over margin used; null where none is used. */
  readonly marginLevel: Amount | null;
  readonly unrealisedPnl: Amount;
  readonly realisedPnl: Amount;
};

/** The figures of an account, by asset; of one that never held a position there are none. */
export async function marginFigures(tx: Tx, accountId: Id): Promise<readonly MarginFigures[]> {
  const rows = await tx.execute<Record<(typeof COLUMNS)[number], string>>(
    sql`select w.asset, w.total::text, (w.reserved - h.held)::numeric(20, 8)::text as other, w.available::text,
        h.initial_margin::text as used, h.unrealised_pnl::text as pnl,
        (select coalesce(sum(p.realised_pnl), 0)::numeric(20, 8)::text from positions p where p.wallet_id = w.id) as realised
      from margin_holds h join wallets w on w.id = h.wallet_id where h.account_id = ${accountId} order by w.asset`,
  );
  return rows.map((row) => {
    const [total, other, used, pnl] = [row.total, row.other, row.used, row.pnl].map(readStoredAmount);
    const equity = (total ?? 0n) - (other ?? 0n) + (pnl ?? 0n);
    const level = !used ? null : divideRounded(equity * ONE, used, 'down');
    return {
      asset: row.asset,
      balance: amountOf(total ?? 0n),
      equity: amountOf(equity),
      marginUsed: amountOf(used ?? 0n),
      marginAvailable: readStoredAmount(row.available),
      marginLevel: level === null ? null : amountOf(level),
      unrealisedPnl: amountOf(pnl ?? 0n),
      realisedPnl: readStoredAmount(row.realised),
    };
  });
}

const COLUMNS = ['asset', 'total', 'other', 'available', 'used', 'pnl', 'realised'] as const;
