/**
 * A venue that is not there: it executes against the quotes of our own market data, by `rules.ts`. Its books are its own,
 * in tables that nothing else reads, so that it can be lost, asked and found again like one elsewhere. It keeps the halts
 * of the firm, since it has no others.
 */
import { and, asc, eq, gt, inArray } from 'drizzle-orm';
import { type Amount, amountOf, ONE, ZERO } from '../../../../kernel/amount.ts';
import { assert, present } from '../../../../kernel/assert.ts';
import { type Id, newId } from '../../../../kernel/id.ts';
import { addMs, type Instant, msOfInstant } from '../../../../kernel/time.ts';
import { type Deps, machineCtx } from '../../../../platform/context.ts';
import type { Tx } from '../../../../platform/db/client.ts';
import { insertRows } from '../../../../platform/db/insert-rows.ts';
import { lockExclusive, lockRows } from '../../../../platform/db/locks.ts';
import { together, transact } from '../../../../platform/db/transact.ts';
import { type TradableQuote, tradableQuotes } from '../../../markets/index.ts';
import type { VenueEnd } from '../../engine/command.ts';
import type { ExecutionReport, LookUp, Trading, Venue, VenueAnswer, VenueOrder } from '../venue.ts';
import { latencyOf, levelsOf, meet, type Outcome } from './execution.ts';
import { simulatedOrders, simulatedReports } from './schema.ts';

/** What orders at it are kept under. */
export const SIMULATED = 'simulated';

/** The clocks of those that send to it stand beside it; this is for one that is set while something travels. */
const SETTLE_MS = 1_000;

/** Of an instant, through its minute. */
const MINUTE_CHARACTERS = 16;

type SimulatedOrder = typeof simulatedOrders.$inferSelect;
type SimulatedReport = typeof simulatedReports.$inferSelect;

/** The simulated venue of an installation. */
export function simulatedVenue(deps: Deps): Venue {
  const work = <Result>(run: (tx: Tx) => Promise<Result>): Promise<Result> =>
    transact(machineCtx(deps, { kind: 'system', name: 'simulated.venue' }, newId()), 'engine', run);
  return {
    name: SIMULATED,
    settleMs: SETTLE_MS,
    send: (order) => work((tx) => receive(tx, deps, order)),
    cancel: (reference) => work((tx) => takeOut(tx, deps, reference)),
    lookUp: (reference) => work((tx) => tell(tx, reference)),
    collect: (references, now) => work((tx) => execute(tx, deps, references, now)),
  };
}

async function receive(tx: Tx, deps: Deps, order: VenueOrder): Promise<VenueAnswer> {
  const now = deps.clock.now();
  const latencyMs = latencyOf(deps.simulatedSeed, order.reference);
  const { reference: id, limit: limitPrice, takeUntil, ...instruction } = order;
  const [, received] = await together(
    lockReference(tx, id),
    tx
      .insert(simulatedOrders)
      .values({
        ...instruction,
        id,
        limitPrice,
        executed: ZERO,
        executedAmount: ZERO,
        resting: false,
        quoteKey: null,
        reportCount: 1,
        closed: false,
        receivedAt: now,
        dueAt: addMs(now, latencyMs),
      })
      .onConflictDoNothing()
      .returning(),
  );
  // Under the lock: a look-up that finds nothing has waited for whoever may still be in time.
  assert(deps.clock.realNow() <= takeUntil, 'what comes too late is not taken');
  if (received.length > 0) {
    await insertRows(tx, simulatedReports, [reportRow(order.reference, 1, now, { type: 'accepted' })]);
  }
  return { reports: await reportsOf(tx, order.reference), againInMs: latencyMs };
}

async function takeOut(tx: Tx, deps: Deps, reference: Id): Promise<VenueAnswer> {
  const [order] = await lockOrders(tx, [reference]);
  if (order !== undefined) {
    await keep(tx, deps.clock.now(), order, { executions: [], end: 'venue_cancelled' }, order.quoteKey);
  }
  return { reports: await reportsOf(tx, reference), againInMs: null };
}

