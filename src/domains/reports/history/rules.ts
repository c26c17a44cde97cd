/**
 * What a day made of an account. Pure. Everything is valued in the base currency at the last prices of the day's end,
 * each amount by itself, rounded half even:
 *
 * - equity: money, units, and the unrealised profit of open contracts;
 * - transfers: what came from outside less what went there, fees taken on the way not deducted;
 * - fees: what the firm charged, commissions of trades and funding of contracts included, negative where charged, on the
 *   day it did;
 * - realised: proceeds less cost of the parts of lots that were sold, both known in one currency and without the
 *   commissions that lots keep in both, the profit of closed contracts, and income;
 * - unrealised: what is left of the change. For units with a known cost that is by how much value less cost of the open
 *   lots, commissions aside, changed, where what came in or went out unsold counts at its value of that day's end; besides, what other
 *   units and foreign money changed in value, and open contracts.
 *
 * So equity − opening = realised + unrealised + fees + transfers for every day, and by addition for every run of days.
 * Where a price is missing the values that need it are null, and what had none is named.
 */
import { type Amount, amountOf, formatAmount, MAX_AMOUNT, ONE, parseAmount } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import type { Instant } from '../../../kernel/time.ts';
import type { NewJournal } from '../../ledger/index.ts';
import type { AssetPrice, PastPrice } from '../../markets/index.ts';
import type { OpenContract } from '../../trading/index.ts';
import { valueAt } from '../value.ts';

/** What an entry of a journal is to the history of the account it is booked in. */
type Flow = 'transfers' | 'fees' | 'income' | 'realised';

/** A reversal counts as what it undoes. */
export type BookedKind = Exclude<NewJournal['kind'], 'reversal'>;

/** Null: units or money took another form; what that changed in value is realised by lots, or unrealised. */
export const FLOW_OF_KIND: Readonly<Record<BookedKind, Flow | null>> = {
  deposit: 'transfers',
  withdrawal: 'transfers',
  transfer: 'transfers',
  adjustment: 'transfers',
  write_off: 'transfers',
  reset: 'transfers',
  margin: 'transfers',
  fee: 'fees',
  funding: 'fees',
  dividend: 'income',
  interest: 'income',
  pnl: 'realised',
  trade: null,
  conversion: null,
  corporate_action: null,
};

/** One asset of an account: its balance at the end of a day and what the day's entries and sales made. @units the asset */
export type AssetDay = {
  readonly asset: string;
  readonly isMoney: boolean;
  readonly quantity: bigint;
  /** Of units traded; absent in what was made before commissions were told as fees. */
  readonly commissions?: Commissions;
} & Readonly<Record<Flow, bigint>>;

/** What trades in units cost their side. Lots keep it in cost and proceeds; history tells it as a fee, once. */
export type Commissions = {
  /** On this day. */
  readonly charged: bigint;
  /** What of it, of this day or earlier ones, the lots count in what this day realised. */
  readonly realised: bigint;
};

export type DayFacts = { readonly assets: readonly AssetDay[]; readonly contracts: readonly OpenContract[] };

export type DayPrices = {
  readonly ofAsset: ReadonlyMap<string, AssetPrice>;
  readonly ofInstrument: ReadonlyMap<Id, PastPrice>;
};

/** Amounts as decimal text. */
export type StoredBasis = {
  readonly assets: readonly {
    readonly asset: string;
    readonly isMoney: boolean;
    readonly quantity: string;
    readonly transfers: string;
    readonly fees: string;
    readonly income: string;
    readonly realised: string;
    readonly commissions?: { readonly charged: string; readonly realised: string };
    readonly price: {
      readonly symbol: string;
      readonly last: string;
      readonly inverse: boolean;
      readonly quotedAt: string;
    } | null;
  }[];
  readonly contracts: readonly {
    readonly instrumentId: string;
    readonly symbol: string;
    readonly settlementAsset: string;
    readonly side: 'long' | 'short';
    readonly quantity: string;
    readonly entryValue: string;
    readonly price: { readonly last: string; readonly quotedAt: string } | null;
  }[];
};

export type DayValues = {
  readonly equity: Amount | null;
  readonly cashValue: Amount | null;
  readonly holdingsValue: Amount | null;
  readonly contractsValue: Amount | null;
  readonly realised: Amount | null;
  readonly income: Amount | null;
  readonly unrealised: Amount | null;
  readonly fees: Amount | null;
  readonly transfers: Amount | null;
  readonly missing: readonly string[];
};

/** Values a day of an account. @units `opening` is the equity of the day before; null where it is not known */
export function valueDay(
  facts: DayFacts,
  prices: DayPrices,
  currency: string,
  opening: Amount | null,
): DayValues {
  const missing = new Set<string>();
  const value = (amount: bigint, asset: string) => valueIn(amount, asset, { prices, currency, missing });
  const flow = (name: Flow) =>
    totalOf(facts.assets.map((one) => value(withCommissions(one, name), one.asset)));
  const cash = totalOf(facts.assets.flatMap((one) => (one.isMoney ? [value(one.quantity, one.asset)] : [])));
  const units = totalOf(facts.assets.flatMap((one) => (one.isMoney ? [] : [value(one.quantity, one.asset)])));
  const contracts = totalOf(
    facts.contracts.map((one) => {
      const pnl = unrealisedOf(one, prices, missing);
      return pnl === null ? null : value(pnl, one.settlementAsset);
    }),
  );
  const equity = totalOf([cash, units, contracts]);
  const income = flow('income');
  const realised = totalOf([flow('realised'), income]);
  const [fees, transfers] = [flow('fees'), flow('transfers')];
  const known = [equity, opening, realised, fees, transfers].every((part) => part !== null);
  const gone = [equity, realised, income, fees, transfers].some((part) => part === null);
  if (gone && missing.size === 0) {
    // Priced, but more than an amount can say.
    missing.add(currency);
  }
  return {
    equity,
    cashValue: equity === null ? null : cash,
    holdingsValue: equity === null ? null : units,
    contractsValue: equity === null ? null : contracts,
    realised,
    income,
    unrealised: known
      ? totalOf([equity, negative(opening), negative(realised), negative(fees), negative(transfers)])
      : null,
    fees,
    transfers,
    missing: gone ? [...missing].sort() : [],
  };
}

