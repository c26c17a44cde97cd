/**
 * What trades do to lots, in the order they happened: base units come to the buyer at what they cost, fee included,
 * and leave the seller's lots for what they fetched after fees, by the lots the sale named or the account's method.
 */
import { type Amount, amountOf } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { changeLots, fiatAmong, type LotChange, picksOf } from '../../ledger/index.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import { picksOn } from '../named-lots.ts';
import type { SettleWallets } from './record-settlement.ts';
import type { PlannedFill, PlannedTrade } from './settle-plan.ts';

/** @shape what each sale of base units realised, by fill */
export async function settleLots(
  tx: Tx,
  ctx: Ctx,
  planned: readonly PlannedTrade[],
  instruments: ReadonlyMap<string, PricedInstrument>,
  wallets: SettleWallets,
): Promise<ReadonlyMap<Id, Amount | null>> {
  const spot = planned.flatMap((trade) => {
    const instrument = present(instruments.get(trade.symbol), 'a traded instrument exists');
    return instrument.kind === 'spot'
      ? [{ trade, base: instrument.baseAsset, quote: instrument.quoteAsset }]
      : [];
  });
  const fiat = await fiatAmong(
    tx,
    ctx,
    spot.flatMap(({ base, quote }) => [base, quote]),
  );
  const changes = spot.flatMap(({ trade, base, quote }) => [
    ...(trade.buy === null ? [] : boughtBy(trade.buy, trade, { base, quote, fiat, wallets })),
    ...(trade.sell === null ? [] : soldBy(trade.sell, trade, { base, quote, fiat, wallets })),
  ]);
  const realised = await changeLots(tx, ctx, changes);
  return new Map(realised.map(({ referenceId, pnl }) => [referenceId, pnl]));
}

type Pair = {
  readonly base: string;
  readonly quote: string;
  readonly fiat: ReadonlySet<string>;
  readonly wallets: SettleWallets;
};

type Price = { readonly amount: Amount; readonly currency: string } | null;

function boughtBy(fill: PlannedFill, trade: PlannedTrade, pair: Pair): LotChange[] {
  const { base, quote, fiat } = pair;
  const paid = amountOf(trade.amount + fill.fee);
  return [
    ...(fiat.has(base) ? [] : [came(fill, base, trade.quantity, { amount: paid, currency: quote }, pair)]),
    ...(fiat.has(quote) ? [] : [went(fill, quote, paid, null, pair)]),
  ];
}

function soldBy(fill: PlannedFill, trade: PlannedTrade, pair: Pair): LotChange[] {
  const { base, quote, fiat } = pair;
  const fetched = amountOf(trade.amount - fill.fee);
  return [
    ...(fiat.has(base) ? [] : [went(fill, base, trade.quantity, { amount: fetched, currency: quote }, pair)]),
    ...(fiat.has(quote) || fetched <= 0n ? [] : [came(fill, quote, fetched, null, pair)]),
  ];
}

function came(fill: PlannedFill, asset: string, quantity: Amount, cost: Price, { wallets }: Pair): LotChange {
  const { userId, accountId } = fill.order;
  const walletId = wallets.of(accountId, asset).id;
  return {
    came: { walletId, userId, accountId, asset, quantity, cost, source: 'trade', referenceId: fill.id },
  };
}

function went(
  fill: PlannedFill,
  asset: string,
  quantity: Amount,
  proceeds: Price,
  { base, wallets }: Pair,
): LotChange {
  const walletId = wallets.of(fill.order.accountId, asset).id;
  const named = asset === base ? picksOn(fill.order) : null;
  const picks = named === null ? undefined : picksOf(named, fill.filledBefore, quantity);
  return { went: { walletId, quantity, proceeds, referenceType: 'fill', referenceId: fill.id, picks } };
}
