/**
 * One look at the instruments that moved: what was reached is told, what no longer holds is armed again,
 * and what customers changed is taken in. All that lasts is in the rows; what is kept here can be lost.
 */
import { gt, inArray, sql } from 'drizzle-orm';
import { present } from '../../../kernel/assert.ts';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import { isUnavailable } from '../../../platform/db/errors.ts';
import { transact } from '../../../platform/db/transact.ts';
import { inHalves } from '../../../platform/in-halves.ts';
import { type AlertBook, createAlertBook, type Reached, type WatchedAlert } from './alert-book.ts';
import { type LookedAt, lastPrices, readFigures } from './read-figures.ts';
import { type Condition, levelsOf, metricName } from './rules.ts';
import { priceAlerts } from './schema.ts';
import type { AlertRow } from './store.ts';
import { ALERT_BATCH, armReleased, endExpired, readExpired, tellReached } from './tell-alerts.ts';

export type Evaluation = {
  readonly book: AlertBook;
  readonly looked: Map<Id, LookedAt>;
  /** The last prices that were looked at. */
  readonly seen: Map<Id, bigint>;
  /** What was reached and is told later, by its alert, which is not in the book meanwhile. */
  readonly untold: Map<Id, Untold>;
  /** Up to when changes of alerts were read; null before the first time. */
  readTo: Instant | null;
};

/** What failed by itself is tried again when everything is looked at; what somebody held, with the next look. */
type Untold = { readonly reached: Reached; readonly failed: boolean };

/** Of so many instruments figures are read together. */
const INSTRUMENT_BATCH = 500;
/** Rows may be committed this long after they were written. */
const LATE_MS = 5_000;
/** How far behind ours the clock of another node may be. */
const SKEW_MS = 5_000;

/** What an evaluator knows when it begins: nothing. */
export function newEvaluation(): Evaluation {
  return { book: createAlertBook(), looked: new Map(), seen: new Map(), untold: new Map(), readTo: null };
}

/**
 * Evaluates once. `moved` names instruments that were heard to move; others are found by their last price.
 * With `everything`, what moves with time alone is looked at as well, and what expired ends. With `changed`, what customers
 * changed is taken in.
 * @effects what `tellReached`, `armReleased` and `endExpired` do
 */
export async function evaluate(
  deps: Deps,
  evaluation: Evaluation,
  moved: ReadonlySet<Id>,
  everything: boolean,
  changed = true,
): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'job', name: 'markets.price-alerts' }, newId());
  if (everything) {
    await inBatches(ctx, await readExpired(ctx), async (ids) => {
      for (const id of await endExpired(ctx, ids)) {
        evaluation.book.remove(id);
        evaluation.untold.delete(id);
      }
    });
  }
  await look(ctx, evaluation, moved, everything);
  if (!changed && evaluation.readTo !== null) {
    return;
  }
  // After the look: a print from before an alert was made is none of its business.
  const fresh = await takeIn(ctx, evaluation);
  if (fresh.size > 0) {
    await look(ctx, evaluation, fresh, false);
  }
}

async function look(
  ctx: Ctx,
  evaluation: Evaluation,
  moved: ReadonlySet<Id>,
  everything: boolean,
): Promise<void> {
  const { book, seen, looked } = evaluation;
  const nowSeen = new Map<Id, bigint>();
  const nowLooked = new Map<Id, LookedAt>();
  const reached: Reached[] = [];
  const released: WatchedAlert[] = [];
  // Prices are published to all: they are read as customers read them.
  await transact(ctx, 'app', async (tx) => {
    const prices = await lastPrices(tx, book.instruments());
    const due = [...prices].filter(
      ([instrumentId, last]) => everything || moved.has(instrumentId) || seen.get(instrumentId) !== last,
    );
    for (let from = 0; from < due.length; from += INSTRUMENT_BATCH) {
      const wanted = due.slice(from, from + INSTRUMENT_BATCH).map(([instrumentId, last]) => ({
        instrumentId,
        last,
        known: looked.get(instrumentId),
        metrics: book.metricsOf(instrumentId),
      }));
      const figures = await readFigures(tx, ctx, wanted);
      for (const { instrumentId, last, metrics } of wanted) {
        const { readings, looked: now } = present(figures.get(instrumentId), 'it was asked for');
        nowSeen.set(instrumentId, last);
        nowLooked.set(instrumentId, now);
        for (const metric of metrics) {
          const reading = readings.get(metricName(metric));
          if (reading !== undefined) {
            reached.push(...book.reached(instrumentId, metric, reading));
            released.push(...book.released(instrumentId, metric, reading.last));
          }
        }
      }
    }
  });
  await tell(ctx, evaluation, reached, everything);
  await arm(ctx, evaluation, released);
  // Only now: had the telling failed, the same prints would be looked at again.
  for (const [id, last] of nowSeen) {
    seen.set(id, last);
  }
  for (const [id, each] of nowLooked) {
    looked.set(id, each);
  }
}

