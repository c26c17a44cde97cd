/**
 * From trades in contracts to what must be written of them: positions, profit and loss, fees, margin. Pure.
 * Money rules that live here: profit and loss go through the house, so that no client's loss pays another client;
 * a wallet pays what it has, and the firm bears the rest openly; what opens a position must be covered by cash
 * behind it, and what reduces one needs nothing; an order that may only reduce never goes beyond the position.
 */
import type { InferSelectModel } from 'drizzle-orm';
import { type Amount, amountOf, formatAmount, ZERO } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { Account } from '../../accounts/index.ts';
import type { LockedWallet, NewJournal } from '../../ledger/index.ts';
import type { PricedInstrument } from '../../markets/index.ts';
import type { Plan, PlannedFill, PlannedTrade } from '../pipeline/settle-plan.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { isWorse, standardOf } from './closing-bound.ts';
import { backAway, type Outgrown, refuseLeaving } from './leaving.ts';
import { whyNotLiquidated } from './liquidation-bound.ts';
import { OrderUnfit } from './order-unfit.ts';
import { grown, marked, opening, reduced } from './position-rows.ts';
import { cashOf, leverageOf, purseOf, spareOf } from './purse.ts';
import { releasedBy } from './released-money.ts';
import { applyFill, closableBy, type FillEffect, markedAt } from './rules.ts';
import type { positions } from './schema.ts';
import { settleAuction } from './settle-auction.ts';
import { CashTied, type TiedOrder } from './tied-cash.ts';

export type Position = InferSelectModel<typeof positions>;

/** A position before and after a settlement; nothing before where it was opened by it. */
export type ChangedPosition = { readonly before: Position | null; readonly after: Position };

/** A loss that a wallet could not pay, and the trade that made it; `mark` is what the position was worth then. */
type BorneLoss = {
  readonly position: Position;
  readonly fillId: Id;
  readonly amount: Amount;
  readonly trade: Pick<PlannedTrade, 'id' | 'price' | 'quantity'> & {
    readonly mark: Amount;
    readonly with: 'customer' | 'venue' | 'firm';
    /** Whether the firm closed the position. */
    readonly liquidated: boolean;
  };
};

export type ContractPlan = {
  readonly walletIds: readonly Id[];
  readonly changed: readonly ChangedPosition[];
  readonly journals: readonly NewJournal[];
  /** What each fill realised; null for one that only opened. */
  readonly realised: ReadonlyMap<Id, Amount | null>;
  readonly borne: readonly BorneLoss[];
  /** What is to be asked back from a venue. */
  readonly outgrown: readonly Outgrown[];
};

/** What the plan is made from, with every wallet locked. */
type ContractFacts = {
  readonly instruments: ReadonlyMap<string, PricedInstrument>;
  readonly wallets: {
    readonly of: (accountId: Id, asset: string) => LockedWallet;
    readonly fees: (book: OrderRow['book'], asset: string) => Id;
  };
  readonly house: (book: OrderRow['book'], asset: string) => ContractHouse;
  /** On what terms accounts hold positions now: an order may be older than they are. */
  readonly accounts: ReadonlyMap<Id, Pick<Account, 'marginEnabled' | 'maxLeverage'>>;
  /** The open positions of the wallets. */
  readonly open: readonly Position[];
  /** What each wallet holds as margin. */
  readonly held: ReadonlyMap<Id, bigint>;
  /** The open orders that reserve in a wallet and could be cancelled. */
  readonly tied: ReadonlyMap<Id, readonly TiedOrder[]>;
  /** What the accounts already have at a venue of these instruments; locked. */
  readonly away: readonly OrderRow[];
  readonly now: Instant;
};

/** Who stands against the customers: what pays and receives profit and loss, and the firm as debtor. */
export type ContractHouse = { readonly clearing: Id; readonly firm: Id };

/** A wallet while a batch is planned. */
export type Purse = {
  readonly id: Id;
  total: bigint;
  /** What holds and orders reserve in it once the settlement is written. */
  other: bigint;
  /** What of it could still be called back: it pays a loss, and opens nothing. */
  readonly unsettled: bigint;
  readonly open: Map<Id, Draft>;
};

export type Draft = { readonly before: Position | null; after: Position };

/** What is planned so far. */
export type State = {
  readonly facts: ContractFacts;
  /** What the settlement sets free, by wallet. */
  readonly released: ReadonlyMap<Id, bigint>;
  readonly purses: Map<Id, Purse>;
  readonly changed: Set<Draft>;
  readonly journals: NewJournal[];
  readonly realised: Map<Id, Amount | null>;
  readonly borne: BorneLoss[];
  /** What each order has filled in this plan. */
  readonly filled: Map<Id, bigint>;
};

