/**
 * The tiers of those who trade today, for settlement. A person's tier is found once a day and kept in
 * `fee_standings`, so that every process charges by the same; this process remembers what it has read there.
 * Schedules are read once a minute: none takes effect sooner than five after it was decided.
 */
import { sql } from 'drizzle-orm';
import { dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';
import { type Ctx, perDeps } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter, insertionOf } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import { type FeeTier, scheduleOn, tierAt, volumeDays } from './rules.ts';
import { feeStandings } from './schema.ts';
import { readSchedules, type StoredSchedule, volumesBetween } from './store.ts';

export type FeesOfDay = {
  /** The day of the firm. @units YYYY-MM-DD */
  readonly day: string;
  /** What volume is counted in; null where it is not counted. */
  readonly currency: string | null;
  readonly tierOf: (userId: Id) => FeeTier | null;
};

const SCHEDULES_MAX_AGE_MS = 60_000;
const REMEMBERED_MAX = 200_000;

type Memory = {
  readAt: Instant | null;
  schedules: readonly StoredSchedule[];
  day: string;
  /** The tier of everybody whose standing of the day was read; null for none. */
  readonly tiers: Map<Id, Id | null>;
};

const memoryOf = perDeps((): Memory => ({ readAt: null, schedules: [], day: '', tiers: new Map() }));

/**
 * The tiers these people trade on today.
 * @effects rows of `fee_standings` for those who trade for the first time today
 */
export async function feesOfDay(tx: Tx, ctx: Ctx, userIds: readonly Id[]): Promise<FeesOfDay> {
  const now = ctx.deps.clock.now();
  const day = dayOf(now, ctx.deps.timeZone);
  const memory = memoryOf(ctx.deps);
  if (memory.readAt === null || now < memory.readAt || now >= addMs(memory.readAt, SCHEDULES_MAX_AGE_MS)) {
    memory.schedules = await readSchedules(tx);
    memory.readAt = now;
  }
  const currency = memory.schedules.at(-1)?.currency ?? null;
  const schedule = scheduleOn(memory.schedules, day);
  if (schedule === undefined || schedule.tiers.length === 0) {
    return { day, currency, tierOf: () => null };
  }
  if (memory.day !== day || memory.tiers.size > REMEMBERED_MAX) {
    memory.tiers.clear();
    memory.day = day;
  }
  const found = await standingsOf(tx, ctx, memory, schedule, [...new Set(userIds)].sort());
  const tiers = new Map(schedule.tiers.map((tier) => [tier.id, tier]));
  return {
    day,
    currency,
    tierOf: (userId) => {
      const tierId = memory.tiers.get(userId) ?? found.get(userId) ?? null;
      return tierId === null ? null : (tiers.get(tierId) ?? null);
    },
  };
}

/** @shape the tiers of those that this transaction found or made; only what others committed is remembered */
async function standingsOf(
  tx: Tx,
  ctx: Ctx,
  memory: Memory,
  schedule: StoredSchedule,
  userIds: readonly Id[],
): Promise<ReadonlyMap<Id, Id | null>> {
  const unknown = userIds.filter((userId) => !memory.tiers.has(userId));
  for (const [userId, tierId] of await storedStandings(tx, memory.day, unknown)) {
    memory.tiers.set(userId, tierId);
  }
  const missing = unknown.filter((userId) => !memory.tiers.has(userId));
  if (missing.length === 0) {
    return new Map();
  }
  const volumeOf = await volumesBetween(tx, missing, volumeDays(memory.day));
  const createdAt = ctx.deps.clock.now();
  const rows = missing.map((userId) => {
    const volume = volumeOf(userId);
    return { userId, tierId: tierAt(schedule.tiers, volume)?.id ?? null, volume };
  });
  const insertion = insertionOf(feeStandings, rows, { day: memory.day, scheduleId: schedule.id, createdAt });
  await executePrepared(tx, sql`${insertion} on conflict do nothing`);
  // Another process may have found it first, from what had been counted by then: that is the tier of the day.
  return storedStandings(tx, memory.day, missing);
}

async function storedStandings(
  tx: Tx,
  day: string,
  userIds: readonly Id[],
): Promise<ReadonlyMap<Id, Id | null>> {
  if (userIds.length === 0) {
    return new Map();
  }
  const wanted = sql.param(arrayParameter('uuid', userIds));
  const rows = await executePrepared<{ user_id: Id; tier_id: Id | null }>(
    tx,
    sql`select user_id, tier_id from fee_standings
      where user_id = any (${wanted}::uuid[]) and day = ${day}::text::date`,
  );
  return new Map(rows.map((row) => [row.user_id, row.tier_id]));
}
