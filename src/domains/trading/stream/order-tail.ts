/**
 * One reader of `order_events` for all whose orders are watched at this node. Identifiers are in the order
 * they were made, not committed, so it looks back as far as a transaction that runs now may have made some,
 * and remembers what it has told. It reads on the engine's login and tells a person ids of their own events
 * only; what they say is read under that person's own rights.
 */
import { sql } from 'drizzle-orm';
import { firstIdAt, type Id } from '../../../kernel/id.ts';
import { type Deps, perDeps } from '../../../platform/context.ts';

export type OrderTail = {
  /** Tells ids of a person's events, in their order, until the returned end is called. Also those of shortly before. */
  readonly follow: (userId: Id, heard: (eventIds: readonly Id[]) => void) => () => void;
  /** Resolves when all that was committed before the call has been told. */
  readonly refresh: () => Promise<void>;
};

/** However long a transaction runs: those that write orders are bounded to less. */
const LONGEST_LOOK_BACK_MS = 60_000;
/** How far the clocks of two nodes, or of one and the database, may differ. */
const CLOCK_SKEW_MS = 2_000;
const SPACING_MS = 50;

/** The tail of this process. */
export const orderTail = perDeps((deps: Deps): OrderTail => {
  const followers = new Map<Id, Set<(eventIds: readonly Id[]) => void>>();
  const told = new Set<Id>();
  let after = firstIdAt(0);
  /** Nobody followed since the last read: what was committed by now concerns nobody. */
  let idle = true;
  let beganMs = 0;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    await Bun.sleep(Math.max(0, beganMs + SPACING_MS - performance.now()));
    beganMs = performance.now();
    const oldest = firstIdAt(deps.clock.realMs() - LONGEST_LOOK_BACK_MS);
    after = after < oldest ? oldest : after;
    if (followers.size === 0) {
      return;
    }
    const { fresh, settledMs } = await eventsAfter(deps, after, idle, [...followers.keys()]);
    idle = false;
    const unheard = fresh.filter(({ id }) => !told.has(id));
    for (const [userId, events] of Map.groupBy(unheard, (event) => event.userId)) {
      for (const heard of followers.get(userId) ?? []) {
        heard(events.map(({ id }) => id));
      }
    }
    const settled = firstIdAt(settledMs - CLOCK_SKEW_MS);
    after = settled > after ? settled : after;
    for (const { id } of unheard) {
      told.add(id);
    }
    for (const id of told) {
      if (id <= after) {
        told.delete(id);
      }
    }
  };
  const refresh = (): Promise<void> => {
    if (running === undefined) {
      running = read().finally(() => {
        running = undefined;
      });
      return running;
    }
    // What is being read may have been asked before: only the next one serves who asks now.
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined;
        return refresh();
      });
    return next;
  };
  return {
    refresh,
    follow: (userId, heard) => {
      const others = followers.get(userId) ?? new Set();
      followers.set(userId, others.add(heard));
      return () => {
        others.delete(heard);
        if (others.size === 0 && followers.get(userId) === others) {
          followers.delete(userId);
          idle ||= followers.size === 0;
        }
      };
    },
  };
});

type Told = { readonly id: Id; readonly userId: Id };

/** @shape the events, and the time before which no running transaction can have made another */
async function eventsAfter(
  deps: Deps,
  after: Id,
  idle: boolean,
  userIds: readonly Id[],
): Promise<{ readonly fresh: readonly Told[]; readonly settledMs: number }> {
  const { engine } = deps.db;
  // Asked first: what ends between the two statements is read by the second.
  const [horizon] = await engine.execute<{ ms: string }>(sql`
      select floor(extract(epoch from least(now(), min(xact_start))) * 1000)::text as ms
      from pg_stat_activity where datname = current_database() and usename = current_user`);
  const settledMs = Number.parseInt(horizon?.ms ?? '0', 10);
  const settled = firstIdAt(settledMs - CLOCK_SKEW_MS);
  const from = idle && settled > after ? settled : after;
  const rows = await engine.execute<{ id: Id; user_id: Id }>(sql`
      select id, user_id from order_events
      where id > ${from}::uuid and user_id = any(${sql.param(userIds)}::uuid[]) order by id`);
  return {
    fresh: rows.map((row) => ({ id: row.id, userId: row.user_id })),
    settledMs,
  };
}
