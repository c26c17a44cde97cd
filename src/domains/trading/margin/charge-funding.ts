/**
 * What holding positions costs or earns, booked against the house at the end of each period. Whoever holds a
 * position then is charged for the period, at the price of then, however late this runs: what traded since is
 * taken back off the quantity. A row per position and period makes it safe to run twice.
 */
import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import { type Amount, amountOf, ONE, readStoredAmount, ZERO } from '../../../kernel/amount.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import { type Ctx, type Deps, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { inHalves } from '../../../platform/in-halves.ts';
import { type Gate, isRestricted, lockGates } from '../../identity/index.ts';
import { houseWallet, type LockedWallet, lockSpendable, lockWallets } from '../../ledger/index.ts';
import { NEWEST_CANDLE_FIRST } from '../../markets/index.ts';
import type { OrderRow } from '../pipeline/ticket.ts';
import { tradingEngine } from '../pipeline/trading-engine.ts';
import { marginHolds, positions } from '../positions/schema.ts';
import { CONTRACT_CLEARING, FIRM_AS_DEBTOR } from '../positions/settle-contracts.ts';
import { readTiedCash } from '../positions/tied-cash.ts';
import { recordCancelRequests } from '../record-cancel-requests.ts';
import { orders } from '../schema.ts';
import { boundLockWaits, freeWalletsFirst, takeWallets } from './free-wallets-first.ts';
import { type FundingPeriod, periodsBetween, uncharged } from './funding-periods.ts';
import { fundingFor } from './rules.ts';
import { fundingCursors, positionFunding } from './schema.ts';
import { tellStalled } from './tell-stalled.ts';
import { walletsInHalves } from './wallets-in-halves.ts';
import {
  type Charge,
  type Houses,
  type Instrument,
  type Position,
  type Shared,
  type WaivedFor,
  writeFunding,
} from './write-funding.ts';

/** What is still being settled as a period ends has this long to be there. */
const GRACE_MS = 10_000;
/** After a long stop the rest is caught up with by the next runs. */
const PERIODS_MAX = 400;
/** Wallets that are charged in one transaction. */
const BATCH_WALLETS = 500;
/** Orders that are asked to end in one transaction. */
const BATCH_ORDERS = 100;
/**
 * So long after a period the firm does not bear what open orders tie: they end first, as often as they are placed anew.
 * So long it is waited, too, for a wallet that is not active, stays held or cannot be charged, from when that was first
 * seen here: a stop of days leaves nobody waived for a moment.
 */
const TIED_MS = 10 * 60_000;
/** How often and how long it is waited for orders that are to end: in another process, or at a venue. */
const LOOKS_MAX = 20;
const LOOK_MS = 50;

/** Since when wallets that a contract would have charged could not be, each time that somebody looked. */
const hindered = perDeps((_deps: Deps) => new Map<Id, ReadonlyMap<Id, Instant>>());

const NOTHING_TIED: ReadonlyMap<Id, readonly Id[]> = new Map();

/**
 * Charges every period that has ended, of every contract that somebody held.
 * @effects `position_funding`, `positions.funding_paid`, journals of kind `funding`, `funding_cursors`; audit
 *   `funding.charged`, outbox `trading.funding_charged`; those of cancel requests where open orders tie what would pay;
 *   perhaps the alarm `funding.stalled`
 */
export async function chargeFunding(ctx: Ctx): Promise<void> {
  const until = addMs(ctx.deps.clock.now(), -GRACE_MS);
  for (const instrument of await heldInstruments(ctx)) {
    await chargeInstrument(ctx, instrument, until).catch(failedOf(ctx, instrument));
  }
}

function failedOf({ deps }: Ctx, { id: instrumentId }: Instrument): (failure: unknown) => false {
  return (failure) => {
    const kind = failure instanceof Error ? failure.name : 'unknown';
    deps.log.error({ failure: kind, instrumentId }, 'funding could not be charged and is tried again');
    return false;
  };
}

async function chargeInstrument(ctx: Ctx, instrument: Instrument, until: Instant): Promise<void> {
  const { chargedTo, openedAt, fundingHours } = instrument;
  const periods =
    chargedTo === null
      ? periodsBetween(openedAt, until, fundingHours, ctx.deps.timeZone, PERIODS_MAX)
      : uncharged(chargedTo, until, fundingHours, ctx.deps.timeZone, PERIODS_MAX);
  for (const period of periods) {
    if (!(await chargePeriod(ctx, instrument, period).catch(failedOf(ctx, instrument)))) {
      // Who is not charged yet is with the next run, which begins with this period again.
      await tellStalled(ctx, instrument, period.end);
      break;
    }
    await ctx.deps.db.engine
      .insert(fundingCursors)
      .values({ instrumentId: instrument.id, chargedTo: period.end })
      .onConflictDoUpdate({
        target: fundingCursors.instrumentId,
        set: { chargedTo: sql`greatest(${fundingCursors.chargedTo}, excluded.charged_to)` },
      });
  }
}

