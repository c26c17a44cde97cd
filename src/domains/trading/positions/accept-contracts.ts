/**
 * What accounts have in the contracts a batch trades: positions, and what open orders would still trade. Read
 * with the wallets that settle them locked, so it holds until the batch commits; orders that the batch accepts
 * count for those behind them.
 */
import { sql } from 'drizzle-orm';
import { parseAmount, readStoredAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { together } from '../../../platform/db/transact.ts';
import { fiatAmong } from '../../ledger/index.ts';
import type { Candidate } from '../pipeline/accept-reads.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import type { ContractStanding } from './contract-orders.ts';
import { closableBy, type PositionSide } from './rules.ts';

type Side = 'buy' | 'sell';
type Resting = { all: bigint; reducing: bigint };

/** An open position, with what its wallet holds for all of them. */
type Held = {
  readonly side: PositionSide;
  readonly quantity: bigint;
  readonly entryValue: bigint;
  /** What the other positions of its wallet have lost. */
  readonly lostBeside: bigint;
  readonly held: bigint;
};

/** What one account has in one contract. */
type Counted = {
  position: Held | null;
  readonly resting: Readonly<Record<Side, Resting>>;
};

/** What a batch found of contracts. */
export type Contracts = {
  /** Null for an instrument that is no contract. */
  readonly standingOf: (candidate: Candidate) => ContractStanding | null;
  /** Whether the firm closes contracts of who orders, and this one on the other side; null for what is no contract. */
  readonly liquidationMet: (candidate: Candidate) => 'elsewhere' | 'opposite' | null;
  /** Counts an order in, or with `-1` out. */
  readonly count: (order: OrderRow, orders: 1 | -1) => void;
};

/** Asks for nothing where nobody trades a contract. */
export async function readContracts(tx: Tx, ctx: Ctx, candidates: readonly Candidate[]): Promise<Contracts> {
  const traded = candidates.filter(({ instrument }) => instrument.kind === 'contract');
  const settled = traded.flatMap(({ instrument }) => instrument.settlementAsset ?? []);
  const [counted, money, liquidated] =
    traded.length === 0
      ? [new Map<string, Counted>(), new Set<string>(), []]
      : await together(countOpen(tx, traded), fiatAmong(tx, ctx, settled), readLiquidated(tx, traded));
  return {
    standingOf: ({ account, instrument, ticket }) => {
      if (instrument.kind !== 'contract') {
        return null;
      }
      const own = countedIn(counted, account.id, instrument.id);
      const { side } = ticket.order;
      const { settlementAsset, quoteAsset } = instrument;
      const against = closableBy(side, own.position);
      return {
        isPlain: settlementAsset === quoteAsset && money.has(quoteAsset),
        marginEnabled: account.marginEnabled,
        maxLeverage: parseAmount(account.maxLeverage),
        against,
        along: against === 0n ? (own.position?.quantity ?? 0n) : 0n,
        enteredAt: against === 0n ? 0n : (own.position?.entryValue ?? 0n),
        lostBeside: own.position?.lostBeside ?? 0n,
        held: own.position?.held ?? 0n,
        resting: own.resting[side].all,
        restingReducing: own.resting[side].reducing,
      };
    },
    liquidationMet: ({ account, instrument, ticket }) => {
      const own = liquidated.filter(
        ({ user_id, book }) => user_id === account.userId && book === account.type,
      );
      if (own.length === 0 || instrument.kind !== 'contract') {
        return null;
      }
      // A long position is sold: whoever buys there stands on the other side.
      const met = own.some(
        ({ instrument_id, side }) =>
          instrument_id === instrument.id && (side === 'long') === (ticket.order.side === 'buy'),
      );
      return met ? 'opposite' : 'elsewhere';
    },
    count: (
      { accountId, instrumentId, side, quantity, filledQuantity, reducedQuantity, reduceOnly },
      orders,
    ) => {
      const resting = counted.get(keyOf(accountId, instrumentId))?.resting[side];
      if (resting !== undefined && quantity !== null) {
        const open = BigInt(orders) * (quantity - filledQuantity - reducedQuantity);
        resting.all += open;
        resting.reducing += reduceOnly ? open : 0n;
      }
    },
  };
}

async function countOpen(tx: Tx, traded: readonly Candidate[]): Promise<Map<string, Counted>> {
  const accounts = sql.param(arrayParameter('uuid', [...new Set(traded.map(({ account }) => account.id))]));
  const listed = sql.param(
    arrayParameter('uuid', [...new Set(traded.map(({ instrument }) => instrument.id))]),
  );
  const [held, resting] = await together(
    executePrepared<Key & HeldRow>(
      tx,
      sql`select p.account_id, p.instrument_id, p.side, p.quantity, p.entry_value, h.held,
          (h.unrealised_loss - greatest(-p.unrealised_pnl, 0))::numeric(20, 8) as lost_beside
        from positions p join margin_holds h on h.wallet_id = p.wallet_id
        where p.account_id = any (${accounts}::uuid[]) and p.instrument_id = any (${listed}::uuid[]) and p.closed_at is null`,
    ),
    // Members of a group trade in each other's place: together they trade no more than the largest.
    executePrepared<Key & { readonly side: Side; readonly reduce_only: boolean; readonly open: string }>(
      tx,
      sql`select account_id, instrument_id, side, reduce_only, sum(open)::text as open from (
          select o.account_id, o.instrument_id, o.side, o.reduce_only,
            max(o.quantity - o.filled_quantity - o.reduced_quantity) as open
          from orders o where o.account_id = any (${accounts}::uuid[]) and o.instrument_id = any (${listed}::uuid[])
            and o.closed_at is null and o.quantity is not null and (o.parent_id is null or o.book_seq is not null or o.status = 'pending')
          group by o.account_id, o.instrument_id, o.side, o.reduce_only, coalesce(o.group_id, o.id)) resting
        group by account_id, instrument_id, side, reduce_only`,
    ),
  );
  const counted = new Map<string, Counted>();
  for (const { account, instrument } of traded) {
    countedIn(counted, account.id, instrument.id);
  }
  for (const row of held) {
    countedIn(counted, row.account_id, row.instrument_id).position = {
      side: row.side,
      quantity: readStoredAmount(row.quantity),
      entryValue: readStoredAmount(row.entry_value),
      lostBeside: readStoredAmount(row.lost_beside),
      held: readStoredAmount(row.held),
    };
  }
  for (const { account_id, instrument_id, side, reduce_only, open } of resting) {
    const own = countedIn(counted, account_id, instrument_id).resting[side];
    own.all += readStoredAmount(open);
    own.reducing += reduce_only ? readStoredAmount(open) : 0n;
  }
  return counted;
}

type HeldRow = Readonly<Record<'quantity' | 'entry_value' | 'lost_beside' | 'held', string>> & {
  readonly side: PositionSide;
};

type Liquidated = {
  readonly user_id: Id;
  readonly instrument_id: Id;
  readonly book: string;
  readonly side: PositionSide;
};

/** What the firm is closing of the people who trade. */
function readLiquidated(tx: Tx, traded: readonly Candidate[]): Promise<readonly Liquidated[]> {
  const people = sql.param(arrayParameter('uuid', [...new Set(traded.map(({ account }) => account.userId))]));
  return executePrepared<Liquidated>(
    tx,
    sql`select l.user_id, p.instrument_id, p.book, p.side from liquidations l
      join positions p on p.wallet_id = l.wallet_id and p.closed_at is null
      where l.user_id = any (${people}::uuid[]) and l.ended_at is null`,
  );
}

type Key = { readonly account_id: Id; readonly instrument_id: Id };

function keyOf(accountId: Id, instrumentId: Id): string {
  return `${accountId} ${instrumentId}`;
}

function countedIn(counted: Map<string, Counted>, accountId: Id, instrumentId: Id): Counted {
  const key = keyOf(accountId, instrumentId);
  const known = counted.get(key);
  if (known !== undefined) {
    return known;
  }
  const resting = { buy: { all: 0n, reducing: 0n }, sell: { all: 0n, reducing: 0n } };
  const fresh: Counted = { position: null, resting };
  counted.set(key, fresh);
  return fresh;
}