/** A flow of an asset: what was charged for trades is a fee, and no part of what they realised. */
function withCommissions(one: AssetDay, name: Flow): bigint {
  const { charged, realised } = one.commissions ?? NO_COMMISSIONS;
  return one[name] + (name === 'fees' ? -charged : name === 'realised' ? realised : 0n);
}

const NO_COMMISSIONS: Commissions = { charged: 0n, realised: 0n };

/** A day as it was told before commissions were fees: they were part of cost and proceeds. */
export function commissionsInLots({ assets, contracts }: DayFacts): DayFacts {
  return { assets: assets.map(({ commissions: _told, ...one }) => one), contracts };
}

/** Whether there is anything to say of a day: an account that has nothing, and had nothing, has no row. */
export function isEmptyDay({ assets, contracts }: DayFacts, opening: Amount | null): boolean {
  const still = assets.every(
    (one) =>
      one.quantity === 0n &&
      one.transfers === 0n &&
      one.fees === 0n &&
      one.income === 0n &&
      one.realised === 0n &&
      (one.commissions?.charged ?? 0n) === 0n,
  );
  return still && contracts.length === 0 && (opening === null || opening === 0n);
}

/** What a row keeps of how it was made. */
export function basisOf({ assets, contracts }: DayFacts, prices: DayPrices): StoredBasis {
  return {
    assets: assets.map((one) => {
      const price = prices.ofAsset.get(one.asset);
      return {
        asset: one.asset,
        isMoney: one.isMoney,
        quantity: formatAmount(one.quantity),
        transfers: formatAmount(one.transfers),
        fees: formatAmount(one.fees),
        income: formatAmount(one.income),
        realised: formatAmount(one.realised),
        ...(one.commissions === undefined ? {} : { commissions: commissionsText(one.commissions) }),
        price:
          price === undefined ? null : { ...priceText(price), symbol: price.symbol, inverse: price.inverse },
      };
    }),
    contracts: contracts.map((one) => {
      const price = prices.ofInstrument.get(one.instrumentId);
      return {
        ...one,
        quantity: formatAmount(one.quantity),
        entryValue: formatAmount(one.entryValue),
        price: price === undefined ? null : priceText(price),
      };
    }),
  };
}

/** The prices a row was made with. */
export function pricesOf(basis: StoredBasis): DayPrices {
  return {
    ofAsset: new Map(
      basis.assets.flatMap(({ asset, price }) =>
        price === null
          ? []
          : [[asset, { ...readPrice(price), symbol: price.symbol, inverse: price.inverse }]],
      ),
    ),
    ofInstrument: new Map(
      basis.contracts.flatMap(({ instrumentId, price }) =>
        price === null ? [] : [[instrumentId as Id, readPrice(price)]],
      ),
    ),
  };
}

function commissionsText({ charged, realised }: Commissions) {
  return { charged: formatAmount(charged), realised: formatAmount(realised) };
}

function priceText({ last, quotedAt }: PastPrice) {
  return { last: formatAmount(last), quotedAt };
}

function readPrice({ last, quotedAt }: { readonly last: string; readonly quotedAt: string }) {
  return { last: parseAmount(last), quotedAt: quotedAt as Instant };
}

type Valuing = { readonly prices: DayPrices; readonly currency: string; readonly missing: Set<string> };

function valueIn(amount: bigint, asset: string, { prices, currency, missing }: Valuing): bigint | null {
  if (amount === 0n || asset === currency) {
    return amount;
  }
  const price = prices.ofAsset.get(asset);
  const magnitude = amount < 0n ? -amount : amount;
  const value = price === undefined || magnitude > MAX_AMOUNT ? null : valueAt(amountOf(magnitude), price);
  if (value === null) {
    missing.add(asset);
    return null;
  }
  return amount < 0n ? -value : value;
}

function unrealisedOf(one: OpenContract, { ofInstrument }: DayPrices, missing: Set<string>): bigint | null {
  const price = ofInstrument.get(one.instrumentId);
  if (price === undefined) {
    missing.add(one.symbol);
    return null;
  }
  const gain = divideRounded(one.quantity * price.last, ONE, 'half_even') - one.entryValue;
  return one.side === 'long' ? gain : -gain;
}

/** Null where a part is not known, or the whole is more than an amount can say. */
function totalOf(parts: readonly (bigint | null)[]): Amount | null {
  let total = 0n;
  for (const part of parts) {
    if (part === null) {
      return null;
    }
    total += part;
  }
  return total > MAX_AMOUNT || total < -MAX_AMOUNT ? null : amountOf(total);
}

function negative(part: bigint | null): bigint | null {
  return part === null ? null : -part;
}
