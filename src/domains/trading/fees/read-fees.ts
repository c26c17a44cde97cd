import { and, eq } from 'drizzle-orm';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/client.ts';
import { transact } from '../../../platform/db/transact.ts';
import { findAccount } from '../../accounts/index.ts';
import { instrumentOf } from '../../markets/index.ts';
import { chargedBps, type FeeTier, scheduleOn, tierAbove, tierAt, volumeDays } from './rules.ts';
import { feeStandings } from './schema.ts';
import { readSchedules, volumesBetween } from './store.ts';

/** The tiers in force today and those that are to come, in the order they begin. */
export async function listTradingFees(ctx: Ctx) {
  const today = dayOf(ctx.deps.clock.now(), ctx.deps.timeZone);
  return transact(ctx, ctx.login, async (tx) => {
    const schedules = await readSchedules(tx);
    const inForce = scheduleOn(schedules, today);
    const coming = [...new Set(schedules.map(({ effectiveOn }) => effectiveOn))]
      .filter((day) => day > today)
      .sort()
      .flatMap((day) => scheduleOn(schedules, day) ?? []);
    return { data: [...(inForce === undefined ? [] : [inForce]), ...coming] };
  });
}

/**
 * What the owner of an account turned over, the tier that puts them on today, and what it makes of an
 * instrument's fees.
 * @errors not_found
 */
export async function getFeeTier(ctx: Ctx, accountId: Id, symbol: string | undefined) {
  const day = dayOf(ctx.deps.clock.now(), ctx.deps.timeZone);
  return transact(ctx, ctx.login, async (tx) => {
    const { userId } = await findAccount(tx, ctx, accountId);
    const schedules = await readSchedules(tx);
    const schedule = scheduleOn(schedules, day);
    const tiers = schedule?.tiers ?? [];
    const { volume, tier } = await standingOn(tx, userId, day, tiers);
    const today = { from: day, to: addDays(day, 1) };
    return {
      accountId,
      day,
      currency: schedules.at(-1)?.currency ?? null,
      volume,
      volumeToday: (await volumesBetween(tx, [userId], today))(userId),
      tier,
      nextTier: tierAbove(tiers, volume),
      fees: symbol === undefined ? null : feesIn(await instrumentOf(tx, symbol), tier),
    };
  });
}

/** As it was found when they first traded today; as it would be found where they have not. */
async function standingOn(tx: Tx, userId: Id, day: string, tiers: readonly FeeTier[]) {
  const [known] = await tx
    .select()
    .from(feeStandings)
    .where(and(eq(feeStandings.userId, userId), eq(feeStandings.day, day)));
  if (known !== undefined) {
    return { volume: known.volume, tier: tiers.find(({ id }) => id === known.tierId) ?? null };
  }
  const volume = (await volumesBetween(tx, [userId], volumeDays(day)))(userId);
  return { volume, tier: tierAt(tiers, volume) };
}

function feesIn(instrument: Awaited<ReturnType<typeof instrumentOf>>, tier: FeeTier | null) {
  return {
    symbol: instrument.symbol,
    listedMakerFeeBps: instrument.makerFeeBps,
    listedTakerFeeBps: instrument.takerFeeBps,
    makerFeeBps: chargedBps(instrument, tier, 'maker'),
    takerFeeBps: chargedBps(instrument, tier, 'taker'),
  };
}
