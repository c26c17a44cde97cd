/**
 * Which limits bind an order and whether it keeps them. Pure. A limit that is not set refuses (I9):
 * defaults are seeded rows of the platform's scope, not code. A limit that cannot be compared, because
 * no rate leads to its currency, refuses as well. What is counted is what the database has counted.
 */
import { type Amount, ONE } from '../../kernel/amount.ts';
import type { Id } from '../../kernel/id.ts';
import { divideRounded } from '../../kernel/rounding.ts';
import type { Instant } from '../../kernel/time.ts';

export type LimitScope = 'platform' | 'user' | 'account' | 'instrument' | 'asset';
export type LimitType =
  | 'max_position'
  | 'max_order_value'
  | 'max_daily_volume'
  | 'max_open_orders'
  | 'max_leverage'
  | 'max_daily_loss';

export type LimitRow = {
  readonly id: Id;
  readonly scope: LimitScope;
  readonly scopeId: string;
  readonly type: LimitType;
  readonly value: Amount;
  readonly currency: string | null;
  readonly effectiveFrom: Instant;
  readonly alertPercent: number;
  /** When the limit's own day began. */
  readonly dayStart: Instant;
};

/** What is traded, by whom; `currency` is what its value is counted in. */
export type LimitSubject = {
  readonly accountId: Id;
  readonly userId: Id;
  /** Every account of the person in the same book, this one included. */
  readonly ownAccounts: readonly Id[];
  readonly instrumentId: Id;
  readonly asset: string;
  readonly currency: string;
};

/** What an account has open in an instrument. */
export type Exposure = {
  readonly accountId: Id;
  readonly instrumentId: Id;
  readonly asset: string;
  readonly currency: string;
  readonly openOrders: number;
  readonly openBuyValue: bigint;
  readonly openSellValue: bigint;
  /** Bought less sold; for a contract that is the position. */
  readonly netQuantity: bigint;
};

/** What an account traded in an instrument since a day began. */
export type Turnover = {
  readonly accountId: Id;
  readonly instrumentId: Id;
  readonly asset: string;
  readonly currency: string;
  readonly since: Instant;
  readonly volume: bigint;
  readonly realisedPnl: bigint;
};

/** Everything limits are measured by. */
export type RiskState = {
  readonly bindingOf: (type: LimitType, subject: LimitSubject) => LimitRow | null;
  readonly exposuresOf: (accountId: Id) => readonly Exposure[];
  readonly turnoversOf: (accountId: Id) => readonly Turnover[];
  /** Units of a spot asset that an account holds. */
  readonly heldOf: (accountId: Id, asset: string) => bigint;
  /** @shape null where no rate leads from one to the other */
  readonly convert: (value: bigint, from: string, to: string) => bigint | null;
};

/** What an order asks of the limits. */
export type Wanted = {
  readonly kind: 'spot' | 'contract';
  readonly side: 'buy' | 'sell';
  /** @units quote asset */
  readonly value: bigint;
  /** What a unit that is held is worth. @units quote asset */
  readonly price: bigint;
  /** Whether it may stay open: it waits for its price, or for a venue. */
  readonly rests: boolean;
  readonly leverage: bigint;
};

/** A limit that an order brings close to its end. */
export type NearLimit = { readonly limit: LimitRow; readonly used: bigint };

export type LimitRefusal = {
  readonly reason: 'limit_missing' | 'limit_exceeded';
  /** The limit that refuses; null where none is set. */
  readonly limitId: Id | null;
  readonly type: LimitType;
};

/** The narrowest scope that has the limit decides, also where a wider one is stricter. */
const RESOLUTION_ORDER: readonly LimitScope[] = ['account', 'user', 'instrument', 'asset', 'platform'];

const HUNDRED = 100n;

/**
 * The limit that binds; null where none is set. Within a scope a row in the currency of the order, or in
 * none, comes before one that has to be converted, and of those the row that took effect last.
 */
export function bindingLimit(
  rowsOf: (scope: LimitScope, scopeId: string) => readonly LimitRow[],
  type: LimitType,
  subject: LimitSubject,
): LimitRow | null {
  for (const scope of RESOLUTION_ORDER) {
    let latest: LimitRow | null = null;
    for (const row of rowsOf(scope, scopeIdOf(scope, subject))) {
      if (row.type === type && (latest === null || comesBefore(row, latest, subject.currency))) {
        latest = row;
      }
    }
    if (latest !== null) {
      return latest;
    }
  }
  return null;
}

/**
 * The limits of a kind that bind an account in every instrument that has none of its own: of the narrowest scope that
 * has one, the one of each currency that took effect last.
 */