async function heldInstruments({ deps }: Ctx): Promise<Instrument[]> {
  const rows = await deps.db.engine.execute<
    Readonly<Record<'id' | 'symbol' | 'asset' | 'opened_at', string>> & {
      readonly charged_to: string | null;
      readonly day_count: Instrument['dayCount'];
      readonly long_rate_bps: number;
      readonly short_rate_bps: number;
      readonly funding_hours: number;
    }
  >(sql`
    select i.id, i.symbol, i.settlement_asset as asset, i.long_rate_bps, i.short_rate_bps, i.day_count,
      i.funding_hours, c.charged_to::text as charged_to, first.opened_at::text as opened_at
    from instruments i left join funding_cursors c on c.instrument_id = i.id
    cross join lateral (select min(p.opened_at) as opened_at from positions p where p.instrument_id = i.id) first
    where i.kind = 'contract' and first.opened_at is not null order by i.id`);
  return rows.map((row) => ({
    id: row.id,
    symbol: row.symbol,
    asset: row.asset,
    longRateBps: row.long_rate_bps,
    shortRateBps: row.short_rate_bps,
    dayCount: row.day_count,
    fundingHours: row.funding_hours,
    chargedTo: row.charged_to === null ? null : readStoredInstant(row.charged_to),
    openedAt: readStoredInstant(row.opened_at),
  }));
}

/**
 * Charges all that held an instrument as a period ended. Before the firm bears anything, open orders of who owes it end
 * that tie what would pay; where that takes longer, or is tied anew, it is tried again for so long. Then it is over for
 * everybody, so that nobody keeps others from being charged for the next.
 * @shape whether everybody is charged, or waived
 */
async function chargePeriod(ctx: Ctx, instrument: Instrument, period: FundingPeriod): Promise<boolean> {
  const first = await chargeAll(ctx, instrument, period, false);
  const isLast = ctx.deps.clock.now() > addMs(period.end, TIED_MS);
  if (first.tied.length > 0) {
    await endOrders(ctx, first.tied);
  }
  const { tied, barred, stuck } =
    first.tied.length === 0 ? first : await chargeAll(ctx, instrument, period, isLast);
  const lasting = lastingOf(ctx, instrument, [...barred, ...stuck]);
  if (isLast) {
    const lastingly = (walletIds: readonly Id[]) => walletIds.filter((id) => lasting.has(id));
    const isAlone = stuck.length > 0 && (await areMostCharged(ctx, instrument, period, stuck.length));
    const waived = [
      ...(await waive(ctx, instrument, period, lastingly(barred), 'wallet_not_active')),
      ...(await waive(ctx, instrument, period, isAlone ? lastingly(stuck) : [], 'wallet_not_chargeable')),
    ];
    return tied.length === 0 && waived.length === barred.length + stuck.length;
  }
  return tied.length === 0 && barred.length + stuck.length === 0;
}

/** Those of the wallets that could not be charged for so long, whoever looked. */
function lastingOf({ deps }: Ctx, { id }: Instrument, walletIds: readonly Id[]): ReadonlySet<Id> {
  const now = deps.clock.now();
  const before = hindered(deps).get(id);
  const since = new Map(walletIds.map((walletId) => [walletId, before?.get(walletId) ?? now]));
  hindered(deps).set(id, since);
  return new Set(walletIds.filter((walletId) => now > addMs(since.get(walletId) ?? now, TIED_MS)));
}

/** Whether what keeps some wallets from being charged is theirs: as many others of the contract were. */
async function areMostCharged(
  { deps }: Ctx,
  { id }: Instrument,
  { end }: FundingPeriod,
  than: number,
): Promise<boolean> {
  const [row] = await deps.db.engine.execute<{ charged: number }>(sql`
    select count(distinct p.wallet_id)::int as charged from ${positions} p
    join ${positionFunding} f on f.position_id = p.id and f.period_end = ${end}::timestamptz and not f.waived
    where p.instrument_id = ${id}::uuid`);
  return (row?.charged ?? 0) >= than;
}

