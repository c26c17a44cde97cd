/**
 * What the limits of a batch of orders are measured by, read in four statements at most, whatever the
 * history. Whoever decides on it holds the people's risk locks, so that two transactions at once cannot
 * both slip under a limit.
 */
import { sql } from 'drizzle-orm';
import { readStoredAmount } from '../../kernel/amount.ts';
import { addDays, dayOf, endOfDay } from '../../kernel/business-date.ts';
import type { Id } from '../../kernel/id.ts';
import { type Instant, readStoredInstant } from '../../kernel/time.ts';
import { type Ctx, type Deps, perDeps } from '../../platform/context.ts';
import type { Tx } from '../../platform/db/client.ts';
import { arrayLiteral, arrayParameter } from '../../platform/db/insert-rows.ts';
import type { LockWish } from '../../platform/db/locks.ts';
import { executePrepared } from '../../platform/db/prepared.ts';
import { together } from '../../platform/db/transact.ts';
import { accountsOfUsers } from '../accounts/index.ts';
import { ratesBetween } from '../markets/index.ts';
import { type Convert, convertBy } from './convert.ts';
import {
  bindingLimit,
  type Exposure,
  type LimitRow,
  type LimitScope,
  type LimitSubject,
  type LimitType,
  type RiskState,
  type Turnover,
} from './rules.ts';

/** An account and an instrument it trades. */
export type RiskSubject = {
  readonly accountId: Id;
  readonly userId: Id;
  readonly book: 'live' | 'paper';
  readonly instrumentId: Id;
  readonly asset: string;
  readonly currency: string;
};

/** What a batch found; orders that it accepts are added to it. */
export type RiskSnapshot = {
  readonly subjectOf: (subject: RiskSubject) => LimitSubject;
  /** The accounts whose holdings count. */
  readonly accountIds: readonly Id[];
  readonly measuredBy: (heldOf: RiskState['heldOf']) => RiskState;
  /** Counts an order in, or with `-1` out. @units value: quote asset */
  readonly count: (subject: RiskSubject, side: 'buy' | 'sell', value: bigint, orders: 1 | -1) => void;
};

type Counted = { -readonly [Key in keyof Exposure]: Exposure[Key] };

/** What keeps every other batch from deciding on orders of these people until the transaction ends. */
export function riskLocks(userIds: readonly Id[]): LockWish {
  return { names: userIds.map((userId) => `risk:${userId}`), hold: 'exclusive' };
}

/** The zones that days of limits began in so far: the next limits most likely begin in one of them. */
const zonesSeen = perDeps(({ timeZone }: Deps) => new Set([timeZone]));

/**
 * Reads what the limits of these subjects are measured by. All of it is asked for at once, as limits mostly are; what
 * only these limits count besides is asked for when they are known.
 */
export async function readRisk(tx: Tx, ctx: Ctx, subjects: readonly RiskSubject[]): Promise<RiskSnapshot> {
  const own = [...new Set(subjects.map(({ accountId }) => accountId))];
  const startIn = dayStarts(ctx);
  const guessed = new Set([...zonesSeen(ctx.deps)].map(startIn));
  const [limits, ownExposures, ownTurnovers] = await together(
    limitsFor(tx, ctx, subjects, startIn),
    exposuresOf(tx, own),
    turnoversOf(tx, own, guessed),
  );
  const starts = new Set(limits.map(({ dayStart }) => dayStart));
  const limited = new Set(limits.filter(({ scope }) => scope === 'user').map(({ scopeId }) => scopeId));
  const users = subjects.map(({ userId }) => userId).filter((userId) => limited.has(userId));
  const owned = users.length === 0 ? new Map<string, readonly Id[]>() : await accountsOfUsers(tx, users);
  const accountIds = [...new Set([...own, ...[...owned.values()].flat()])];
  const others = accountIds.slice(own.length);
  const exposures =
    others.length === 0 ? ownExposures : [...ownExposures, ...(await exposuresOf(tx, others))];
  const turnovers =
    others.length === 0 && starts.isSubsetOf(guessed)
      ? ownTurnovers.filter(({ since }) => starts.has(since))
      : await turnoversOf(tx, accountIds, starts);
  const convert = await converterFor(tx, ctx, limits, [...subjects, ...exposures, ...turnovers]);
  const byAccount = Map.groupBy(exposures, ({ accountId }) => accountId);
  return {
    accountIds,
    subjectOf: subjectsOf(owned),
    measuredBy: (heldOf) => stateOf(limits, byAccount, turnovers, convert, heldOf),
    count: (subject, side, value, orders) => {
      const counted = countedIn(byAccount, subject);
      counted.openOrders += orders;
      if (side === 'buy') {
        counted.openBuyValue += BigInt(orders) * value;
      } else {
        counted.openSellValue += BigInt(orders) * value;
      }
    },
  };
}

