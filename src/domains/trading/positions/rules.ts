/**
 * What fills make of a position, and what it needs as margin. Pure arithmetic on amounts. A position is cut
 * exactly: a partial close takes its share of the entry value rounded half even, the last one takes what is left,
 * so that over its life what was realised is what was fetched less what was paid, to the last decimal.
 */
import { type Amount, amountOf, ONE } from '../../../kernel/amount.ts';
import { BPS_PER_ONE, divideRounded } from '../../../kernel/rounding.ts';

export type PositionSide = 'long' | 'short';

/** What is open of a position. */
export type OpenPart = {
  readonly side: PositionSide;
  readonly quantity: bigint;
  /** Price times quantity as it was entered. @units settlement asset */
  readonly entryValue: bigint;
  readonly initialMargin: bigint;
};

type ContractFill = {
  readonly side: 'buy' | 'sell';
  readonly quantity: bigint;
  /** Price times quantity. @units settlement asset */
  readonly amount: bigint;
  /** How many times its margin what it opens is worth. */
  readonly leverage: bigint;
  readonly initialMarginBps: number;
};

export type FillEffect = {
  /** What of it reduced or closed the position that stood. */
  readonly closed: { readonly quantity: bigint; readonly value: bigint; readonly realised: bigint } | null;
  /** What of it opened a position or added to it. */
  readonly opened: { readonly quantity: bigint; readonly value: bigint; readonly margin: bigint } | null;
  /** What is open afterwards; null where nothing is. */
  readonly after: OpenPart | null;
};

/** The side of a position that orders of a side open. */
export function sideOpenedBy(side: 'buy' | 'sell'): PositionSide {
  return side === 'buy' ? 'long' : 'short';
}

/** What of a position an order of a side would close; nothing where it adds to it. */
export function closableBy(
  side: 'buy' | 'sell',
  open: Pick<OpenPart, 'side' | 'quantity'> | null | undefined,
): bigint {
  return open == null || open.side === sideOpenedBy(side) ? 0n : open.quantity;
}

/** Nets one fill against what is open: it closes as far as it goes the other way, and opens with the rest. */
export function applyFill(open: OpenPart | null, fill: ContractFill): FillEffect {
  const against = closableBy(fill.side, open);
  const closing = against < fill.quantity ? against : fill.quantity;
  const opening = fill.quantity - closing;
  const closedValue =
    opening === 0n ? fill.amount : divideRounded(fill.amount * closing, fill.quantity, 'half_even');
  const closed = open === null || closing === 0n ? null : close(open, closing, closedValue);
  const openedValue = fill.amount - closedValue;
  const opened =
    opening === 0n
      ? null
      : {
          quantity: opening,
          value: openedValue,
          margin: marginOf(openedValue, fill.leverage, fill.initialMarginBps),
        };
  const rest = closed === null ? open : closed.rest;
  return {
    closed: closed && { quantity: closing, value: closedValue, realised: closed.realised },
    opened,
    after: opened === null ? rest : add(rest, sideOpenedBy(fill.side), opened),
  };
}

/**
 * The initial margin of what an order opens: its value over the leverage, and never less than the instrument asks.
 * @units settlement asset, rounded up
 */
export function marginOf(value: bigint, leverage: bigint, initialMarginBps: number): bigint {
  const asked = divideRounded(value * ONE, leverage, 'up');
  const least = divideRounded(value * BigInt(initialMarginBps), BPS_PER_ONE, 'up');
  return asked > least ? asked : least;
}

/** What a position is worth and needs at a price. @units settlement asset; the margin rounds up, the value half even */
export function markedAt(
  open: Pick<OpenPart, 'side' | 'quantity' | 'entryValue'>,
  mark: bigint,
  maintenanceMarginBps: number,
): { readonly unrealisedPnl: Amount; readonly maintenanceMargin: Amount } {
  const value = divideRounded(open.quantity * mark, ONE, 'half_even');
  const gain = value - open.entryValue;
  return {
    unrealisedPnl: amountOf(open.side === 'long' ? gain : -gain),
    maintenanceMargin: amountOf(divideRounded(value * BigInt(maintenanceMarginBps), BPS_PER_ONE, 'up')),
  };
}

/** The price a position is worth: of its instrument while somebody stands for that, else as it was last marked. */
export function markPriceOf(
  lastMark: Amount,
  { last, priceStale }: { readonly last: Amount | null; readonly priceStale: boolean },
): { readonly price: Amount; readonly fresh: boolean } {
  return last === null || priceStale ? { price: lastMark, fresh: false } : { price: last, fresh: true };
}

/** What a wallet has to keep for positions: their initial margins, and the losses of those that lose. */
export function requiredFor(
  positions: Iterable<{ readonly initialMargin: bigint; readonly unrealisedPnl: bigint }>,
): bigint {
  let required = 0n;
  for (const { initialMargin, unrealisedPnl } of positions) {
    required += initialMargin + (unrealisedPnl < 0n ? -unrealisedPnl : 0n);
  }
  return required;
}

function close(open: OpenPart, quantity: bigint, value: bigint) {
  const left = open.quantity - quantity;
  const entered =
    left === 0n ? open.entryValue : divideRounded(open.entryValue * quantity, open.quantity, 'half_even');
  const gain = value - entered;
  return {
    realised: open.side === 'long' ? gain : -gain,
    rest:
      left === 0n
        ? null
        : {
            side: open.side,
            quantity: left,
            entryValue: open.entryValue - entered,
            initialMargin: divideRounded(open.initialMargin * left, open.quantity, 'up'),
          },
  };
}

function add(
  open: OpenPart | null,
  side: PositionSide,
  { quantity, value, margin }: NonNullable<FillEffect['opened']>,
): OpenPart {
  return {
    side,
    quantity: (open?.quantity ?? 0n) + quantity,
    entryValue: (open?.entryValue ?? 0n) + value,
    initialMargin: (open?.initialMargin ?? 0n) + margin,
  };
}