async function tell(
  ctx: Ctx,
  { book, untold }: Evaluation,
  reached: readonly Reached[],
  everything: boolean,
): Promise<void> {
  const waiting = [...untold.values()].filter(({ failed }) => everything || !failed);
  // One that waits for two levels is told once.
  const once = new Map(
    [...waiting.map((each) => each.reached), ...reached].map((each) => [each.alert.id, each]),
  );
  const work = async (batch: readonly Reached[]): Promise<void> => {
    const { rows, held } = await tellReached(ctx, batch);
    for (const each of batch) {
      // What was not told is not as it was read; its row comes with the changes.
      book.remove(each.alert.id);
      untold.delete(each.alert.id);
      if (held.has(each.alert.id)) {
        untold.set(each.alert.id, { reached: each, failed: false });
      }
    }
    for (const row of rows) {
      put(book, row);
    }
  };
  await inBatches(ctx, [...once.values()], work, (each) => {
    book.remove(each.alert.id);
    untold.set(each.alert.id, { reached: each, failed: true });
  });
}

async function arm(ctx: Ctx, { book }: Evaluation, released: readonly WatchedAlert[]): Promise<void> {
  const now = ctx.deps.clock.now();
  const due = [...new Set(released)].filter(({ quietUntil }) => quietUntil === null || quietUntil <= now);
  const work = async (batch: readonly WatchedAlert[]): Promise<void> => {
    const { rows, held } = await armReleased(ctx, batch);
    // What somebody holds comes again with the next look.
    for (const { id } of batch.filter((alert) => !held.has(alert.id))) {
      book.remove(id);
    }
    for (const row of rows) {
      put(book, row);
    }
  };
  // What failed stays where it is, and comes again with the next look at its price.
  await inBatches(ctx, due, work);
}

/** Works on batches in their order; of one that fails only what fails by itself is left out. */
async function inBatches<Item>(
  ctx: Ctx,
  items: readonly Item[],
  work: (batch: readonly Item[]) => Promise<void>,
  leftOut: (item: Item) => void = () => {},
): Promise<void> {
  for (let from = 0; from < items.length; from += ALERT_BATCH) {
    await inHalves(items.slice(from, from + ALERT_BATCH), work, (failure, alone) => {
      if (isUnavailable(failure)) {
        throw failure;
      }
      if (alone !== undefined) {
        const kind = failure instanceof Error ? failure.name : 'unknown';
        ctx.deps.log.error({ failure: kind }, 'a price alert could not be followed; it is tried again');
        leftOut(alone);
      }
    });
  }
}

/** Reads alerts that were made or changed. @shape the instruments of those that are new to the book */
async function takeIn(ctx: Ctx, evaluation: Evaluation): Promise<ReadonlySet<Id>> {
  const { book, untold, readTo } = evaluation;
  const asked = ctx.deps.clock.realNow();
  const known = (id: Id): number =>
    Math.max(book.get(id)?.version ?? 0, untold.get(id)?.reached.alert.version ?? 0);
  const heads = await ctx.deps.db.engine
    .select({ id: priceAlerts.id, version: priceAlerts.version, active: priceAlerts.active })
    .from(priceAlerts)
    .where(readTo === null ? sql`active` : gt(priceAlerts.changedAt, addMs(readTo, -LATE_MS)));
  const changed = heads.filter(({ id, version }) => known(id) < version);
  for (const { id } of changed) {
    book.remove(id);
    untold.delete(id);
  }
  const fresh = new Set<Id>();
  const ids = changed.filter(({ active }) => active).map(({ id }) => id);
  for (let from = 0; from < ids.length; from += ALERT_BATCH) {
    const batch = inArray(priceAlerts.id, ids.slice(from, from + ALERT_BATCH));
    for (const row of await ctx.deps.db.engine.select().from(priceAlerts).where(batch)) {
      put(book, row);
      if (row.active) {
        fresh.add(row.instrumentId);
      }
    }
  }
  const behind = addMs(asked, -SKEW_MS);
  evaluation.readTo = readTo === null || behind > readTo ? behind : readTo;
  return fresh;
}

function put(book: AlertBook, row: AlertRow): void {
  if (!row.active) {
    book.remove(row.id);
    return;
  }
  book.put({
    id: row.id,
    instrumentId: row.instrumentId,
    version: row.version,
    armed: row.armed,
    quietUntil: row.triggeredAt === null ? null : addMs(row.triggeredAt, row.cooldownSeconds * 1_000),
    levels: levelsOf(row.condition as Condition),
  });
}