function stateOf(
  limits: readonly LimitRow[],
  exposures: ReadonlyMap<Id, readonly Exposure[]>,
  turnovers: readonly Turnover[],
  convert: Convert,
  heldOf: RiskState['heldOf'],
): RiskState {
  const byScope = new Map(
    [...Map.groupBy(limits, ({ scope }) => scope)].map(([scope, rows]) => [
      scope,
      Map.groupBy(rows, ({ scopeId }) => scopeId),
    ]),
  );
  const rowsOf = (scope: LimitScope, scopeId: string) => byScope.get(scope)?.get(scopeId) ?? NONE;
  const traded = Map.groupBy(turnovers, ({ accountId }) => accountId);
  return {
    bindingOf: (type, subject) => bindingLimit(rowsOf, type, subject),
    exposuresOf: (accountId) => exposures.get(accountId) ?? NONE,
    turnoversOf: (accountId) => traded.get(accountId) ?? NONE,
    heldOf,
    convert,
  };
}

const NONE: readonly never[] = [];

function subjectsOf(owned: ReadonlyMap<string, readonly Id[]>) {
  return ({ accountId, userId, book, instrumentId, asset, currency }: RiskSubject): LimitSubject => ({
    accountId,
    userId,
    instrumentId,
    asset,
    currency,
    ownAccounts: owned.get(`${userId} ${book}`) ?? [accountId],
  });
}

function countedIn(byAccount: Map<Id, Counted[]>, subject: RiskSubject): Counted {
  const { accountId, instrumentId, asset, currency } = subject;
  const known = byAccount.get(accountId);
  const counted = known?.find((exposure) => exposure.instrumentId === instrumentId);
  if (counted !== undefined) {
    return counted;
  }
  const fresh = { openOrders: 0, openBuyValue: 0n, openSellValue: 0n, netQuantity: 0n };
  const added = { accountId, instrumentId, asset, currency, ...fresh };
  byAccount.set(accountId, [...(known ?? []), added]);
  return added;
}

/** The limits in force that could bind any of the subjects; `bindingLimit` picks. */
function limitsFor(
  tx: Tx,
  ctx: Ctx,
  subjects: readonly RiskSubject[],
  startIn: (zone: string) => Instant,
): Promise<readonly LimitRow[]> {
  return limitsInForce(
    tx,
    ctx,
    subjects.flatMap(({ accountId, userId, instrumentId, asset }) => [
      accountId,
      userId,
      instrumentId,
      asset,
    ]),
    startIn,
  );
}

/** The limits in force of the platform, and of these accounts, people, instruments and assets. */
export async function limitsInForce(
  tx: Tx,
  ctx: Ctx,
  ids: readonly string[],
  startIn: (zone: string) => Instant = dayStarts(ctx),
): Promise<readonly LimitRow[]> {
  const scopeIds = new Set(['', ...ids]);
  const now = ctx.deps.clock.now();
  const rows = await executePrepared<StoredLimit>(
    tx,
    sql`select l.id, l.scope, l.scope_id, l.type, l.value, l.currency, l.effective_from, l.alert_percent, l.day_zone
      from risk_limits l
      where l.active and l.scope_id = any (${sql.param(arrayLiteral([...scopeIds].sort()))}::text[])
        and l.effective_from <= ${now}::timestamptz
        and (l.effective_until is null or l.effective_until > ${now}::timestamptz)
        and not exists (select from risk_limit_withdrawals w where w.limit_id = l.id)`,
  );
  return rows.map((row) => ({
    id: row.id,
    scope: row.scope,
    scopeId: row.scope_id,
    type: row.type,
    value: readStoredAmount(row.value),
    currency: row.currency,
    effectiveFrom: readStoredInstant(row.effective_from),
    alertPercent: row.alert_percent,
    dayStart: startIn(row.day_zone ?? ctx.deps.timeZone),
  }));
}