/** Waives a period for wallets, each by itself and without their locks. @shape those that it was waived for */
async function waive(
  ctx: Ctx,
  instrument: Instrument,
  period: FundingPeriod,
  walletIds: readonly Id[],
  why: WaivedFor,
): Promise<readonly Id[]> {
  const waived: Id[] = [];
  for (const walletId of walletIds) {
    const batch = { instrument, period, walletIds: [walletId], bears: true, waivedFor: why };
    const undone = await walletsInHalves(ctx, [walletId], async () => {
      await transact(ctx, 'engine', (tx) => chargeBatch(tx, ctx, batch));
    });
    if (undone.length === 0) {
      waived.push(walletId);
    }
  }
  return waived;
}

type Outcome = {
  /** The orders that tie what would pay for positions that were passed over; none where the firm bears that. */
  readonly tied: readonly Id[];
  /** Wallets that are not active. */
  readonly barred: readonly Id[];
  /** Wallets that somebody held for too long, or that could not be charged. */
  readonly stuck: readonly Id[];
};

/** Charges those that nobody holds first and together. It is never waited for a wallet while that of the house is held. */
async function chargeAll(
  ctx: Ctx,
  instrument: Instrument,
  period: FundingPeriod,
  bears: boolean,
): Promise<Outcome> {
  const tied: Id[] = [];
  const barred: Id[] = [];
  const charged = new Set<Id>();
  const due = await dueWallets(ctx, instrument, period);
  await freeWalletsFirst(ctx, due, BATCH_WALLETS, async (walletIds, onlyFree) => {
    if (!onlyFree) {
      await transact(ctx, 'engine', async (tx) => {
        await lockWallets(tx, [...(await takeWallets(tx, walletIds, false))]);
      });
    }
    const batch = await transact(ctx, 'engine', (tx) =>
      chargeBatch(tx, ctx, { instrument, period, walletIds, bears }),
    );
    tied.push(...batch.tied);
    barred.push(...batch.barred);
    for (const walletId of batch.taken) {
      charged.add(walletId);
    }
    return batch.taken;
  });
  return { tied, barred, stuck: due.filter((walletId) => !charged.has(walletId)) };
}

type Batch = {
  readonly instrument: Instrument;
  readonly period: FundingPeriod;
  readonly walletIds: readonly Id[];
  readonly bears: boolean;
  /** Where nothing is booked to the wallets, whoever holds them. */
  readonly waivedFor?: WaivedFor;
};

/** @shape the orders that tie what would pay, the wallets that are not active, and those that nobody held */
async function chargeBatch(
  tx: Tx,
  ctx: Ctx,
  { instrument, period, walletIds, bears, waivedFor }: Batch,
): Promise<Pick<Outcome, 'tied' | 'barred'> & { readonly taken: ReadonlySet<Id> }> {
  await boundLockWaits(tx);
  const due = await duePositions(tx, instrument, period, walletIds);
  if (due.length === 0) {
    return { tied: [], barred: [], taken: new Set(walletIds) };
  }
  const gates = await lockGates(
    tx,
    due.map(({ userId }) => userId),
  );
  const houses = await housesOf(tx, ctx, instrument, due);
  const houseIds = [...houses.values()].flatMap(({ clearing, firm }) => [clearing, firm]);
  // Who has to wait for the house holds nobody meanwhile.
  await lockWallets(tx, houseIds);
  const taken = waivedFor === undefined ? await takeWallets(tx, walletIds, true) : new Set(walletIds);
  const locked = await lockSpendable(tx, ctx, [...(waivedFor === undefined ? taken : []), ...houseIds]);
  // Whoever ran at the same time may have been here before the wallets were locked.
  const ids = new Set((await duePositions(tx, instrument, period, [...taken])).map(({ id }) => id));
  const standing = due.filter(({ id }) => ids.has(id));
  const price = await priceAt(tx, instrument.id, period.end);
  const charges = (await quantitiesAt(tx, standing, period.end)).map(({ position, quantity }) =>
    chargeOf(position, quantity, price, instrument, period, gates.get(position.userId)),
  );
  const isBarred = ({ position, amount }: Charge) =>
    amount !== 0n && locked.get(position.walletId)?.status !== 'active';
  const barred = charges.filter(isBarred);
  const spendable = await spendableIn(tx, [...taken], locked);
  const all = charges.filter((charge) => !isBarred(charge)).map((charge) => share(charge, spendable));
  const tied = bears ? NOTHING_TIED : await tiedOf(tx, ctx, all);
  const shared = all.filter(({ borne, position }) => borne === 0n || !tied.has(position.walletId));
  const unbooked = waivedFor === undefined ? [] : barred;
  if (shared.length > 0 || unbooked.length > 0) {
    await writeFunding(tx, ctx, { instrument, period, price, shared, unbooked, waivedFor, houses });
  }
  return {
    tied: [...tied.values()].flat(),
    barred: [...new Set(barred.map(({ position }) => position.walletId))],
    taken,
  };
}