export function generalLimits(
  rowsOf: (scope: LimitScope, scopeId: string) => readonly LimitRow[],
  type: LimitType,
  { accountId, userId }: Pick<LimitSubject, 'accountId' | 'userId'>,
): readonly LimitRow[] {
  for (const [scope, scopeId] of [
    ['account', accountId],
    ['user', userId],
    ['platform', ''],
  ] as const) {
    const rows = rowsOf(scope, scopeId).filter((row) => row.type === type);
    if (rows.length > 0) {
      const byCurrency = Map.groupBy(rows, ({ currency }) => currency);
      return [...byCurrency.values()].map((same) =>
        same.reduce((latest, row) => (isLater(row, latest) ? row : latest)),
      );
    }
  }
  return [];
}

/**
 * Whether an order keeps its limits; null means it does. What is missing refuses before what is exceeded.
 * Limits that the order brings close are added to `near`.
 */
export function limitRefusal(
  state: RiskState,
  subject: LimitSubject,
  wanted: Wanted,
  near: NearLimit[],
): LimitRefusal | null {
  let exceeded: LimitRefusal | null = null;
  for (const type of typesFor(state, subject, wanted)) {
    const limit = state.bindingOf(type, subject);
    const used = limit === null ? null : USED[type](state, limit, subject, wanted);
    if (limit === null || used === null) {
      return { reason: 'limit_missing', limitId: limit?.id ?? null, type };
    }
    if (used > limit.value) {
      exceeded ??= { reason: 'limit_exceeded', limitId: limit.id, type };
    } else if (TOLD.has(type) && isNear(limit, used)) {
      near.push({ limit, used });
    }
  }
  return exceeded;
}

/** What somebody of the firm is told of before it is used up. */
const TOLD: ReadonlySet<LimitType> = new Set(['max_position', 'max_daily_volume', 'max_daily_loss']);

/** A limit of nothing is never near its end: it forbids. */
export function isNear(limit: Pick<LimitRow, 'value' | 'alertPercent'>, used: bigint): boolean {
  return used > 0n && limit.value > 0n && used * HUNDRED >= limit.value * BigInt(limit.alertPercent);
}

/** What was lost since the day of a limit began, over what the limit covers; negative for a gain. */
export function lossUnder(state: RiskState, limit: LimitRow, subject: LimitSubject): bigint | null {
  let used: bigint | null = 0n;
  for (const turnover of turnoversUnder(state, limit, subject)) {
    used = plus(used, amountUnder(state, limit, subject, turnover, -turnover.realisedPnl));
  }
  return used;
}

/** A spot sale lessens what is at risk: it needs no limit of position or loss, and spot has no leverage. */
function typesFor(state: RiskState, subject: LimitSubject, wanted: Wanted): readonly LimitType[] {
  const grows = wanted.kind === 'spot' ? wanted.side === 'buy' : opensContract(state, subject, wanted);
  const lists = grows ? GROWING : REDUCING;
  if (wanted.kind === 'spot') {
    return wanted.rests ? lists.restingSpot : lists.spot;
  }
  return wanted.rests ? lists.restingContract : lists.contract;
}

const LESS = ['max_order_value', 'max_daily_volume'] as const;
const MORE = [...LESS, 'max_position', 'max_daily_loss'] as const;

const REDUCING = listsOf(LESS);
const GROWING = listsOf(MORE);

function listsOf(types: readonly LimitType[]) {
  return {
    spot: types,
    restingSpot: [...types, 'max_open_orders'],
    contract: [...types, 'max_leverage'],
    restingContract: [...types, 'max_open_orders', 'max_leverage'],
  } as const satisfies Readonly<Record<string, readonly LimitType[]>>;
}

/** False only where everything open in this direction closes what stands in the other. */
function opensContract(state: RiskState, { accountId, instrumentId }: LimitSubject, wanted: Wanted): boolean {
  const own = state.exposuresOf(accountId).find((exposure) => exposure.instrumentId === instrumentId);
  const net = own?.netQuantity ?? 0n;
  const against = wanted.side === 'buy' ? -net : net;
  const open = (wanted.side === 'buy' ? own?.openBuyValue : own?.openSellValue) ?? 0n;
  return open + wanted.value > worthOf(against, wanted.price);
}

type Measure = (state: RiskState, limit: LimitRow, subject: LimitSubject, wanted: Wanted) => bigint | null;

/** How much of a limit is used once the order is accepted; null where that cannot be said. */
const USED: Readonly<Record<LimitType, Measure>> = {
  max_order_value: (state, limit, subject, { value }) => convertUnder(state, limit, subject, value),
  max_open_orders: openOrdersUnder,
  max_leverage: (_state, _limit, _subject, { leverage }) => leverage,
  max_daily_volume: volumeUnder,
  max_position: positionUnder,
  max_daily_loss: lossUnder,
};

function openOrdersUnder(state: RiskState, limit: LimitRow, subject: LimitSubject): bigint {
  let count = 1;
  for (const exposure of exposuresUnder(state, limit, subject)) {
    count += exposure.openOrders;
  }
  return BigInt(count) * ONE;
}

