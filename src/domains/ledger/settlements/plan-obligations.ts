/**
 * Which unsettled funds trades use, and when what they bring settles. Pure. The rules, to the last unit:
 * - a trade pays with what trades brought and has not settled before anything else of the wallet, and of that
 *   with what settles first; so settled funds are never blocked by trading, and none are used up unseen;
 * - then with settled funds, as far as nothing else of the wallet is reserved from them, and last with deposits that
 *   can still be called back, which trading never uses up;
 * - what it brings settles on the day of its own cycle, or, where it paid with something that settles later, on
 *   that day: so nothing becomes withdrawable by trading it for something else;
 * - what is due by today is settled.
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

/** What a wallet has besides what trades brought. */
export type OwnFunds = {
  /** Settled, and not spoken for. */
  readonly settled: bigint;
  /** When the last of its deposits can no longer be called back; null where none can be. @units YYYY-MM-DD */
  readonly depositsSettleOn: string | null;
};

type Parcel = { readonly settlesOn: string; left: bigint; readonly use: (amount: Amount) => void };

/**
 * @units sides in the order they traded; today: YYYY-MM-DD of the firm; funds: of wallets with something unsettled, as
 *   they were before
 */
export function planObligations(
  open: readonly OpenObligation[],
  sides: readonly TradedSide[],
  today: string,
  funds: ReadonlyMap<Id, OwnFunds> = new Map(),
): ObligationPlan {
  const settled = new Map([...funds].map(([walletId, own]) => [walletId, own.settled]));
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
    const { latest: traded, rest } = spend(parcels.get(side.paysFrom) ?? [], side.pays);
    const deposited = spendOwn(settled, side.paysFrom, rest) ? '' : depositsOf(funds, side.paysFrom);
    const latest = deposited > traded ? deposited : traded;
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
    } else if (settled.has(side.receivesIn)) {
      settled.set(side.receivesIn, (settled.get(side.receivesIn) ?? 0n) + side.receives);
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

/**
 * @shape the latest day that anything used settles on; empty, so before every day, where nothing was; and what has to
 *   be paid with other funds
 */
function spend(parcels: readonly Parcel[], pays: Amount): { readonly latest: string; readonly rest: bigint } {
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
  return { latest, rest };
}

/** Takes settled funds. @shape false where they do not cover it */
function spendOwn(settled: Map<Id, bigint>, walletId: Id, pays: bigint): boolean {
  const own = settled.get(walletId);
  if (own === undefined) {
    return true;
  }
  settled.set(walletId, own > pays ? own - pays : 0n);
  return own >= pays;
}

function depositsOf(funds: ReadonlyMap<Id, OwnFunds>, walletId: Id): string {
  return funds.get(walletId)?.depositsSettleOn ?? '';
}

function obligationOf(side: TradedSide, settlesOn: string): NewObligation {
  const { fillId, tradeId, userId, accountId, book, asset, tradeDate, receivesIn, receives } = side;
  const common = { fillId, tradeId, userId, accountId, book, asset, tradeDate };
  return { ...common, walletId: receivesIn, amount: receives, used: ZERO, settlesOn };
}
