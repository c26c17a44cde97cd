import { and, count, desc, eq, gte, lt, lte, ne, or, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import { present } from '../../../kernel/assert.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import type { Activity } from '../../../platform/activity.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { readGates } from '../../identity/index.ts';
import { PAST_ROWS, type PastPart, pastPartsOf } from './past-window.ts';
import type { Peers, Reference, View } from './rule.ts';
import { monitoredActivity, peerFigures } from './schema.ts';
import { DAY_MS, FULL_BPS, hasMoved, totalBps } from './sizes.ts';

/** How far back rules look. @units ms */
export const PAST_MS = 400 * DAY_MS;
export const SHARED_MS = 365 * DAY_MS;
export const OTHERS_MS = 10 * 60_000;
const SHARERS_MOST = 50;

/** Whether an activity is of a market. */
export function isMarket({ kind }: Pick<Activity, 'kind'>): boolean {
  return kind === 'order_placed' || kind === 'order_closed' || kind === 'fill';
}

/** What rules may look at besides an activity that is stored: a bounded read, whatever the person did. */
export async function loadView(
  tx: Tx,
  stored: Activity & { readonly id: Id },
  reference: Reference,
): Promise<View> {
  const market = isMarket(stored);
  const past = await pastOf(tx, stored, pastPartsOf(market));
  return {
    past,
    movedBefore: market || isActive(past, reference) ? null : await movedBefore(tx, stored),
    others: stored.kind === 'order_placed' ? await othersOf(tx, stored) : [],
    sharers: stored.counterpartyIndex === null ? 0 : await sharersOf(tx, stored, stored.counterpartyIndex),
    peers: market ? null : await peersOf(tx, stored.userId),
    reference,
  };
}

/** Of each kind the newest, in one statement; each part is read from its own end of the index. */
async function pastOf(tx: Tx, stored: Activity & { readonly id: Id }, parts: readonly PastPart[]) {
  const [first, second, ...rest] = parts.map((part) => partOf(tx, stored, part));
  const rows = await unionAll(
    present(first, 'a past has parts'),
    present(second, 'a past has parts'),
    ...rest,
  );
  return rows.toSorted((left, right) => (left.occurredAt < right.occurredAt ? 1 : -1));
}

function partOf(tx: Tx, stored: Activity & { readonly id: Id }, { kind, isMarket: market, most }: PastPart) {
  return tx
    .select()
    .from(monitoredActivity)
    .where(
      and(
        eq(monitoredActivity.userId, stored.userId),
        eq(monitoredActivity.isMarket, market),
        eq(monitoredActivity.kind, kind),
        lte(monitoredActivity.occurredAt, stored.occurredAt),
        gte(monitoredActivity.occurredAt, addMs(stored.occurredAt, -PAST_MS)),
        // What came about in one settlement bears one instant: of those, what was told before it.
        or(lt(monitoredActivity.occurredAt, stored.occurredAt), lt(monitoredActivity.id, stored.id)),
      ),
    )
    .orderBy(desc(monitoredActivity.occurredAt))
    .limit(most);
}

/** Whether what moved is together worth so much that no rule asks what moved before. */
function isActive(past: readonly Activity[], reference: Reference): boolean {
  return totalBps(past.filter(hasMoved), reference) >= FULL_BPS;
}

/** However long ago it was: whoever did nothing for years has nothing in their past that rules look at. */
async function movedBefore(tx: Tx, stored: Activity & { readonly id: Id }): Promise<Instant | null> {
  const newest = (kind: Activity['kind'], more?: SQL) =>
    tx
      .select({ at: monitoredActivity.occurredAt })
      .from(monitoredActivity)
      .where(
        and(
          eq(monitoredActivity.userId, stored.userId),
          eq(monitoredActivity.isMarket, kind === 'fill'),
          eq(monitoredActivity.kind, kind),
          lt(monitoredActivity.occurredAt, addMs(stored.occurredAt, -PAST_MS)),
          more,
        ),
      )
      .orderBy(desc(monitoredActivity.occurredAt))
      .limit(1);
  const rows = await unionAll(
    newest('deposit'),
    newest('fill'),
    newest('withdrawal_ended', sql`${monitoredActivity.data} ->> 'end' = 'completed'`),
  );
  return (
    rows
      .map(({ at }) => at)
      .toSorted()
      .at(-1) ?? null
  );
}

async function othersOf(tx: Tx, { instrument, userId, occurredAt }: Activity) {
  return tx
    .select()
    .from(monitoredActivity)
    .where(
      and(
        eq(monitoredActivity.instrument, instrument ?? ''),
        eq(monitoredActivity.kind, 'fill'),
        ne(monitoredActivity.userId, userId),
        lte(monitoredActivity.occurredAt, occurredAt),
        gte(monitoredActivity.occurredAt, addMs(occurredAt, -OTHERS_MS)),
      ),
    )
    .orderBy(desc(monitoredActivity.occurredAt))
    .limit(PAST_ROWS);
}

async function sharersOf(tx: Tx, { userId, occurredAt }: Activity, index: Uint8Array): Promise<number> {
  const others = tx
    .selectDistinct({ userId: monitoredActivity.userId })
    .from(monitoredActivity)
    .where(
      and(
        eq(monitoredActivity.counterpartyIndex, index),
        ne(monitoredActivity.userId, userId),
        lte(monitoredActivity.occurredAt, occurredAt),
        gte(monitoredActivity.occurredAt, addMs(occurredAt, -SHARED_MS)),
      ),
    )
    .limit(SHARERS_MOST)
    .as('others');
  const [counted] = await tx.select({ people: count() }).from(others);
  return counted?.people ?? 0;
}

async function peersOf(tx: Tx, userId: Id): Promise<Peers | null> {
  const level = (await readGates(tx, [userId])).get(userId)?.kycLevel;
  const figures = await tx
    .select()
    .from(peerFigures)
    .where(sql`${peerFigures.peerGroup} = ${level ?? ''}`);
  return peersOfFigures(figures);
}

/** The figures of one group; null where one of the two is not there. */
export function peersOfFigures(figures: readonly (typeof peerFigures.$inferSelect)[]): Peers | null {
  const came = figures.find(({ direction }) => direction === 'in');
  const left = figures.find(({ direction }) => direction === 'out');
  return came === undefined || left === undefined
    ? null
    : { people: Math.min(came.people, left.people), inBps: came.highBps, outBps: left.highBps };
}
