/**
 * What holding positions costs or earns, booked against the house at the end of each period. Whoever holds a
 * position then is charged for the period, at the price of then, however late this runs: what traded since is
 * taken back off the quantity. A row per position and period makes it safe to run twice.
 */
import { and, eq, inArray, sql } from 'drizzle-orm';
import {
  type Amount,
  amountOf,
  formatAmount,
  ONE,
  readStoredAmount,
  storedAmount,
  ZERO,
} from '../../../kernel/amount.ts';
import { dayOf } from '../../../kernel/business-date.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { divideRounded } from '../../../kernel/rounding.ts';
import { addMs, type Instant, readStoredInstant } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayLiteral, arrayParameter, insertRows } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { transact } from '../../../platform/db/transact.ts';
import { publish } from '../../../platform/outbox/publish.ts';
import { type Gate, isRestricted, lockGates } from '../../identity/index.ts';
import {
  houseWallet,
  type LockedWallet,
  lockSpendable,
  type NewJournal,
  postJournals,
} from '../../ledger/index.ts';
import { raiseAlerts } from '../../risk/index.ts';
import { marginHolds, positions } from '../positions/schema.ts';
import { CONTRACT_CLEARING, FIRM_AS_DEBTOR, releaseMarginHolds } from '../positions/settle-contracts.ts';
import { MARGIN_EVENTS } from './audit.ts';
import { type FundingPeriod, periodsBetween, uncharged } from './funding-periods.ts';
import { lossBorneAlert } from './loss-borne-alert.ts';
import { fundingFor } from './rules.ts';
import { fundingCursors, positionFunding } from './schema.ts';

type Position = typeof positions.$inferSelect;

type Instrument = {
  readonly id: Id;
  readonly symbol: string;
  readonly asset: string;
  readonly longRateBps: number;
  readonly shortRateBps: number;
  readonly dayCount: 'actual_360' | 'actual_365';
  readonly fundingHours: number;
  /** Up to when its positions are charged; null before the first time. */
  readonly chargedTo: Instant | null;
  /** When the first of them was opened. */
  readonly openedAt: Instant;
};

type Charge = {
  readonly position: Position;
  /** Negative for a short position. */
  readonly quantity: Amount;
  /** What it costs; negative where it pays. */
  readonly amount: Amount;
  readonly rateBps: number;
  readonly waived: boolean;
};

/** A charge with who pays what of it. */
type Shared = Charge & { readonly borne: Amount; readonly journalId: Id | null };

/** What is still being settled as a period ends has this long to be there. */
const GRACE_MS = 10_000;
/** After a long stop the rest is caught up with by the next runs. */
const PERIODS_MAX = 400;
const BATCH_POSITIONS = 500;

/**
 * Charges every period that has ended, of every contract that somebody held.
 * @effects `position_funding`, `positions.funding_paid`, journals of kind `funding`, `funding_cursors`; audit
 *   `funding.charged`, outbox `trading.funding_charged`
 */
