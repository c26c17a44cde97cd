import { asc, sql } from 'drizzle-orm';
import { type Amount, readStoredAmount, ZERO } from '../../../kernel/amount.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { arrayParameter } from '../../../platform/db/insert-rows.ts';
import { executePrepared } from '../../../platform/db/prepared.ts';
import type { FeeTierSchedule } from './rules.ts';
import { feeTierSchedules, feeTiers } from './schema.ts';

export type StoredSchedule = FeeTierSchedule & typeof feeTierSchedules.$inferSelect;

/** Every version of the tiers, in the order they were made. */
export async function readSchedules(tx: Tx): Promise<readonly StoredSchedule[]> {
  const heads = await tx.select().from(feeTierSchedules).orderBy(asc(feeTierSchedules.id));
  if (heads.length === 0) {
    return [];
  }
  const tiers = await tx.select().from(feeTiers).orderBy(asc(feeTiers.minVolume));
  return heads.map((head) => ({
    ...head,
    tiers: tiers.filter(({ scheduleId }) => scheduleId === head.id),
  }));
}

/** What people turned over from one day to another, exclusive; nothing where there is no row. */
export async function volumesBetween(
  tx: Tx,
  userIds: readonly Id[],
  { from, to }: { readonly from: string; readonly to: string },
): Promise<(userId: Id) => Amount> {
  const wanted = sql.param(arrayParameter('uuid', [...new Set(userIds)]));
  const rows = await executePrepared<{ user_id: Id; volume: string }>(
    tx,
    sql`select user_id, least(sum(volume), 999999999999.99999999)::text as volume from trading_volumes
      where user_id = any (${wanted}::uuid[]) and day >= ${from}::text::date and day < ${to}::text::date
      group by user_id`,
  );
  const volumes = new Map(rows.map((row) => [row.user_id, readStoredAmount(row.volume)]));
  return (userId) => volumes.get(userId) ?? ZERO;
}