/**
 * The open orders of those who could not pay, by wallet: no more of them than cover what is missing, those that nobody
 * has asked to end before and the latest first. One that was asked long ago ties as well: the customer may have asked.
 */
async function tiedOf(tx: Tx, ctx: Ctx, shared: readonly Shared[]): Promise<ReadonlyMap<Id, readonly Id[]>> {
  const short = Map.groupBy(
    shared.filter(({ borne }) => borne > 0n),
    ({ position }) => position.walletId,
  );
  const tied = await readTiedCash(tx, ctx, [...short.keys()], 'any');
  return new Map(
    [...tied].map(([walletId, open]) => {
      let missing = (short.get(walletId) ?? []).reduce((sum, { borne }) => sum + borne, 0n);
      const latest = open.toReversed();
      const inTurn = [...latest.filter(({ asked }) => !asked), ...latest.filter(({ asked }) => asked)];
      const ending = inTurn.filter(({ reservation }) => {
        const needed = missing > 0n;
        missing -= reservation;
        return needed;
      });
      return [walletId, ending.map(({ id }) => id)];
    }),
  );
}

/**
 * Asks for the end of orders, and waits a moment until their books, wherever they are, have let go of them. One that cannot
 * be asked keeps neither the others from it nor anybody from being charged.
 */
async function endOrders(ctx: Ctx, orderIds: readonly Id[]): Promise<void> {
  const asked = new Map<Id, OrderRow>();
  const ask = async (some: readonly Id[]): Promise<void> => {
    const rows = await transact(ctx, 'engine', async (tx) => {
      await boundLockWaits(tx);
      return recordCancelRequests(tx, ctx, some, 'insufficient_margin');
    });
    for (const row of rows) {
      asked.set(row.id, row);
    }
  };
  for (let from = 0; from < orderIds.length; from += BATCH_ORDERS) {
    await inHalves(orderIds.slice(from, from + BATCH_ORDERS), ask, (failure, orderId) => {
      if (orderId !== undefined) {
        const kind = failure instanceof Error ? failure.name : 'unknown';
        ctx.deps.log.error({ failure: kind, orderId }, 'an order that ties what funding costs was not ended');
      }
    });
  }
  try {
    await tradingEngine(ctx.deps).carryOutCancels([...asked.values()]);
    for (let looks = 0; looks < LOOKS_MAX && (await areOpen(ctx, orderIds)); looks += 1) {
      await Bun.sleep(LOOK_MS);
    }
  } catch (failure) {
    const kind = failure instanceof Error ? failure.name : 'unknown';
    ctx.deps.log.error({ failure: kind }, 'orders that tie what funding costs were not waited for');
  }
}

async function areOpen({ deps }: Ctx, orderIds: readonly Id[]): Promise<boolean> {
  const ids = sql.param(arrayParameter('uuid', orderIds));
  const open = await deps.db.engine
    .select({ id: orders.id })
    .from(orders)
    .where(and(sql`${orders.id} = any (${ids}::uuid[])`, isNull(orders.closedAt)))
    .limit(1);
  return open.length > 0;
}

/** What stood as a period ended and is not charged for it. */
function isDue({ id }: Instrument, { end }: FundingPeriod) {
  return and(
    eq(positions.instrumentId, id),
    sql`${positions.openedAt} < ${end}::timestamptz`,
    sql`(${positions.closedAt} is null or ${positions.closedAt} >= ${end}::timestamptz)`,
    sql`not exists (select from ${positionFunding} f where f.position_id = ${positions.id} and f.period_end = ${end}::timestamptz)`,
  );
}

async function dueWallets({ deps }: Ctx, instrument: Instrument, period: FundingPeriod): Promise<Id[]> {
  const rows = await deps.db.engine
    .selectDistinct({ walletId: positions.walletId })
    .from(positions)
    .where(isDue(instrument, period))
    .orderBy(positions.walletId);
  return rows.map(({ walletId }) => walletId);
}

async function duePositions(
  tx: Tx,
  instrument: Instrument,
  period: FundingPeriod,
  walletIds: readonly Id[],
): Promise<Position[]> {
  return tx
    .select()
    .from(positions)
    .where(and(isDue(instrument, period), inArray(positions.walletId, [...walletIds])))
    .orderBy(positions.id);
}

