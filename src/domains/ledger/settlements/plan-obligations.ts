/**
 * Which unsettled funds trades use, and when what they bring settles. Pure. The rules, to the last unit:
 * - a trade pays with what trades brought and has not settled before anything else of the wallet, and of that
 *   with what settles first; so settled funds are never blocked by trading, and none are used up unseen;
 * - what it brings settles on the day of its own cycle, or, where it paid with something that settles later, on
 *   that day: so nothing becomes withdrawable by trading it for something else;
 * - what is due by today is settled.
 * What it does not look at: deposits that can still be called back, which trading never uses up.
 */
import { type Amount, amountOf, minAmount, ZERO } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';

/** Something a trade brought that has not settled, and how much of it is left. */
export type OpenObligation = {
  readonly fillId: Id;
  readonly walletId: Id;
  readonly settlesOn: string;
  readonly left: Amount;
};

/** One side of a trade: what it pays from one wallet, and what it brings to another. */
export type TradedSide = {
  readonly fillId: Id;
  readonly tradeId: Id;
  readonly userId: Id;
  readonly accountId: Id;
  readonly paysFrom: Id;
  readonly pays: Amount;
  readonly receivesIn: Id;
  readonly asset: string;
  readonly receives: Amount;
  readonly book: 'live' | 'paper';
  /** The trading day of the exchange. @units YYYY-MM-DD */
  readonly tradeDate: string;
  /** By the cycle of the instrument; null where that settles at once. @units YYYY-MM-DD */
  readonly cycleDate: string | null;
};

export type NewObligation = Omit<
  TradedSide,
  'paysFrom' | 'pays' | 'receivesIn' | 'receives' | 'cycleDate'
> & {
  readonly walletId: Id;
  readonly amount: Amount;
  used: Amount;
  readonly settlesOn: string;
};

export type ObligationPlan = {
  /** How much more of each that was there before is used. */
  readonly used: ReadonlyMap<Id, Amount>;
  readonly made: readonly NewObligation[];
  /** When what each side brings settles, by fill; missing where it did at once. */
  readonly settlesOn: ReadonlyMap<Id, string>;
};

type Parcel = { readonly settlesOn: string; left: bigint; readonly use: (amount: Amount) => void };

/** @units sides in the order they traded; today: YYYY-MM-DD of the firm */
export function planObligations(
  open: readonly OpenObligation[],
  sides: readonly TradedSide[],
  today: string,
): ObligationPlan {
  const used = new Map<Id, Amount>();
  const made: NewObligation[] = [];
  const settlesOn = new Map<Id, string>();
  const parcels = new Map<Id, Parcel[]>();
  for (const { fillId, walletId, settlesOn: day, left } of open) {
    keep(parcels, walletId, {
      settlesOn: day,
      left,
      use: (amount) => used.set(fillId, amountOf((used.get(fillId) ?? ZERO) + amount)),
    });
  }
  for (const side of sides) {
    const latest = spend(parcels.get(side.paysFrom) ?? [], side.pays);
    const cycleDate = side.cycleDate ?? today;
    const day = latest > cycleDate ? latest : cycleDate;
    if (side.cycleDate !== null || day > today) {
      settlesOn.set(side.fillId, day);
    }
    if (day > today && side.receives > 0n) {
      const obligation = obligationOf(side, day);
      made.push(obligation);
      keep(parcels, side.receivesIn, {
        settlesOn: day,
        left: side.receives,
        use: (amount) => {
          obligation.used = amountOf(obligation.used + amount);
        },
      });
    }
  }
  return { used, made, settlesOn };
}

/** What settles first comes first; of one day what was there before. */
function keep(parcels: Map<Id, Parcel[]>, walletId: Id, parcel: Parcel): void {
  const kept = parcels.get(walletId) ?? [];
  const place = kept.findIndex((other) => other.settlesOn > parcel.settlesOn);
  kept.splice(place === -1 ? kept.length : place, 0, parcel);
  parcels.set(walletId, kept);
}

/** @shape the latest day that anything used settles on; empty, so before every day, where nothing was */
function spend(parcels: readonly Parcel[], pays: Amount): string {
  let rest: Amount = pays;
  let latest = '';
  for (const parcel of parcels) {
    const part = minAmount(amountOf(parcel.left), rest);
    if (part > 0n) {
      parcel.left -= part;
      parcel.use(part);
      rest = amountOf(rest - part);
      latest = parcel.settlesOn;
    }
  }
  return latest;
}

function obligationOf(side: TradedSide, settlesOn: string): NewObligation {
  const { fillId, tradeId, userId, accountId, book, asset, tradeDate, receivesIn, receives } = side;
  const common = { fillId, tradeId, userId, accountId, book, asset, tradeDate };
  return { ...common, walletId: receivesIn, amount: receives, used: ZERO, settlesOn };
}