type StoredLimit = {
  readonly id: Id;
  readonly scope: LimitScope;
  readonly scope_id: string;
  readonly type: LimitType;
  readonly value: string;
  readonly currency: string | null;
  readonly effective_from: string;
  readonly alert_percent: number;
  readonly day_zone: string | null;
};

/** When the day of now began in a zone; zones that are asked for are remembered. */
function dayStarts(ctx: Ctx): (zone: string) => Instant {
  const now = ctx.deps.clock.now();
  const starts = new Map<string, Instant>();
  return (zone) => {
    const start = starts.get(zone) ?? endOfDay(addDays(dayOf(now, zone), -1), zone);
    starts.set(zone, start);
    zonesSeen(ctx.deps).add(zone);
    return start;
  };
}

async function exposuresOf(tx: Tx, accountIds: readonly Id[]): Promise<Counted[]> {
  const wanted = sql.param(arrayParameter('uuid', accountIds));
  const rows = await executePrepared<
    Names &
      Readonly<Record<'open_buy_value' | 'open_sell_value' | 'net_quantity', string>> & {
        readonly open_orders: number;
      }
  >(
    tx,
    sql`select e.account_id, e.instrument_id, i.base_asset, i.quote_asset, e.open_orders,
        e.open_buy_value, e.open_sell_value, e.net_quantity
      from risk_exposures e join instruments i on i.id = e.instrument_id
      where e.account_id = any (${wanted}::uuid[])`,
  );
  return rows.map((row) => ({
    ...namesIn(row),
    openOrders: row.open_orders,
    openBuyValue: readStoredAmount(row.open_buy_value),
    openSellValue: readStoredAmount(row.open_sell_value),
    netQuantity: readStoredAmount(row.net_quantity),
  }));
}

/** Sums since each day that a limit counts from. */
async function turnoversOf(
  tx: Tx,
  accountIds: readonly Id[],
  days: ReadonlySet<Instant>,
): Promise<readonly Turnover[]> {
  const starts = arrayLiteral([...days]);
  const rows = await executePrepared<Names & Readonly<Record<'since' | 'volume' | 'realised_pnl', string>>>(
    tx,
    sql`select t.account_id, t.instrument_id, i.base_asset, i.quote_asset, day.since, sum(t.volume)::numeric(28, 8)
        as volume, sum(t.realised_pnl)::numeric(28, 8) as realised_pnl
      from unnest(${sql.param(starts)}::timestamptz[]) as day (since)
      join risk_turnovers t on t.account_id = any (${sql.param(arrayParameter('uuid', accountIds))}::uuid[])
        and t.quarter_at >= day.since
      join instruments i on i.id = t.instrument_id
      group by t.account_id, t.instrument_id, i.base_asset, i.quote_asset, day.since`,
  );
  return rows.map((row) => ({
    ...namesIn(row),
    since: readStoredInstant(row.since),
    volume: readStoredAmount(row.volume),
    realisedPnl: readStoredAmount(row.realised_pnl),
  }));
}

type Names = Readonly<Record<'account_id' | 'instrument_id' | 'base_asset' | 'quote_asset', string>>;

function namesIn(row: Names) {
  return {
    accountId: row.account_id,
    instrumentId: row.instrument_id,
    asset: row.base_asset,
    currency: row.quote_asset,
  };
}

/** Rates are read only where a limit is in a currency that something it counts is not in. */
async function converterFor(
  tx: Tx,
  ctx: Ctx,
  limits: readonly LimitRow[],
  counted: readonly { readonly currency: string }[],
): Promise<Convert> {
  const targets = new Set(limits.flatMap(({ currency }) => currency ?? []));
  const sources = new Set(counted.map(({ currency }) => currency));
  const foreign = [...targets].some((target) => sources.size > 1 || !sources.has(target));
  return convertBy(foreign ? await ratesBetween(tx, ctx, [...targets, ...sources]) : []);
}