async function housesOf(tx: Tx, ctx: Ctx, { asset }: Instrument, due: readonly Position[]): Promise<Houses> {
  const houses = new Map<string, { clearing: Id; firm: Id }>();
  for (const book of new Set(due.map((position) => position.book))) {
    const clearing = await houseWallet(tx, ctx, {
      role: 'clearing',
      reference: CONTRACT_CLEARING,
      book,
      asset,
    });
    const firm = await houseWallet(tx, ctx, { role: 'receivable', reference: FIRM_AS_DEBTOR, book, asset });
    houses.set(book, { clearing: clearing.id, firm: firm.id });
  }
  return houses;
}

/** The price as the period ended: that of now where it has not moved since, else the last one before. */
async function priceAt(tx: Tx, instrumentId: Id, at: Instant): Promise<Amount> {
  const [row] = await executePrepared<{ price: string }>(
    tx,
    sql`select case when q.quoted_at < ${at}::timestamptz then q.last else coalesce((
        select c.close from candles c where c.instrument_id = q.instrument_id and c.interval = '1m'
          and c.opened_at < ${at}::timestamptz order by ${NEWEST_CANDLE_FIRST} limit 1), q.last) end as price
      from quotes q where q.instrument_id = ${instrumentId}::uuid`,
  );
  return row === undefined ? ZERO : readStoredAmount(row.price);
}

/** What was held then: what is held now less what traded since. */
async function quantitiesAt(tx: Tx, standing: readonly Position[], at: Instant) {
  const moved = standing.filter(({ updatedAt }) => updatedAt >= at).map(({ id }) => id);
  const rows =
    moved.length === 0
      ? []
      : await executePrepared<{ id: Id; net: string }>(
          tx,
          sql`select p.id, (coalesce((
              select case o.side when 'long' then o.quantity else -o.quantity end from positions o
              where o.account_id = p.account_id and o.instrument_id = p.instrument_id and o.closed_at is null), 0)
            - coalesce((
              select sum(case f.side when 'buy' then f.quantity else -f.quantity end) from fills f
              where f.account_id = p.account_id and f.symbol = p.symbol and f.executed_at >= ${at}::timestamptz), 0)
            )::numeric(20, 8) as net
            from positions p where p.id = any (${sql.param(arrayParameter('uuid', moved))}::uuid[])`,
        );
  const before = new Map(rows.map(({ id, net }) => [id, readStoredAmount(net)]));
  return standing.map((position) => {
    const now = position.side === 'long' ? position.quantity : amountOf(-position.quantity);
    return { position, quantity: before.get(position.id) ?? now };
  });
}

/** Nothing is taken from whom a restriction freezes, and nothing given. */
function chargeOf(
  position: Position,
  quantity: Amount,
  price: Amount,
  { longRateBps, shortRateBps, dayCount }: Instrument,
  { seconds }: FundingPeriod,
  gate: Gate | undefined,
): Charge {
  const rateBps = position.side === 'long' ? longRateBps : shortRateBps;
  const waived = position.book === 'live' && isRestricted(gate, 'reduce');
  const held = quantity < 0n ? -quantity : quantity;
  const value = amountOf(divideRounded(held * price, ONE, 'half_even'));
  const amount = waived ? ZERO : fundingFor(value, { rateBps, dayCount }, seconds);
  return { position, quantity, amount, rateBps, waived };
}

/** What each wallet can pay: all that holds and orders do not reserve. */
async function spendableIn(
  tx: Tx,
  walletIds: readonly Id[],
  locked: ReadonlyMap<Id, LockedWallet>,
): Promise<Map<Id, bigint>> {
  const held = await tx
    .select({ walletId: marginHolds.walletId, held: marginHolds.held })
    .from(marginHolds)
    .where(inArray(marginHolds.walletId, [...walletIds]));
  return new Map(
    held.flatMap((hold) => {
      const wallet = locked.get(hold.walletId);
      return wallet === undefined ? [] : [[hold.walletId, wallet.total - wallet.reserved + hold.held]];
    }),
  );
}

/** A wallet pays what it has; the firm bears the rest openly. */
function share(charge: Charge, spendable: Map<Id, bigint>): Shared {
  const { walletId } = charge.position;
  const has = spendable.get(walletId) ?? 0n;
  const payable = has > 0n ? has : 0n;
  const paid = charge.amount > payable ? payable : charge.amount;
  spendable.set(walletId, has - paid);
  return { ...charge, borne: amountOf(charge.amount - paid), journalId: paid === 0n ? null : newId() };
}
