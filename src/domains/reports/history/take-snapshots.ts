import { and, eq, inArray, max, sql } from 'drizzle-orm';
import type { Amount } from '../../../kernel/amount.ts';
import { present } from '../../../kernel/assert.ts';
import { addDays, dayOf, endOfDay } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs } from '../../../kernel/time.ts';
import { record } from '../../../platform/audit/record.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { insertRows } from '../../../platform/db/insert-rows.ts';
import { lockExclusive } from '../../../platform/db/locks.ts';
import { transact } from '../../../platform/db/transact.ts';
import { accountsAfter } from '../../accounts/index.ts';
import { HISTORY_EVENTS } from './audit.ts';
import { readDayFacts } from './day-facts.ts';
import { type Owner, readDayPrices } from './day-prices.ts';
import { basisOf, isEmptyDay, valueDay } from './rules.ts';
import { portfolioDays, portfolioSnapshots } from './schema.ts';

/** What was being booked when a day ended is booked by then. */
const BOOKING_MS = 5 * 60_000;

const BATCH_ACCOUNTS = 500;

/**
 * Writes what accounts were worth at the end of each day of the firm that has ended since the last one that is
 * complete; the first one ever is the last that has ended. It may stop anywhere and go on later, with the same result:
 * days are made from entries and kept prices.
 * @effects rows of `portfolio_snapshots` and `portfolio_days`; audit `portfolio.snapshots_taken` and
 *   `portfolio.day_completed`
 */
export async function takeSnapshots(ctx: Ctx): Promise<void> {
  for (let day = await dayDue(ctx); day !== null; day = await dayDue(ctx)) {
    let after: Id | null = null;
    do {
      const from: Id | null = after;
      const taken: string = day;
      after = await transact(ctx, 'engine', (tx) => takeBatch(tx, ctx, taken, from));
    } while (after !== null);
    await completeDay(ctx, day);
  }
}

/** The next day that has ended and is not complete. */
async function dayDue(ctx: Ctx): Promise<string | null> {
  const { clock, timeZone } = ctx.deps;
  const ended = addDays(dayOf(addMs(clock.now(), -BOOKING_MS), timeZone), -1);
  const [last] = await ctx.deps.db.engine.select({ day: max(portfolioDays.day) }).from(portfolioDays);
  const next = last?.day == null ? ended : addDays(last.day, 1);
  return next <= ended ? next : null;
}

/** @shape the last account of the batch, null where there was none */
async function takeBatch(tx: Tx, ctx: Ctx, day: string, after: Id | null): Promise<Id | null> {
  await lockExclusive(tx, ['portfolio_snapshots']);
  const owners = await accountsAfter(tx, after, BATCH_ACCOUNTS);
  if (owners.length === 0) {
    return null;
  }
  const rows = await snapshotsOf(tx, ctx, day, owners);
  await insertRows(tx, portfolioSnapshots, rows);
  if (rows.length > 0) {
    await record(tx, ctx, {
      event: HISTORY_EVENTS['portfolio.snapshots_taken'],
      resource: { type: 'portfolio_day', id: day },
      subjectUserId: null,
      after: { day, snapshots: rows.length, gaps: rows.filter(({ equity }) => equity === null).length },
    });
  }
  return present(owners.at(-1), 'the batch has an account').id;
}

type SnapshotRow = typeof portfolioSnapshots.$inferInsert;

async function snapshotsOf(tx: Tx, ctx: Ctx, day: string, all: readonly Owner[]): Promise<SnapshotRow[]> {
  const { timeZone, clock } = ctx.deps;
  const before = addDays(day, -1);
  const span = { from: endOfDay(before, timeZone), to: endOfDay(day, timeZone) };
  const { openings, taken, dayBefore } = await knownOf(tx, all, before, day);
  const owners = all.filter(({ id }) => !taken.has(id));
  const ids = owners.map(({ id }) => id);
  const facts = await readDayFacts(tx, ids, span, dayBefore?.commissionsSince ?? span.from);
  const prices = await readDayPrices(tx, owners, facts, span.to);
  const takenAt = clock.now();
  return owners.flatMap((owner) => {
    const ofDay = present(facts.get(owner.id), 'every account was read');
    const opening = openings(owner.id);
    if (isEmptyDay(ofDay, opening)) {
      return [];
    }
    const { id: accountId, userId, baseCurrency: currency } = owner;
    const priced = present(prices.get(currency), 'every currency was read');
    const values = valueDay(ofDay, priced, currency, opening);
    return [{ accountId, userId, day, currency, opening, ...values, basis: basisOf(ofDay, priced), takenAt }];
  });
}

/** What is known of accounts already: their equity of the day before, and whose row of this day is written. */
async function knownOf(tx: Tx, owners: readonly Owner[], before: string, day: string) {
  const ids = owners.map(({ id }) => id);
  const [complete] = await tx.select().from(portfolioDays).where(eq(portfolioDays.day, before));
  const rows = await tx
    .select({
      accountId: portfolioSnapshots.accountId,
      day: portfolioSnapshots.day,
      equity: portfolioSnapshots.equity,
    })
    .from(portfolioSnapshots)
    .where(and(inArray(portfolioSnapshots.accountId, ids), inArray(portfolioSnapshots.day, [before, day])));
  const equityOf = new Map(
    rows.flatMap((row) => (row.day === before ? [[row.accountId, row.equity] as const] : [])),
  );
  // An account without a row on a day that is complete had nothing then; before the first day nobody knows.
  const unseen = complete === undefined ? null : (0n as Amount);
  return {
    dayBefore: complete,
    openings: (accountId: Id): Amount | null => {
      const equity = equityOf.get(accountId);
      return equity === undefined ? unseen : equity;
    },
    taken: new Set(rows.flatMap((row) => (row.day === day ? [row.accountId] : []))),
  };
}

async function completeDay(ctx: Ctx, day: string): Promise<void> {
  const { timeZone } = ctx.deps;
  const span = { beginsAt: endOfDay(addDays(day, -1), timeZone), endsAt: endOfDay(day, timeZone) };
  await transact(ctx, 'engine', async (tx) => {
    const [counted] = await tx
      .select({
        snapshots: sql<number>`count(*)::int`,
        gaps: sql<number>`(count(*) filter (where ${portfolioSnapshots.equity} is null))::int`,
      })
      .from(portfolioSnapshots)
      .where(eq(portfolioSnapshots.day, day));
    const counts = present(counted, 'a count has a row');
    const [before] = await tx
      .select({ commissionsSince: portfolioDays.commissionsSince })
      .from(portfolioDays)
      .where(eq(portfolioDays.day, addDays(day, -1)));
    const commissionsSince = before?.commissionsSince ?? span.beginsAt;
    const completed = { day, ...span, commissionsSince, ...counts, completedAt: ctx.deps.clock.now() };
    const [row] = await tx.insert(portfolioDays).values(completed).onConflictDoNothing().returning();
    if (row !== undefined) {
      await record(tx, ctx, {
        event: HISTORY_EVENTS['portfolio.day_completed'],
        resource: { type: 'portfolio_day', id: day },
        subjectUserId: null,
        after: row,
      });
    }
  });
}