/** Rounding of an order's parts may leave it short of so much for each fill. @units 1e-8 */
const SLACK = 2n;

/** True for a trade of which no units move. */
export function isContract(
  trade: Pick<PlannedTrade, 'symbol'>,
  instruments: ContractFacts['instruments'],
): boolean {
  return instruments.get(trade.symbol)?.kind === 'contract';
}

/**
 * Plans the contract trades of a settlement in the order they happened, and what of contracts it sends to venues; fees of
 * the plan's fills and orders become what is really paid.
 * @errors OrderUnfit, CashTied
 */
export function planContracts(plan: Plan, facts: ContractFacts): ContractPlan {
  const state: State = {
    facts,
    released: releasedBy(plan, facts.instruments),
    purses: new Map(),
    changed: new Set(),
    journals: [],
    realised: new Map(),
    borne: [],
    filled: new Map(),
  };
  const traded = plan.trades.filter((trade) => isContract(trade, facts.instruments));
  const settle = (trade: PlannedTrade) => {
    const instrument = present(facts.instruments.get(trade.symbol), 'a traded instrument exists');
    const buy = trade.buy && settleSide(state, plan, trade, trade.buy, instrument);
    const sell = trade.sell && settleSide(state, plan, trade, trade.sell, instrument);
    settled.set(trade, { ...trade, buy, sell });
  };
  const settled = new Map<PlannedTrade, PlannedTrade>();
  if ([...plan.phases.values()].some(({ phase }) => phase === 'continuous')) {
    settleAuction(state, plan, traded, settle);
  } else {
    traded.forEach(settle);
  }
  for (const [index, trade] of plan.trades.entries()) {
    plan.trades[index] = settled.get(trade) ?? trade;
  }
  const { changed, journals, realised, borne, purses } = state;
  // What only sends orders away lets no margin go.
  const walletIds = [...purses.keys()];
  const outgrown = backAway(state, plan);
  refuseLeaving(state, plan);
  return { walletIds, changed: [...changed], journals, realised, borne, outgrown };
}

function settleSide(
  state: State,
  plan: Plan,
  trade: PlannedTrade,
  fill: PlannedFill,
  instrument: PricedInstrument,
): PlannedFill {
  const { order } = fill;
  const purse = purseOf(state, order, present(instrument.settlementAsset, 'a contract settles in an asset'));
  const draft = purse.open.get(instrument.id);
  refuseBeyond(state, trade, fill, draft?.after);
  const effect = applyFill(draft?.after ?? null, {
    side: order.side,
    quantity: trade.quantity,
    amount: trade.amount,
    leverage: leverageOf(state, order, instrument),
    initialMarginBps: instrument.initialMarginBps ?? 0,
  });
  if (effect.opened !== null) {
    refuseUngranted(state, trade, fill, instrument, draft?.after);
  }
  refuseTooFar(state, trade, fill, instrument);
  const realised = effect.closed === null ? null : amountOf(effect.closed.realised);
  state.realised.set(fill.id, realised);
  const bound = isBound(trade, fill, effect, instrument);
  const needed = -(realised ?? ZERO) + (bound ? lostBeside(purse, trade, effect, instrument) : 0n);
  // Where it is refused all the same, no other order ends for it.
  if (bound && needed > claimable(state, plan, purse, order.id)) {
    throw new OrderUnfit(
      order.id,
      'insufficient_margin',
      (state.filled.get(order.id) ?? 0n) - trade.quantity,
    );
  }
  claimTied(state, plan, purse, trade, fill, needed);
  const lost = pay(state, purse, trade, fill, realised ?? ZERO, instrument);
  move(state, purse, trade, fill, effect, instrument, draft);
  const fee = charge(state, purse, trade, fill, effect, instrument);
  if (lost > 0n) {
    bear(state, trade, fill, draft, amountOf(lost), markOf(trade, instrument));
  }
  const planned = present(plan.orders.get(order.id), 'an order that traded is planned');
  planned.fees += fee - fill.fee;
  return { ...fill, fee };
}

/** What a venue has executed is a fact. */
function refuseBeyond(
  { filled }: State,
  { quantity, venue }: PlannedTrade,
  { order }: PlannedFill,
  open: Position | undefined,
): void {
  const before = filled.get(order.id) ?? 0n;
  const closable = closableBy(order.side, open);
  if (order.reduceOnly && quantity > closable && venue === null) {
    throw new OrderUnfit(order.id, 'nothing_to_reduce', before + closable);
  }
  filled.set(order.id, before + quantity);
}

