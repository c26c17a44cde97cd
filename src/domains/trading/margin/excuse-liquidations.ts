/**
 * What a gate is to a liquidation: agreements, a lapsed identity check and an open review stop no closing of what
 * an account can no longer carry; a restriction that lets nothing be reduced stops it, as does no gate at all (I8).
 */
import { sql } from 'drizzle-orm';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { type Gate, gateRefusal, isRestricted } from '../../identity/index.ts';

/** What a gate says of a liquidation; null lets it through. */
export function liquidationRefusal(gate: Gate | undefined): ReturnType<typeof gateRefusal> {
  return isRestricted(gate, 'reduce') ? (gateRefusal(gate, 'reduce') ?? 'account_restricted') : null;
}

/**
 * What a gate says of an order by which an exit of a position closes it: new terms bind new instructions, not those
 * already set under the old ones. Everything else stops it, as it stops an order that is held.
 */
export function exitRefusal(
  gate: Gate | undefined,
): Exclude<ReturnType<typeof gateRefusal>, 'agreements_outdated'> {
  const refusal = gateRefusal(gate, 'reduce');
  return refusal === 'agreements_outdated' ? null : refusal;
}

type Party = { readonly userId: Id; readonly orderId: Id };

/** Those of the parties a gate bars whose orders are no liquidations that it lets through. Asks nothing for none. */
export async function withoutLiquidations<Barred extends Party>(
  tx: Tx,
  barred: readonly Barred[],
  gates: ReadonlyMap<Id, Gate>,
): Promise<readonly Barred[]> {
  const open = barred.filter(({ userId }) => liquidationRefusal(gates.get(userId)) === null);
  if (open.length === 0) {
    return barred;
  }
  const ids = sql.param(
    arrayParameter(
      'uuid',
      open.map(({ orderId }) => orderId),
    ),
  );
  const rows = await executePrepared<{ id: Id }>(
    tx,
    sql`select id from orders where id = any (${ids}::uuid[]) and origin = 'liquidation'`,
  );
  const excused = new Set(rows.map(({ id }) => id));
  return barred.filter((party) => !(excused.has(party.orderId) && open.includes(party)));
}