/** What was traded and what every open order would still turn over. */
function volumeUnder(state: RiskState, limit: LimitRow, subject: LimitSubject, { value }: Wanted) {
  let used = convertUnder(state, limit, subject, value);
  for (const open of exposuresUnder(state, limit, subject)) {
    used = plus(used, amountUnder(state, limit, subject, open, open.openBuyValue + open.openSellValue));
  }
  for (const turnover of turnoversUnder(state, limit, subject)) {
    used = plus(used, amountUnder(state, limit, subject, turnover, turnover.volume));
  }
  return used;
}

/**
 * A position is one in an instrument; of spot it is what is held of the asset, wherever it came from and
 * whichever instrument buys more of it. A short position counts against what buys.
 */
function positionUnder(
  state: RiskState,
  limit: LimitRow,
  subject: LimitSubject,
  { kind, side, value, price }: Wanted,
): bigint | null {
  let used = convertUnder(state, limit, subject, value);
  for (const accountId of accountsUnder(limit, subject)) {
    let held = kind === 'spot' ? state.heldOf(accountId, subject.asset) : 0n;
    for (const open of state.exposuresOf(accountId)) {
      const same = open.instrumentId === subject.instrumentId;
      if (same || (kind === 'spot' && open.asset === subject.asset)) {
        const opening = side === 'buy' ? open.openBuyValue : open.openSellValue;
        used = plus(used, amountUnder(state, limit, subject, open, opening));
      }
      if (same && kind === 'contract') {
        held += open.netQuantity;
      }
    }
    used = plus(used, convertUnder(state, limit, subject, worthOf(side === 'buy' ? held : -held, price)));
  }
  return used;
}

function accountsUnder(limit: LimitRow, { accountId, ownAccounts }: LimitSubject): readonly Id[] {
  return limit.scope === 'user' ? ownAccounts : [accountId];
}

function* exposuresUnder(state: RiskState, limit: LimitRow, subject: LimitSubject): Generator<Exposure> {
  for (const accountId of accountsUnder(limit, subject)) {
    for (const exposure of state.exposuresOf(accountId)) {
      if (covers(limit, subject, exposure)) {
        yield exposure;
      }
    }
  }
}

function* turnoversUnder(state: RiskState, limit: LimitRow, subject: LimitSubject): Generator<Turnover> {
  for (const accountId of accountsUnder(limit, subject)) {
    for (const turnover of state.turnoversOf(accountId)) {
      if (turnover.since === limit.dayStart && covers(limit, subject, turnover)) {
        yield turnover;
      }
    }
  }
}

/** A limit of an instrument or an asset counts what happened there, any other all of the account's. */
function covers(
  { scope }: LimitRow,
  subject: LimitSubject,
  counted: { readonly instrumentId: Id; readonly asset: string },
): boolean {
  switch (scope) {
    case 'instrument':
      return counted.instrumentId === subject.instrumentId;
    case 'asset':
      return counted.asset === subject.asset;
    case 'account':
    case 'user':
    case 'platform':
      return true;
  }
}

/** A limit in no currency counts what is in the currency of the order, for each by itself. */
function amountUnder(
  state: RiskState,
  limit: LimitRow,
  subject: LimitSubject,
  counted: { readonly currency: string },
  amount: bigint,
): bigint | null {
  if (amount === 0n || (limit.currency === null && counted.currency !== subject.currency)) {
    return 0n;
  }
  return state.convert(amount, counted.currency, limit.currency ?? subject.currency);
}

function convertUnder(state: RiskState, limit: LimitRow, subject: LimitSubject, amount: bigint) {
  return state.convert(amount, subject.currency, limit.currency ?? subject.currency);
}

function worthOf(quantity: bigint, price: bigint): bigint {
  // Towards more at risk: a holding counts as too much rather than too little.
  return divideRounded(quantity * price, ONE, quantity > 0n ? 'up' : 'down');
}

function plus(left: bigint | null, right: bigint | null): bigint | null {
  return left === null || right === null ? null : left + right;
}

function scopeIdOf(scope: LimitScope, subject: LimitSubject): string {
  switch (scope) {
    case 'account':
      return subject.accountId;
    case 'user':
      return subject.userId;
    case 'instrument':
      return subject.instrumentId;
    case 'asset':
      return subject.asset;
    case 'platform':
      return '';
  }
}

function comesBefore(row: LimitRow, other: LimitRow, currency: string): boolean {
  const [direct, otherDirect] = [isDirect(row, currency), isDirect(other, currency)];
  if (direct !== otherDirect) {
    return direct;
  }
  return isLater(row, other);
}

function isLater(row: LimitRow, other: LimitRow): boolean {
  return (
    row.effectiveFrom > other.effectiveFrom ||
    (row.effectiveFrom === other.effectiveFrom && row.id > other.id)
  );
}

function isDirect(row: LimitRow, currency: string): boolean {
  return row.currency === null || row.currency === currency;
}
