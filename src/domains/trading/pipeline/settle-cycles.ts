/**
 * When what trades brought settles: by the cycle of the instrument, counted in business days of its exchange, and
 * never before what was paid with does, deposits that can be called back included. Contracts move no units and settle at once.
 */
import { amountOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { keepObligations, type LockedFunds, type LockedWallet, type TradedSide } from '../../ledger/index.ts';
import { type PricedInstrument, type ValueDates, valueDates } from '../../markets/index.ts';
import type { SettleWallets } from './record-settlement.ts';
import { fillsOf, type Plan, type PlannedFill, type PlannedTrade } from './settle-plan.ts';

type Instruments = ReadonlyMap<string, PricedInstrument>;

/** The sides of a settlement whose dates matter, and the dates of what was traded, by symbol. */
export type Cycles = {
  readonly sides: readonly TradedSide[];
  readonly fundsOf: (walletId: Id) => LockedFunds;
  /** The value date of a trade's journal; nothing where it is the day it is booked. */
  readonly valueDateOf: (trade: PlannedTrade) => { readonly valueDate?: string };
};

const AT_ONCE = 'T+0';
const NOTHING: LockedFunds = { unsettled: 0n, settled: 0n };

/**
 * Finds the dates of what was traded. Where all of it settles at once and nobody paid with what has not settled,
 * which is nearly always, there is nothing to find.
 */
export async function findCycles(
  tx: Tx,
  ctx: Ctx,
  plan: Plan,
  instruments: Instruments,
  wallets: SettleWallets,
): Promise<Cycles> {
  const spot = plan.trades.flatMap((trade) => {
    const instrument = present(instruments.get(trade.symbol), 'a traded instrument exists');
    return instrument.kind === 'spot' ? [{ trade, instrument }] : [];
  });
  const funds = new Map<Id, LockedFunds>();
  for (const { trade, instrument } of spot) {
    for (const { order } of fillsOf(trade)) {
      const asset = order.side === 'buy' ? instrument.quoteAsset : instrument.baseAsset;
      const wallet = wallets.of(order.accountId, asset);
      funds.set(wallet.id, fundsIn(wallet, plan));
    }
  }
  const later = spot.some(({ instrument }) => instrument.settlementCycle !== AT_ONCE);
  if (!later && [...funds.values()].every(({ unsettled }) => unsettled === 0n)) {
    return { sides: [], fundsOf: () => NOTHING, valueDateOf: () => ({}) };
  }
  const dates = new Map<string, ValueDates>();
  for (const { instrument } of spot) {
    if (!dates.has(instrument.symbol)) {
      dates.set(instrument.symbol, await valueDates(tx, ctx, instrument));
    }
  }
  const datesOf = ({ symbol }: PricedInstrument) => present(dates.get(symbol), 'its dates were found');
  return {
    sides: spot.flatMap(({ trade, instrument }) =>
      fillsOf(trade).map((fill) => sideOf(trade, fill, instrument, datesOf(instrument), wallets)),
    ),
    fundsOf: (walletId) => funds.get(walletId) ?? NOTHING,
    valueDateOf: ({ symbol }) => {
      const instrument = instruments.get(symbol);
      return instrument === undefined || instrument.kind !== 'spot' || instrument.settlementCycle === AT_ONCE
        ? {}
        : { valueDate: datesOf(instrument).valueDate };
    },
  };
}

/** What anything else has reserved, another order or a withdrawal, is taken to be settled: it is not there for these. */
function fundsIn({ id, total, reserved, unsettled }: LockedWallet, plan: Plan): LockedFunds {
  if (unsettled === 0n) {
    return { unsettled, settled: total - reserved };
  }
  let others: bigint = reserved;
  for (const { row } of plan.orders.values()) {
    others -= row.walletId === id ? row.reservation : 0n;
  }
  return { unsettled, settled: total - unsettled - others };
}

/**
 * Keeps what has not settled. @effects those of `keepObligations`
 * @shape when what each fill brought settles; missing where it did at once
 */
export async function keepCycles(
  tx: Tx,
  ctx: Ctx,
  { sides, fundsOf }: Cycles,
  today: string,
): Promise<ReadonlyMap<Id, string>> {
  return sides.length === 0 ? new Map() : keepObligations(tx, ctx, sides, { today, fundsOf });
}

/** A buyer pays the amount and the fee and receives units; a seller's fee comes out of what they receive. */
function sideOf(
  trade: PlannedTrade,
  { id: fillId, order, fee }: PlannedFill,
  { baseAsset, quoteAsset, settlementCycle }: PricedInstrument,
  { tradeDate, valueDate }: ValueDates,
  wallets: SettleWallets,
): TradedSide {
  const { userId, accountId } = order;
  const base = wallets.of(accountId, baseAsset).id;
  const quote = wallets.of(accountId, quoteAsset).id;
  const cycleDate = settlementCycle === AT_ONCE ? null : valueDate;
  const common = { fillId, tradeId: trade.id, userId, accountId, book: trade.book, tradeDate, cycleDate };
  return order.side === 'buy'
    ? {
        ...common,
        paysFrom: quote,
        pays: amountOf(trade.amount + fee),
        receivesIn: base,
        asset: baseAsset,
        receives: trade.quantity,
      }
    : {
        ...common,
        paysFrom: base,
        pays: trade.quantity,
        receivesIn: quote,
        asset: quoteAsset,
        receives: amountOf(trade.amount - fee),
      };
}
