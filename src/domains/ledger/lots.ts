import { sql } from 'drizzle-orm';
import {
  type Amount,
  amountOf,
  formatAmount,
  readStoredAmount,
  storedAmount,
  ZERO,
} from '../../kernel/amount.ts';
import { present } from '../../kernel/assert.ts';
import { type Id, newId } from '../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../kernel/time.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayLiteral, arrayParameter, insertRows } from '../../platform/db/insert-rows.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import { readColumns } from '../../platform/db/read-columns.ts';
import { together } from '../../platform/db/transact.ts';
import { addByAge, type LotMethod, type LotPick, type OpenLot, shareOf, takeUnits } from './lot-methods.ts';
import { lotDisposals, type lotSource, lots } from './schema.ts';

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
  /** Lots the sale named, in the order they go; what they no longer hold goes by the account's method. */
  readonly picks?: readonly LotPick[] | undefined;
};

/** What a disposal realised; null where the cost or the price is unknown or in another currency. */
export type Realised = { readonly referenceId: Id; readonly pnl: Amount | null };

/** Units that came, or that went. */
export type LotChange = { readonly came: NewLot } | { readonly went: Disposal };

/**
 * Adds acquisitions of spot assets (I16). Fiat has no lots.
 * @effects rows of `lots`
 */
export async function openLots(tx: Tx, ctx: Ctx, acquired: readonly NewLot[]): Promise<void> {
  await changeLots(
    tx,
    ctx,
    acquired.map((came) => ({ came })),
  );
}

/**
 * Takes units out of lots by the method of their account. The wallets are locked by the caller, which guards
 * their lots too.
 * @effects as `changeLots`
 * @errors AssertionError when a wallet's lots hold less than leaves (I16 was broken before)
 */
export async function consumeLots(
  tx: Tx,
  ctx: Ctx,
  disposals: readonly Disposal[],
): Promise<readonly Realised[]> {
  return changeLots(
    tx,
    ctx,
    disposals.map((went) => ({ went })),
  );
}

/**
 * Lets units come and go one after the other, as in the order given, so that what a sale takes does not depend on
 * what it was settled together with. The wallets are locked by the caller.
 * @effects rows of `lots` and `lot_disposals`; `quantity_open` and `cost_open` of lots
 * @errors AssertionError when a wallet's lots hold less than leaves (I16 was broken before)
 * @shape what each disposal realised, in their order
 */
export async function changeLots(
  tx: Tx,
  ctx: Ctx,
  changes: readonly LotChange[],
): Promise<readonly Realised[]> {
  const now = ctx.deps.clock.now();
  const leaving = changes.flatMap((change) => ('went' in change ? [change.went.walletId] : []));
  const queues = await readQueues(tx, [...new Set(leaving)].sort());
  const opened: Opened[] = [];
  const parts: Taken[] = [];
  const realised: Realised[] = [];
  for (const change of changes) {
    if ('came' in change) {
      const lot = newLot(change.came, now);
      opened.push({ came: change.came, lot });
      const queue = queues.get(change.came.walletId);
      if (queue !== undefined) {
        addByAge(queue.open, lot);
      }
    } else {
      const { went } = change;
      const queue = present(queues.get(went.walletId), 'the lots of a wallet that units leave were read');
      const taken = takeFrom(queue, went, now);
      parts.push(...taken);
      realised.push(realisedBy(went, taken));
    }
  }
  const rows = opened.map(rowOf);
  // In this order: what is taken from a lot follows the lot.
  await together(
    insertRows(tx, lots, rows),
    writeOpen(tx, [...queues.values()]),
    insertRows(
      tx,
      lotDisposals,
      parts.map(({ row }) => row),
    ),
  );
  return realised;
}

/** A lot as it stands when somebody names it. */
export type NamedLot = Pick<typeof lots.$inferSelect, 'id' | 'accountId' | 'asset' | 'quantityOpen'>;

/** Lots by the names somebody gave, whose ever they are; ones that do not exist are missing. */
export async function lotsNamed(tx: Tx, picks: readonly LotPick[]): Promise<ReadonlyMap<Id, NamedLot>> {
  if (picks.length === 0) {
    return new Map();
  }
  const ids = [...new Set(picks.map(({ lotId }) => lotId))].sort();
  const found = await readColumns(
    tx,
    lots,
    ['id', 'accountId', 'asset', 'quantityOpen'],
    sql`${lots} where id = any (${sql.param(arrayParameter('uuid', ids))}::uuid[])`,
  );
  return new Map(found.map((lot) => [lot.id, lot]));
}

type Queue = {
  readonly userId: Id;
  readonly accountId: Id;
  readonly method: LotMethod;
  readonly currency: string;
  /** Oldest first. */
  readonly open: OpenLot[];
  /** As the database holds them. */
  readonly stored: readonly {
    readonly lot: OpenLot;
    readonly quantity: Amount;
    readonly cost: Amount | null;
  }[];
};

type Taken = { readonly row: typeof lotDisposals.$inferInsert; readonly costCurrency: string | null };
type Opened = { readonly came: NewLot; readonly lot: OpenLot };

type StoredLot = {
  readonly id: Id;
  readonly wallet_id: Id;
  readonly user_id: Id;
  readonly account_id: Id;
  readonly quantity_open: string;
  readonly cost_open: string | null;
  readonly cost_currency: string | null;
  readonly acquired_at: string;
  readonly lot_method: LotMethod;
  readonly base_currency: string;
};