export async function chargeFunding(ctx: Ctx): Promise<void> {
  const until = addMs(ctx.deps.clock.now(), -GRACE_MS);
  for (const instrument of await heldInstruments(ctx)) {
    const { chargedTo, openedAt, fundingHours } = instrument;
    const periods =
      chargedTo === null
        ? periodsBetween(openedAt, until, fundingHours, ctx.deps.timeZone, PERIODS_MAX)
        : uncharged(chargedTo, until, fundingHours, ctx.deps.timeZone, PERIODS_MAX);
    for (const period of periods) {
      for (let charged = BATCH_POSITIONS; charged === BATCH_POSITIONS; ) {
        charged = await transact(ctx, 'engine', (tx) => chargeBatch(tx, ctx, instrument, period));
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

/** @shape how many positions were charged */
async function chargeBatch(tx: Tx, ctx: Ctx, instrument: Instrument, period: FundingPeriod): Promise<number> {
  const due = await duePositions(tx, instrument, period);
  if (due.length === 0) {
    return 0;
  }
  const gates = await lockGates(
    tx,
    due.map(({ userId }) => userId),
  );
  const houses = await housesOf(tx, ctx, instrument, due);
  const walletIds = [...new Set(due.map(({ walletId }) => walletId))];
  const locked = await lockSpendable(tx, ctx, [
    ...walletIds,
    ...[...houses.values()].flatMap(({ clearing, firm }) => [clearing, firm]),
  ]);
  // Whoever ran at the same time may have been here before the wallets were locked.
  const ids = new Set((await duePositions(tx, instrument, period)).map(({ id }) => id));
  const standing = due.filter(({ id }) => ids.has(id));
  const price = await priceAt(tx, instrument.id, period.end);
  const charges = (await quantitiesAt(tx, standing, period.end)).map(({ position, quantity }) =>
    chargeOf(position, quantity, price, instrument, period, gates.get(position.userId)),
  );
  const spendable = await spendableIn(tx, walletIds, locked);
  const shared = charges.map((charge) => share(charge, spendable));
  await write(tx, ctx, { instrument, period, price, shared, houses });
  return due.length;
}

/** The positions that stood as the period ended and are not charged for it. */
async function duePositions(tx: Tx, { id }: Instrument, { end }: FundingPeriod): Promise<Position[]> {
  return tx
    .select()
    .from(positions)
    .where(
      and(
        eq(positions.instrumentId, id),
        sql`${positions.openedAt} < ${end}::timestamptz`,
        sql`(${positions.closedAt} is null or ${positions.closedAt} >= ${end}::timestamptz)`,
        sql`not exists (select from ${positionFunding} f where f.position_id = ${positions.id} and f.period_end = ${end}::timestamptz)`,
      ),
    )
    .orderBy(positions.id)
    .limit(BATCH_POSITIONS);
}

type Houses = ReadonlyMap<string, { readonly clearing: Id; readonly firm: Id }>;

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
          and c.opened_at < ${at}::timestamptz order by c.opened_at desc limit 1), q.last) end as price
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

type Charged = {
  readonly instrument: Instrument;
  readonly period: FundingPeriod;
  readonly price: Amount;
  readonly shared: readonly Shared[];
  readonly houses: Houses;
};

async function write(tx: Tx, ctx: Ctx, charged: Charged): Promise<void> {
  const { instrument, period, price, shared } = charged;
  const costing = shared.filter(({ amount }) => amount !== 0n);
  await releaseMarginHolds(tx, [...new Set(costing.map(({ position }) => position.walletId))].sort());
  await postJournals(
    tx,
    ctx,
    costing.flatMap((charge) => journalsOf(ctx, charged, charge)),
  );
  await addToPositions(tx, costing);
  await insertRows(
    tx,
    positionFunding,
    shared.map(({ position, quantity, amount, borne, rateBps, waived, journalId }) => ({
      positionId: position.id,
      userId: position.userId,
      accountId: position.accountId,
      walletId: position.walletId,
      quantity,
      rateBps,
      amount,
      borne,
      waived,
      journalId,
    })),
    {
      periodEnd: period.end,
      instrumentId: instrument.id,
      price,
      periodSeconds: period.seconds,
      chargedAt: ctx.deps.clock.now(),
    },
  );
  await tell(tx, ctx, charged, costing);
}

function journalsOf(ctx: Ctx, { instrument, period, houses }: Charged, charge: Shared): NewJournal[] {
  const { position, amount, borne, journalId } = charge;
  const { clearing = '', firm = '' } = houses.get(position.book) ?? {};
  const common = {
    book: position.book,
    kind: 'funding',
    referenceType: 'position_funding',
    referenceId: position.id,
    description: `${instrument.symbol} held to ${period.end}`,
    valueDate: dayOf(addMs(period.end, -1), ctx.deps.timeZone),
  } as const;
  const paid = amount - borne;
  const own =
    journalId === null
      ? []
      : [
          {
            ...common,
            id: journalId,
            entries: [
              { walletId: position.walletId, amount: amountOf(-paid) },
              { walletId: clearing, amount: amountOf(paid) },
            ],
          },
        ];
  const firms =
    borne === 0n
      ? []
      : [
          {
            ...common,
            description: `Borne by the firm: ${common.description}`,
            entries: [
              { walletId: firm, amount: amountOf(-borne) },
              { walletId: clearing, amount: borne },
            ],
          },
        ];
  return [...own, ...firms];
}

/** By trigger the wallets hold again what their positions require. */
async function addToPositions(tx: Tx, costing: readonly Shared[]): Promise<void> {
  if (costing.length === 0) {
    return;
  }
  const ids = sql.param(
    arrayParameter(
      'uuid',
      costing.map(({ position }) => position.id),
    ),
  );
  const column = (pick: (charge: Shared) => bigint) =>
    sql`${sql.param(arrayLiteral(costing.map((charge) => storedAmount(pick(charge)))))}::numeric[]`;
  await executePrepared(
    tx,
    sql`update ${positions} p set funding_paid = p.funding_paid + charge.amount,
        loss_borne = p.loss_borne + charge.borne
      from unnest(${ids}::uuid[], ${column(({ amount }) => amount)}, ${column(({ borne }) => borne)})
        as charge (id, amount, borne)
      where p.id = charge.id and p.id = any (${ids}::uuid[])`,
  );
}

async function tell(
  tx: Tx,
  ctx: Ctx,
  { instrument, period, shared }: Charged,
  costing: readonly Shared[],
): Promise<void> {
  const sum = (pick: (charge: Shared) => bigint) =>
    formatAmount(shared.reduce((total, charge) => total + pick(charge), 0n));
  await record(tx, ctx, {
    event: MARGIN_EVENTS['funding.charged'],
    resource: { type: 'instrument', id: instrument.id },
    subjectUserId: null,
    after: {
      symbol: instrument.symbol,
      asset: instrument.asset,
      periodEnd: period.end,
      positions: shared.length,
      waived: shared.filter(({ waived }) => waived).length,
      paid: sum(({ amount, borne }) => (amount > 0n ? amount - borne : 0n)),
      received: sum(({ amount }) => (amount < 0n ? -amount : 0n)),
      borne: sum(({ borne }) => borne),
    },
  });
  await raiseAlerts(
    tx,
    ctx,
    costing
      .filter(({ borne }) => borne > 0n)
      .map(({ position, borne }) => lossBorneAlert(position, `${position.id} ${period.end}`, borne)),
  );
  await publish(
    tx,
    ctx,
    costing.map(({ position, amount }) => ({
      type: 'trading.funding_charged',
      userId: position.userId,
      accountId: position.accountId,
      customerVisible: true,
      data: {
        positionId: position.id,
        accountId: position.accountId,
        symbol: position.symbol,
        periodEnd: period.end,
        amount: formatAmount(amount),
        asset: instrument.asset,
        occurredAt: ctx.deps.clock.now(),
      },
    })),
  );
}
