/**
 * When a position is left by the exits that its owner set on it, and which may be set. Pure. A stop-loss lies where
 * the position loses, a take-profit where it gains; a mark that is equal to one has reached it.
 */
import { type Amount, isMultipleOf } from '../../../kernel/amount.ts';
import type { PositionSide } from './rules.ts';

/** The marks at which a position is left; null where it is not. @units quote asset */
export type ExitLevels = { readonly stopLoss: Amount | null; readonly takeProfit: Amount | null };

export type PositionExit = 'stop_loss' | 'take_profit';

/** Which exit a mark has reached; null where none. */
export function reachedExit(
  side: PositionSide,
  { stopLoss, takeProfit }: ExitLevels,
  mark: bigint,
): PositionExit | null {
  const [below, above] = side === 'long' ? [stopLoss, takeProfit] : [takeProfit, stopLoss];
  if (below !== null && mark <= below) {
    return side === 'long' ? 'stop_loss' : 'take_profit';
  }
  if (above !== null && mark >= above) {
    return side === 'long' ? 'take_profit' : 'stop_loss';
  }
  return null;
}

/** Why exits cannot be set at a mark; null where they can. */
export function exitsRefusal(
  side: PositionSide,
  levels: ExitLevels,
  mark: bigint,
  tick: Amount,
): 'price_off_tick' | 'exit_on_wrong_side' | null {
  const prices = [levels.stopLoss, levels.takeProfit].filter((price) => price !== null);
  if (!prices.every((price) => isMultipleOf(price, tick))) {
    return 'price_off_tick';
  }
  // One on the wrong side, or at the mark itself, would be triggered at once.
  return reachedExit(side, levels, mark) === null ? null : 'exit_on_wrong_side';
}

const TRY_PAUSE_MS = 1_000;
const TRY_PAUSE_MAX_MS = 60_000;

/** How long after a try the next one comes, the newest so many of which closed nothing. @units ms */
export function pauseAfter(fruitless: number): number {
  return Math.min(TRY_PAUSE_MS * 2 ** Math.min(Math.max(fruitless - 1, 0), 10), TRY_PAUSE_MAX_MS);
}
