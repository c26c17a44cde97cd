import { sql } from 'drizzle-orm';
import type { Id } from '../../kernel/id.ts';
import type { Tx } from '../../platform/db/client.ts';
import { refuseMarkets } from './errors.ts';

/**
 * What somebody holds open in a contract stays what it is, and can be closed.
 * @errors instrument_has_positions
 */
export async function requireNoPositions(tx: Tx, instrumentId: Id): Promise<void> {
  if (await hasPositions(tx, instrumentId)) {
    throw refuseMarkets('instrument_has_positions');
  }
}

/** Whether anybody holds a position in a contract. */
export async function hasPositions(tx: Tx, instrumentId: Id): Promise<boolean> {
  const open = await tx.execute(sql`
    select 1 from positions where instrument_id = ${instrumentId} and closed_at is null limit 1`);
  return open.length > 0;
}

/**
 * What was held is charged by the terms it was held under: nobody holds any, and what was closed is charged.
 * @errors instrument_has_positions
 */
export async function requireAllCharged(tx: Tx, instrumentId: Id): Promise<void> {
  const uncharged = await tx.execute(sql`
    select 1 from positions p left join funding_cursors c on c.instrument_id = p.instrument_id
    where p.instrument_id = ${instrumentId} and (p.closed_at is null or p.closed_at > coalesce(c.charged_to, '-infinity'))
    limit 1`);
  if (uncharged.length > 0) {
    throw refuseMarkets('instrument_has_positions');
  }
}
