import { type InferSelectModel, sql } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, minAmount, ZERO } from '../../kernel/amount.ts';
import { assert, present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { divideRounded } from '../../kernel/rounding.ts';
import type { Instant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayLiteral, arrayParameter, insertRows } from '../../platform/db/insert-rows.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import { namesOf, readColumns } from '../../platform/db/read-columns.ts';
import { lotDisposals, type lotSource, lots } from './schema.ts';

export type Lot = InferSelectModel<typeof lots>;

export type NewLot = {
  readonly walletId: Id;
  readonly userId: Id;
  readonly accountId: Id;
  readonly asset: string;
  readonly quantity: Amount;
  /** What the whole lot cost; null where units arrived without a price. */
  readonly cost: { readonly amount: Amount; readonly currency: string } | null;
  readonly source: (typeof lotSource.enumValues)[number];
  readonly referenceId: Id;
  /** When it was first acquired, where that is kept; now unless given. */
  readonly acquiredAt?: Instant;
};

export type Disposal = {
  readonly walletId: Id;
  readonly quantity: Amount;
  /** What the units fetched, after fees; null where they left without a price. */
  readonly proceeds: { readonly amount: Amount; readonly currency: string } | null;
  readonly referenceType: string;
  readonly referenceId: Id;
};

/** What a disposal realised; null where the cost or the price is unknown or in another currency. */
export type Realised = { readonly referenceId: Id; readonly pnl: Amount | null };

/**
 * Adds acquisitions of spot assets (I16). Fiat has no lots.
 * @effects rows of `lots`
 */
export async function openLots(tx: Tx, ctx: Ctx, acquired: readonly NewLot[]): Promise<void> {
  if (acquired.length === 0) {
    return;
  }
  const now = ctx.deps.clock.now();
  await insertRows(
    tx,
    lots,
    acquired.map((lot) => ({
      id: newId(),
      walletId: lot.walletId,
      userId: lot.userId,
      accountId: lot.accountId,
      asset: lot.asset,
      quantity: lot.quantity,
      quantityOpen: lot.quantity,
      cost: lot.cost?.amount ?? null,
      costCurrency: lot.cost?.currency ?? null,
      source: lot.source,
      referenceId: lot.referenceId,
      acquiredAt: lot.acquiredAt ?? now,
    })),
  );
}

/**
 * Takes units out of the oldest lots first (FIFO). The wallets are locked by the caller, which
 * guards their lots too. Cost is spread by quantity; the last part of a lot takes what is left, so
 * that no fraction is lost.
 * @effects `lots.quantity_open`, rows of `lot_disposals`
 * @errors AssertionError when a wallet's lots hold less than leaves (I16 was broken before)
 */
export async function consumeLots(
  tx: Tx,
  ctx: Ctx,
  disposals: readonly Disposal[],
): Promise<readonly Realised[]> {
  if (disposals.length === 0) {
    return [];
  }
  const walletIds = [...new Set(disposals.map((disposal) => disposal.walletId))].sort();
  const wanted = sql.param(arrayParameter('uuid', walletIds));
  const open = await readColumns(
    tx,
    lots,
    namesOf(lots),
    sql`${lots} where wallet_id = any (${wanted}::uuid[]) and quantity_open > 0 order by wallet_id, acquired_at, id`,
  );
  const queue: OpenLot[] = open.map((lot) => ({ lot, left: lot.quantityOpen }));
  const queueOf = Map.groupBy(queue, ({ lot }) => lot.walletId);
  const taken = disposals.flatMap((disposal) =>
    takeFrom(queueOf.get(disposal.walletId) ?? [], disposal, ctx),
  );
  await closeQuantities(
    tx,
    queue.filter(({ lot, left }) => left !== lot.quantityOpen),
  );
  await insertRows(
    tx,
    lotDisposals,
    taken.map(({ row }) => row),
  );
  const takenFor = Map.groupBy(taken, ({ row }) => row.referenceId);
  return disposals.map((disposal) => realisedBy(disposal, takenFor.get(disposal.referenceId) ?? []));
}

/** A part's share of a whole, as costs and proceeds are spread over quantities. */
export function shareOf(whole: Amount, part: Amount, of: Amount): Amount {
  return amountOf(divideRounded(whole * part, of, 'half_even'));
}

type OpenLot = { readonly lot: Lot; left: Amount };
type DisposalRow = typeof lotDisposals.$inferInsert;
type Taken = { readonly row: DisposalRow; readonly costCurrency: string | null };

function takeFrom(queue: readonly OpenLot[], disposal: Disposal, ctx: Ctx): Taken[] {
  const rows: Taken[] = [];
  let wanted = disposal.quantity;
  let proceedsLeft: Amount = disposal.proceeds?.amount ?? ZERO;
  for (const open of queue) {
    if (wanted === ZERO || open.left === ZERO) {
      continue;
    }
    const quantity = minAmount(open.left, wanted);
    const proceeds =
      quantity === wanted
        ? proceedsLeft
        : shareOf(disposal.proceeds?.amount ?? ZERO, quantity, disposal.quantity);
    const row = {
      id: newId(),
      lotId: open.lot.id,
      userId: open.lot.userId,
      accountId: open.lot.accountId,
      quantity,
      cost: open.lot.cost === null ? null : costOf(open, quantity),
      proceeds: disposal.proceeds === null ? null : proceeds,
      currency: disposal.proceeds?.currency ?? null,
      referenceType: disposal.referenceType,
      referenceId: disposal.referenceId,
      disposedAt: ctx.deps.clock.now(),
    };
    rows.push({ row, costCurrency: open.lot.costCurrency });
    proceedsLeft = amountOf(proceedsLeft - proceeds);
    open.left = amountOf(open.left - quantity);
    wanted = amountOf(wanted - quantity);
  }
  assert(wanted === ZERO, 'the open lots of a wallet add up to it (I16)');
  return rows;
}

/** Cost that leaves with a part: cumulative shares, so that the parts add up to the whole. */
function costOf(open: OpenLot, quantity: Amount): Amount {
  const cost = present(open.lot.cost, 'the lot has a cost');
  const before = shareOf(cost, amountOf(open.lot.quantity - open.left), open.lot.quantity);
  const after = shareOf(cost, amountOf(open.lot.quantity - open.left + quantity), open.lot.quantity);
  return amountOf(after - before);
}

async function closeQuantities(tx: Tx, changed: readonly OpenLot[]): Promise<void> {
  const ids = sql.param(
    arrayParameter(
      'uuid',
      changed.map(({ lot }) => lot.id),
    ),
  );
  const left = sql.param(arrayLiteral(changed.map((open) => formatAmount(open.left))));
  await executePrepared(
    tx,
    sql`update lots l set quantity_open = change.quantity_left
      from unnest(${ids}::uuid[], ${left}::numeric[]) as change (id, quantity_left)
      where l.id = change.id and l.id = any (${ids}::uuid[])`,
  );
}

function realisedBy(disposal: Disposal, taken: readonly Taken[]): Realised {
  let pnl: bigint | null = disposal.proceeds === null ? null : 0n;
  for (const { row, costCurrency } of taken) {
    if (pnl !== null) {
      const comparable = row.cost != null && costCurrency === disposal.proceeds?.currency;
      pnl = comparable ? pnl + (row.proceeds ?? 0n) - (row.cost ?? 0n) : null;
    }
  }
  return { referenceId: disposal.referenceId, pnl: pnl === null ? null : amountOf(pnl) };
}
