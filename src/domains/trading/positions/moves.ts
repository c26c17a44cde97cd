import { sql } from 'drizzle-orm';
import { readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { moveOf } from '../rules.ts';
import { closableBy, type PositionSide, sideOpenedBy } from './rules.ts';

/** One side of a trade, or of what is sent to a venue. */
export type Side = {
  readonly accountId: Id;
  readonly side: 'buy' | 'sell';
  readonly instrumentId: Id;
  /** Null where no units move hands in this step. */
  readonly quantity: bigint | null;
  readonly isContract: boolean;
};

type Open = { readonly side: PositionSide; readonly quantity: bigint };

/**
 * What each side is to a gate, in the order they happen: of a contract, whether it lessens the position that then
 * stands. Only the owner of an instrument's book trades its positions, so no lock is needed but the book's.
 */
export async function movesOf(tx: Tx, sides: readonly Side[]): Promise<readonly ('trade' | 'reduce')[]> {
  const contracts = sides.filter(({ isContract }) => isContract);
  const open = contracts.length === 0 ? new Map<string, Open>() : await openOf(tx, contracts);
  return sides.map((side) => {
    if (!side.isContract) {
      return moveOf(side.side);
    }
    const key = keyOf(side.accountId, side.instrumentId);
    const standing = open.get(key);
    const closable = closableBy(side.side, standing);
    const quantity = side.quantity ?? closable;
    if (side.quantity !== null) {
      open.set(key, after(standing, side.side, quantity));
    }
    return closable > 0n && quantity <= closable ? 'reduce' : 'trade';
  });
}

function after(standing: Open | undefined, side: 'buy' | 'sell', quantity: bigint): Open {
  const closable = closableBy(side, standing);
  if (standing === undefined || closable === 0n) {
    return { side: sideOpenedBy(side), quantity: (standing?.quantity ?? 0n) + quantity };
  }
  return quantity <= closable
    ? { side: standing.side, quantity: closable - quantity }
    : { side: sideOpenedBy(side), quantity: quantity - closable };
}

async function openOf(tx: Tx, sides: readonly Side[]): Promise<Map<string, Open>> {
  const accounts = sql.param(arrayParameter('uuid', [...new Set(sides.map(({ accountId }) => accountId))]));
  const listed = sql.param(
    arrayParameter('uuid', [...new Set(sides.map(({ instrumentId }) => instrumentId))]),
  );
  const rows = await executePrepared<{
    readonly account_id: Id;
    readonly instrument_id: Id;
    readonly side: PositionSide;
    readonly quantity: string;
  }>(
    tx,
    sql`select account_id, instrument_id, side, quantity from positions
      where account_id = any (${accounts}::uuid[]) and instrument_id = any (${listed}::uuid[]) and closed_at is null`,
  );
  return new Map(
    rows.map((row) => [
      keyOf(row.account_id, row.instrument_id),
      { side: row.side, quantity: readStoredAmount(row.quantity) },
    ]),
  );
}

function keyOf(accountId: Id, instrumentId: Id): string {
  return `${accountId} ${instrumentId}`;
}