async function tell(tx: Tx, reference: Id): Promise<LookUp> {
  // First the lock: what is being received is waited for, and read then.
  await lockReference(tx, reference);
  const reports = await reportsOf(tx, reference);
  return reports.length === 0 ? { known: false, why: 'not_there' } : { known: true, reports };
}

/** Whoever sends or looks up the same order waits until the transaction ends. */
function lockReference(tx: Tx, reference: Id): Promise<void> {
  return lockExclusive(tx, [`simulated-order:${reference}`]);
}

/** Of a quote there is so much for each minute: what stands still fills again. */
function atMinute(quote: TradableQuote, now: Instant): TradableQuote {
  return { ...quote, key: `${quote.key} ${now.slice(0, MINUTE_CHARACTERS)}` };
}

function depthKeyOf({ client, instrumentId, side }: SimulatedOrder, { key }: TradableQuote): string {
  return `${client ?? '-'} ${instrumentId} ${side} ${key}`;
}

/** Whoever executes in the same instruments waits until the transaction ends. */
function lockDepth(tx: Tx, standing: readonly SimulatedOrder[]): Promise<void> {
  return lockExclusive(
    tx,
    standing.map(({ instrumentId }) => `simulated:${instrumentId}`),
  );
}

/** What each client has had of the quotes of now. Read from the reports, so that it is the same after a restart. */
async function depthOf(
  tx: Tx,
  standing: readonly SimulatedOrder[],
  quotes: ReadonlyMap<Id, TradableQuote>,
  now: Instant,
): Promise<Map<string, bigint>> {
  const keys = standing.flatMap((order) => {
    const quote = quotes.get(order.instrumentId);
    return quote === undefined ? [] : [depthKeyOf(order, atMinute(quote, now))];
  });
  const rows = await tx
    .select({ key: simulatedReports.depthKey, quantity: simulatedReports.quantity })
    .from(simulatedReports)
    .where(inArray(simulatedReports.depthKey, [...new Set(keys)]));
  const depth = new Map<string, bigint>();
  for (const { key, quantity } of rows) {
    depth.set(key ?? '', (depth.get(key ?? '') ?? 0n) + (quantity ?? ZERO));
  }
  return depth;
}

/** Orders meet the quotes of now in the order they came. */
async function execute(
  tx: Tx,
  deps: Deps,
  references: readonly Id[],
  { trading }: Trading,
): Promise<VenueAnswer> {
  const standing = trading ? await lockOrders(tx, references) : [];
  // Before the quotes and the time are read: who had to wait would meet those of before.
  await lockDepth(tx, standing);
  const now = deps.clock.now();
  const quotes = await tradableQuotes(
    tx,
    standing.map(({ instrumentId }) => instrumentId),
  );
  const depth = await depthOf(tx, standing, quotes, now);
  let againInMs: number | null = null;
  for (const order of standing) {
    if (order.dueAt > now) {
      const waits = msOfInstant(order.dueAt) - msOfInstant(now) + 1;
      againInMs = Math.min(againInMs ?? waits, waits);
      continue;
    }
    const quote = quotes.get(order.instrumentId);
    if (quote !== undefined && !quote.stale) {
      await meetQuote(tx, deps, order, atMinute(quote, now), depth, now);
    }
  }
  return { reports: await newsOf(tx, references), againInMs };
}

async function meetQuote(
  tx: Tx,
  deps: Deps,
  order: SimulatedOrder,
  quote: TradableQuote,
  depth: Map<string, bigint>,
  now: Instant,
): Promise<void> {
  const key = depthKeyOf(order, quote);
  const taken = depth.get(key) ?? 0n;
  const outcome = meet(
    { ...order, limit: order.limitPrice },
    quote,
    levelsOf(deps.simulatedSeed, order.side, quote),
    taken,
  );
  depth.set(
    key,
    outcome.executions.reduce((sum, { quantity }) => sum + quantity, taken),
  );
  const rests = outcome.end === null && !order.resting;
  if (outcome.executions.length > 0 || outcome.end !== null || rests) {
    // What has taken nothing from a quote may still take from it.
    const quoteKey = outcome.executions.length > 0 ? quote.key : order.quoteKey;
    await keep(tx, now, order, outcome, quoteKey, { feeAsset: quote.quoteAsset, depthKey: key });
  }
}