/**
 * An account that may hold no positions any more closes what it has and opens nothing; nor does anybody while nobody
 * stands for the price that what they open is measured by.
 */
function refuseUngranted(
  { facts, filled }: State,
  { quantity, venue }: PlannedTrade,
  { order }: PlannedFill,
  { priceVouched }: PricedInstrument,
  open: Position | undefined,
): void {
  const isGranted = facts.accounts.get(order.accountId)?.marginEnabled === true;
  if (venue === null && !(isGranted && priceVouched)) {
    const keep = (filled.get(order.id) ?? quantity) - quantity + closableBy(order.side, open);
    throw new OrderUnfit(order.id, isGranted ? 'price_stale' : 'margin_not_enabled', keep);
  }
}

/** What was matched may have waited: what the firm closes keeps to its bound by the mark of now. */
function refuseTooFar(
  { filled }: State,
  { price, quantity, venue }: PlannedTrade,
  { order }: PlannedFill,
  instrument: PricedInstrument,
): void {
  const isFirm = venue === null && order.origin === 'liquidation';
  const reason = isFirm ? whyNotLiquidated(order.side, price, instrument) : null;
  if (reason !== null) {
    throw new OrderUnfit(order.id, reason, (filled.get(order.id) ?? quantity) - quantity);
  }
}

/**
 * Whether what a fill closes must be paid by its account: a customer closes at a worse price than the position is
 * worth, so that the price is what two people agreed on.
 */
function isBound(
  { price, venue }: PlannedTrade,
  { order }: PlannedFill,
  { closed }: FillEffect,
  instrument: PricedInstrument,
): boolean {
  const isOwn = venue === null && order.origin !== 'liquidation';
  return isOwn && closed !== null && isWorse(order.side, price, standardOf(instrument));
}

/** What the positions that stay open have lost: what is behind them is not there for another one's loss. */
function lostBeside(
  { open }: Purse,
  trade: PlannedTrade,
  { after }: FillEffect,
  instrument: PricedInstrument,
): bigint {
  const others = [...open.values()].filter((draft) => draft.after.instrumentId !== instrument.id);
  const rest = after === null ? [] : [markedAt(after, markOf(trade, instrument), 0)];
  return [...others.map((draft) => draft.after), ...rest].reduce(
    (lost, { unrealisedPnl }) => lost + (unrealisedPnl < 0n ? -unrealisedPnl : 0n),
    0n,
  );
}

/**
 * Before the firm bears a loss, what the order itself reserves pays, and what other orders reserve: those end first.
 * What a venue executed is booked as it is.
 * @errors CashTied
 */
function claimTied(
  { facts }: State,
  { orders }: Plan,
  purse: Purse,
  { venue }: PlannedTrade,
  { order }: PlannedFill,
  needed: bigint,
): void {
  if (needed <= cashOf(purse)) {
    return;
  }
  const own = present(orders.get(order.id), 'an order that traded is planned');
  purse.other -= own.reservation;
  own.reservation = 0n;
  const tied = (facts.tied.get(purse.id) ?? []).filter(
    ({ id }) => id !== order.id && orders.get(id)?.reservation !== 0n,
  );
  if (venue === null && needed > cashOf(purse) && tied.length > 0) {
    throw new CashTied(order.id, tied);
  }
}

/** What a wallet has for a loss once the order itself and all others that could be cancelled reserve nothing. */
function claimable({ facts }: State, { orders }: Plan, { id, total, other }: Purse, orderId: Id): bigint {
  const own = present(orders.get(orderId), 'an order that traded is planned').reservation;
  const tied = (facts.tied.get(id) ?? []).filter((order) => order.id !== orderId);
  const freed = tied.reduce(
    (sum, order) => sum + (orders.get(order.id)?.reservation ?? order.reservation),
    own,
  );
  return cashOf({ total, other: other - freed });
}

/** Profit or loss against the house. @shape what of a loss the wallet could not pay */
function pay(
  { facts, journals }: State,
  purse: Purse,
  trade: PlannedTrade,
  fill: PlannedFill,
  realised: Amount,
  { settlementAsset }: PricedInstrument,
): bigint {
  const { clearing, firm } = facts.house(trade.book, settlementAsset ?? '');
  const has = cashOf(purse);
  const lost = realised < 0n ? -realised : 0n;
  const paid = realised >= 0n ? -realised : lost < has ? lost : has;
  const description = `${trade.symbol} ${formatAmount(trade.quantity)} at ${formatAmount(trade.price)}`;
  const journal = {
    book: trade.book,
    kind: 'pnl',
    referenceType: 'fill',
    referenceId: fill.id,
    description,
  } as const;
  if (paid !== 0n) {
    journals.push({
      ...journal,
      entries: [
        { walletId: purse.id, amount: amountOf(-paid) },
        { walletId: clearing, amount: amountOf(paid) },
      ],
    });
  }
  purse.total -= paid;
  const rest = lost > 0n ? lost - paid : 0n;
  if (rest > 0n) {
    journals.push({
      ...journal,
      description: `Borne by the firm: ${description}`,
      entries: [
        { walletId: firm, amount: amountOf(-rest) },
        { walletId: clearing, amount: amountOf(rest) },
      ],
    });
  }
  return rest;
}