/** The open lots of wallets with the method of their accounts, in one statement. @shape by wallet */
async function readQueues(tx: Tx, walletIds: readonly Id[]): Promise<ReadonlyMap<Id, Queue>> {
  if (walletIds.length === 0) {
    return new Map();
  }
  const wanted = sql.param(arrayParameter('uuid', walletIds));
  const rows = await executePrepared<StoredLot>(
    tx,
    sql`select l.id, l.wallet_id, l.user_id, l.account_id, l.quantity_open, l.cost_open, l.cost_currency,
        l.acquired_at, a.lot_method, a.base_currency
      from lots l join accounts a on a.id = l.account_id
      where l.wallet_id = any (${wanted}::uuid[]) and l.quantity_open > 0
      order by l.wallet_id, l.acquired_at, l.id`,
  );
  const queues = new Map<Id, Queue>();
  for (const [walletId, [first, ...rest]] of Map.groupBy(rows, (row) => row.wallet_id)) {
    const row = present(first, 'a group has a row');
    const stored = [row, ...rest].map(storedLot);
    queues.set(walletId, {
      userId: row.user_id,
      accountId: row.account_id,
      method: row.lot_method,
      currency: row.base_currency,
      open: stored.map(({ lot }) => lot),
      stored,
    });
  }
  return queues;
}

function storedLot(row: StoredLot) {
  const quantity = readStoredAmount(row.quantity_open);
  const cost = row.cost_open === null ? null : readStoredAmount(row.cost_open);
  const lot: OpenLot = {
    id: row.id,
    acquiredAt: readStoredInstant(row.acquired_at),
    costCurrency: row.cost_currency,
    quantityOpen: quantity,
    costOpen: cost,
  };
  return { lot, quantity, cost };
}

function newLot({ quantity, cost, acquiredAt }: NewLot, now: Instant): OpenLot {
  return {
    id: newId(),
    acquiredAt: acquiredAt ?? now,
    costCurrency: cost?.currency ?? null,
    quantityOpen: quantity,
    costOpen: cost?.amount ?? null,
  };
}

function rowOf({ came, lot }: Opened): typeof lots.$inferInsert {
  return {
    id: lot.id,
    walletId: came.walletId,
    userId: came.userId,
    accountId: came.accountId,
    asset: came.asset,
    quantity: came.quantity,
    quantityOpen: lot.quantityOpen,
    cost: came.cost?.amount ?? null,
    costCurrency: lot.costCurrency,
    costOpen: lot.costOpen,
    source: came.source,
    referenceId: came.referenceId,
    acquiredAt: lot.acquiredAt,
  };
}

/** Proceeds are spread by quantity; the last part takes what is left, so that no fraction is lost. */
function takeFrom(queue: Queue, went: Disposal, now: Instant): Taken[] {
  const currency = went.proceeds?.currency ?? queue.currency;
  const parts = takeUnits(queue.open, queue.method, { quantity: went.quantity, currency, picks: went.picks });
  let left: Amount = went.proceeds?.amount ?? ZERO;
  return parts.map(({ lot, quantity, cost, method }, index) => {
    const proceeds =
      index === parts.length - 1 ? left : shareOf(went.proceeds?.amount ?? ZERO, quantity, went.quantity);
    left = amountOf(left - proceeds);
    const row = {
      id: newId(),
      lotId: lot.id,
      userId: queue.userId,
      accountId: queue.accountId,
      quantity,
      cost,
      proceeds: went.proceeds === null ? null : proceeds,
      currency: went.proceeds?.currency ?? null,
      referenceType: went.referenceType,
      referenceId: went.referenceId,
      method,
      disposedAt: now,
    };
    return { row, costCurrency: lot.costCurrency };
  });
}

async function writeOpen(tx: Tx, queues: readonly Queue[]): Promise<void> {
  const changed = queues.flatMap(({ stored }) =>
    stored.filter(({ lot, quantity, cost }) => lot.quantityOpen !== quantity || lot.costOpen !== cost),
  );
  if (changed.length === 0) {
    return;
  }
  const ids = sql.param(
    arrayParameter(
      'uuid',
      changed.map(({ lot }) => lot.id),
    ),
  );
  const left = sql.param(arrayLiteral(changed.map(({ lot }) => formatAmount(lot.quantityOpen))));
  const costs = sql.param(
    arrayLiteral(changed.map(({ lot }) => (lot.costOpen === null ? null : storedAmount(lot.costOpen)))),
  );
  await executePrepared(
    tx,
    sql`update lots l set quantity_open = change.quantity_left, cost_open = change.cost_left
      from unnest(${ids}::uuid[], ${left}::numeric[], ${costs}::numeric[]) as change (id, quantity_left, cost_left)
      where l.id = change.id and l.id = any (${ids}::uuid[])`,
  );
}

function realisedBy({ referenceId, proceeds }: Disposal, taken: readonly Taken[]): Realised {
  let pnl: bigint | null = proceeds === null ? null : 0n;
  for (const { row, costCurrency } of taken) {
    if (pnl !== null) {
      const comparable = row.cost != null && costCurrency === proceeds?.currency;
      pnl = comparable ? pnl + (row.proceeds ?? 0n) - (row.cost ?? 0n) : null;
    }
  }
  return { referenceId, pnl: pnl === null ? null : amountOf(pnl) };
}
