/**
 * Which tier a person is on, and what that makes of a fee. Pure. The tier of a day of the firm is that of the
 * volume of the 30 days before it, whole days all, by the schedule in force on it: so it changes at midnight and
 * nowhere else, and who trades first on a day pays what who trades last pays. An instrument's own fee is the most
 * that is ever charged; a tier only lowers it.
 */
import type { Amount } from '../../../kernel/amount.ts';
import { addDays, dayOf } from '../../../kernel/business-date.ts';
import type { Id } from '../../../kernel/id.ts';
import { addMs, type Instant } from '../../../kernel/time.ts';

export type FeeTier = {
  readonly id: Id;
  readonly name: string;
  readonly minVolume: Amount;
  readonly makerFeeBps: number;
  readonly takerFeeBps: number;
};

export type FeeTierSchedule = {
  readonly id: Id;
  readonly currency: string;
  readonly effectiveOn: string;
  /** By volume, the least first. */
  readonly tiers: readonly FeeTier[];
};

const VOLUME_DAYS = 30;

/** So long before midnight nothing is decided for the day to come: every process has heard of it by then. */
const NOTICE_MS = 5 * 60_000;

/** The days whose volume counts on a day. @units YYYY-MM-DD, `to` exclusive */
export function volumeDays(day: string): { readonly from: string; readonly to: string } {
  return { from: addDays(day, -VOLUME_DAYS), to: day };
}

/** The first day a schedule that is decided now can be in force. @units YYYY-MM-DD of the firm */
export function earliestDay(now: Instant, timeZone: string): string {
  return addDays(dayOf(addMs(now, NOTICE_MS), timeZone), 1);
}

/** The schedule in force on a day: the last to have begun, and of two that begin together the later made. */
export function scheduleOn<Schedule extends Pick<FeeTierSchedule, 'id' | 'effectiveOn'>>(
  schedules: readonly Schedule[],
  day: string,
): Schedule | undefined {
  return schedules
    .filter(({ effectiveOn }) => effectiveOn <= day)
    .toSorted((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1))
    .at(-1);
}

/** The highest tier that a volume reaches; null below the first. */
export function tierAt(tiers: readonly FeeTier[], volume: bigint): FeeTier | null {
  return tiers.findLast(({ minVolume }) => minVolume <= volume) ?? null;
}

/** The next tier above a volume; null on the highest. */
export function tierAbove(tiers: readonly FeeTier[], volume: bigint): FeeTier | null {
  return tiers.find(({ minVolume }) => minVolume > volume) ?? null;
}

/** What a fill is charged: the instrument's own fee, or the tier's where that is lower. @units bps */
export function chargedBps(
  listed: Pick<FeeTier, 'makerFeeBps' | 'takerFeeBps'>,
  tier: FeeTier | null,
  liquidity: 'maker' | 'taker',
): number {
  const name = liquidity === 'maker' ? 'makerFeeBps' : 'takerFeeBps';
  return tier === null ? listed[name] : Math.min(listed[name], tier[name]);
}

/** Whether a schedule makes sense: no two tiers alike, and none that costs more than one below it. */
export function isOrdered(tiers: readonly Omit<FeeTier, 'id'>[]): boolean {
  const names = new Set(tiers.map(({ name }) => name));
  const rising = tiers.toSorted((left, right) => (left.minVolume < right.minVolume ? -1 : 1));
  return (
    names.size === tiers.length &&
    rising.every((tier, place) => {
      const below = rising[place - 1];
      return (
        below === undefined ||
        (below.minVolume < tier.minVolume &&
          below.makerFeeBps >= tier.makerFeeBps &&
          below.takerFeeBps >= tier.takerFeeBps)
      );
    })
  );
}

function placeOf({ effectiveOn, id }: Pick<FeeTierSchedule, 'id' | 'effectiveOn'>): string {
  return `${effectiveOn} ${id}`;
}
