/**
 * One look at the instruments that moved: what was reached is told, what no longer holds is armed again,
 * and what customers changed is taken in. All that lasts is in the rows; what is kept here can be lost.
 */
import { gt, sql } from 'drizzle-orm';
import { type Id, newId } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { type Ctx, type Deps, machineCtx } from '../../../platform/context.ts';
import { transact } from '../../../platform/db/transact.ts';
import {
  type AlertBook,
  createAlertBook,
  type Reached,
  type Reading,
  type WatchedAlert,
} from './alert-book.ts';
import { type LookedAt, lastPrices, readFigures, readPrices } from './read-figures.ts';
import { type Condition, levelsOf, metricName } from './rules.ts';
import { priceAlerts } from './schema.ts';
import type { AlertRow } from './store.ts';
import { armReleased, endExpired, tellReached } from './tell-alerts.ts';

export type Evaluation = {
  readonly book: AlertBook;
  readonly looked: Map<Id, LookedAt>;
  /** The last prices that were looked at. */
  readonly seen: Map<Id, bigint>;
  /** Up to when changes of alerts were read; null before the first time. */
  readTo: Instant | null;
};

/** Rows may be committed this long after they were written. */
const LATE_MS = 5_000;
/** How many are told in one transaction. */
const BATCH = 200;

/** What an evaluator knows when it begins: nothing. */
export function newEvaluation(): Evaluation {
  return { book: createAlertBook(), looked: new Map(), seen: new Map(), readTo: null };
}

/**
 * Evaluates once. `moved` names instruments that were heard to move; others are found by their last price.
 * With `everything`, what moves with time alone is looked at as well, and what expired ends.
 * @effects what `tellReached`, `armReleased` and `endExpired` do
 */
export async function evaluate(
  deps: Deps,
  evaluation: Evaluation,
  moved: ReadonlySet<Id>,
  everything: boolean,
): Promise<void> {
  const ctx = machineCtx(deps, { kind: 'job', name: 'markets.price-alerts' }, newId());
  if (everything) {
    for (const id of await endExpired(ctx)) {
      evaluation.book.remove(id);
    }
  }
  await look(ctx, evaluation, moved, everything);
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
    for (const [instrumentId, last] of prices) {
      if (!everything && !moved.has(instrumentId) && seen.get(instrumentId) === last) {
        continue;
      }
      nowSeen.set(instrumentId, last);
      const metrics = book.metricsOf(instrumentId);
      const price = await readPrices(tx, ctx, instrumentId, looked.get(instrumentId), last);
      nowLooked.set(instrumentId, price.looked);
      const others = metrics.filter(({ name }) => name !== 'price');
      const figures = new Map<string, Reading>([
        ['price', price.reading],
        ...(await readFigures(tx, ctx, instrumentId, others, last)),
      ]);
      for (const metric of metrics) {
        const reading = figures.get(metricName(metric));
        if (reading !== undefined) {
          reached.push(...book.reached(instrumentId, metric, reading));
          released.push(...book.released(instrumentId, metric, reading.last));
        }
      }
    }
  });
  await follow(ctx, evaluation, reached, released);
  // Only now: had the telling failed, the same prints would be looked at again.
  for (const [id, last] of nowSeen) {
    seen.set(id, last);
  }
  for (const [id, each] of nowLooked) {
    looked.set(id, each);
  }
}

async function follow(
  ctx: Ctx,
  { book }: Evaluation,
  reached: readonly Reached[],
  released: readonly WatchedAlert[],
): Promise<void> {
  const now = ctx.deps.clock.now();
  // One that waits for two levels is told once.
  const once = [...new Map(reached.map((each) => [each.alert.id, each])).values()];
  for (let from = 0; from < once.length; from += BATCH) {
    const batch = once.slice(from, from + BATCH);
    const told = await tellReached(ctx, batch);
    for (const { alert } of batch) {
      // What was not told is not as it was read; its row comes with the changes.
      book.remove(alert.id);
    }
    for (const row of told) {
      put(book, row);
    }
  }
  const due = [...new Set(released)].filter(({ quietUntil }) => quietUntil === null || quietUntil <= now);
  for (let from = 0; from < due.length; from += BATCH) {
    const batch = due.slice(from, from + BATCH);
    const armed = await armReleased(ctx, batch);
    for (const { id } of batch) {
      book.remove(id);
    }
    for (const row of armed) {
      put(book, row);
    }
  }
}

/** Reads alerts that were made or changed. @shape the instruments of those that are new to the book */
async function takeIn(ctx: Ctx, evaluation: Evaluation): Promise<ReadonlySet<Id>> {
  const { book, readTo } = evaluation;
  const rows = await ctx.deps.db.engine
    .select()
    .from(priceAlerts)
    .where(readTo === null ? sql`active` : gt(priceAlerts.changedAt, addMs(readTo, -LATE_MS)));
  evaluation.readTo ??= ctx.deps.clock.realNow();
  const fresh = new Set<Id>();
  for (const row of rows) {
    evaluation.readTo = row.changedAt > evaluation.readTo ? row.changedAt : evaluation.readTo;
    if ((book.get(row.id)?.version ?? 0) < row.version) {
      put(book, row);
      if (row.active) {
        fresh.add(row.instrumentId);
      }
    }
  }
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