async function keep(
  tx: Tx,
  now: Instant,
  order: SimulatedOrder,
  { executions, end }: Outcome,
  quoteKey: string | null,
  from: Pick<SimulatedReport, 'feeAsset' | 'depthKey'> = { feeAsset: null, depthKey: null },
): Promise<void> {
  const executed = executions.reduce((sum, { quantity }) => sum + quantity, order.executed as bigint);
  const amount = executions.reduce(
    (sum, { price, quantity }) => sum + (price * quantity) / ONE,
    order.executedAmount as bigint,
  );
  const fills = executions.map((execution, index) =>
    reportRow(order.id, order.reportCount + 1 + index, now, { type: 'fill', ...execution, ...from }),
  );
  const place = order.reportCount + fills.length + 1;
  const rows =
    end === null ? fills : [...fills, reportRow(order.id, place, now, endReport(end, amountOf(executed)))];
  await insertRows(tx, simulatedReports, rows);
  await tx
    .update(simulatedOrders)
    .set({
      executed: amountOf(executed),
      executedAmount: amountOf(amount),
      resting: true,
      quoteKey,
      reportCount: order.reportCount + rows.length,
      closed: end !== null,
    })
    .where(eq(simulatedOrders.id, order.id));
}

function endReport(
  end: VenueEnd,
  executed: Amount,
): Partial<SimulatedReport> & Pick<SimulatedReport, 'type'> {
  if (end === 'filled') {
    return { type: 'done', executed };
  }
  return end === 'post_only_would_cross'
    ? { type: 'rejected', reason: end }
    : { type: 'cancelled', reason: end, executed };
}

function reportRow(
  reference: Id,
  place: number,
  madeAt: Instant,
  said: Partial<SimulatedReport> & Pick<SimulatedReport, 'type'>,
): SimulatedReport {
  const nothing = {
    price: null,
    quantity: null,
    liquidity: null,
    fee: null,
    feeAsset: null,
    reason: null,
    executed: null,
    depthKey: null,
  };
  return { ...nothing, ...said, reference, place, madeAt };
}

function reportOf(row: SimulatedReport): ExecutionReport {
  const said = { reference: row.reference, reportId: `${row.reference}:${row.place}` };
  const executed = row.executed ?? ZERO;
  const reason = (row.reason ?? 'venue_cancelled') as VenueEnd;
  switch (row.type) {
    case 'accepted':
      return { ...said, type: 'accepted', venueOrderId: `S-${row.reference}` };
    case 'fill':
      return {
        ...said,
        type: 'fill',
        price: present(row.price, 'a fill has its price'),
        quantity: present(row.quantity, 'a fill has its quantity'),
        liquidity: row.liquidity === 'maker' ? 'maker' : 'taker',
        fee: row.fee ?? ZERO,
        feeAsset: row.feeAsset ?? '',
      };
    case 'rejected':
      return { ...said, type: 'rejected', reason };
    case 'cancelled':
      return { ...said, type: 'cancelled', reason, executed };
    case 'done':
      return { ...said, type: 'done', executed };
  }
}

async function reportsOf(tx: Tx, reference: Id): Promise<ExecutionReport[]> {
  const rows = await tx
    .select()
    .from(simulatedReports)
    .where(eq(simulatedReports.reference, reference))
    .orderBy(asc(simulatedReports.place));
  return rows.map(reportOf);
}

/** All that was told of orders besides that they were accepted. */
async function newsOf(tx: Tx, references: readonly Id[]): Promise<ExecutionReport[]> {
  const rows = await tx
    .select()
    .from(simulatedReports)
    .where(and(inArray(simulatedReports.reference, [...references]), gt(simulatedReports.place, 1)))
    .orderBy(asc(simulatedReports.reference), asc(simulatedReports.place));
  return rows.map(reportOf);
}

/** What is open of them, in the order it came. */
async function lockOrders(tx: Tx, references: readonly Id[]): Promise<SimulatedOrder[]> {
  const locked = await lockRows(tx, simulatedOrders, references);
  return locked
    .filter(({ closed }) => !closed)
    .sort((one, other) => (`${one.receivedAt} ${one.id}` < `${other.receivedAt} ${other.id}` ? -1 : 1));
}