/** Writes a fill into the position it reduces, and into the one it opens. */
function move(
  state: State,
  purse: Purse,
  trade: PlannedTrade,
  fill: PlannedFill,
  effect: FillEffect,
  instrument: PricedInstrument,
  draft: Draft | undefined,
): void {
  const mark = markOf(trade, instrument);
  const { now } = state.facts;
  if (effect.closed !== null && draft !== undefined) {
    const { after } = draft;
    const rest = effect.after !== null && effect.after.side === after.side ? effect.after : null;
    draft.after = reduced(after, effect.closed, rest, fill.order.origin, now);
    draft.after = marked(draft.after, mark, instrument, now);
    state.changed.add(draft);
    if (rest === null) {
      purse.open.delete(instrument.id);
    }
  }
  if (effect.opened !== null) {
    const standing = purse.open.get(instrument.id) ?? {
      before: null,
      after: opening(purse.id, trade, fill, now),
    };
    standing.after = marked(grown(standing.after, effect.opened, now), mark, instrument, now);
    purse.open.set(instrument.id, standing);
    state.changed.add(standing);
  }
}

/** The price the position is worth: one that somebody stands for, else that of the trade that just made one. */
function markOf(trade: PlannedTrade, instrument: PricedInstrument): Amount {
  return standardOf(instrument) ?? (trade.book === 'live' ? trade.price : (instrument.last ?? trade.price));
}

/**
 * The fee, as far as the wallet has it beyond what its positions need. Whoever opens must have that; whoever
 * closes pays the fee out of what the position set free.
 * @shape what was charged
 */
function charge(
  { facts, journals, changed }: State,
  purse: Purse,
  trade: PlannedTrade,
  fill: PlannedFill,
  effect: FillEffect,
  instrument: PricedInstrument,
): Amount {
  const opens = effect.opened !== null && trade.venue === null;
  const spare = opens ? spareOf(purse) : cashOf(purse);
  const affordable = spare > 0n ? spare : 0n;
  const fee = fill.fee < affordable ? fill.fee : amountOf(affordable);
  const slack = SLACK * BigInt(1 + (purse.open.get(instrument.id)?.after.fillCount ?? 0));
  if (opens && (spare < -slack || fill.fee - fee > slack)) {
    throw new OrderUnfit(fill.order.id, 'insufficient_margin', 0n);
  }
  purse.total -= fee;
  const asset = present(instrument.settlementAsset, 'a contract settles in an asset');
  if (fee > 0n) {
    journals.push({
      book: trade.book,
      kind: 'fee',
      referenceType: 'fill',
      referenceId: fill.id,
      description: `${trade.symbol} ${formatAmount(trade.quantity)} at ${formatAmount(trade.price)}`,
      entries: [
        { walletId: purse.id, amount: amountOf(-fee) },
        { walletId: facts.wallets.fees(trade.book, asset), amount: fee },
      ],
    });
  }
  // Of a reversal the fee counts for the position that it opened.
  const paying =
    purse.open.get(instrument.id) ?? [...changed].findLast(isOf(fill.order.accountId, trade.instrumentId));
  const draft = present(paying, 'a fill belongs to a position');
  draft.after = { ...draft.after, fees: amountOf(draft.after.fees + fee) };
  return fee;
}

function isOf(accountId: Id, instrumentId: Id) {
  return ({ after }: Draft) => after.accountId === accountId && after.instrumentId === instrumentId;
}

function bear(
  { borne }: State,
  { id, price, quantity, venue, takenOver }: PlannedTrade,
  fill: PlannedFill,
  draft: Draft | undefined,
  amount: Amount,
  mark: Amount,
): void {
  const losing = present(draft, 'only a position that stood can lose');
  losing.after = { ...losing.after, lossBorne: amountOf(losing.after.lossBorne + amount) };
  const liquidated = fill.order.origin === 'liquidation';
  const trade = {
    id,
    price,
    quantity,
    mark,
    with: takenOver === true ? 'firm' : venue === null ? 'customer' : 'venue',
    liquidated,
  } as const;
  borne.push({ position: losing.after, fillId: fill.id, amount, trade });
}
