/**
 * The terms on which an account may hold positions, and whether other terms guard it less. Pure. Tightening is one
 * person's to do, but for what may end what stands; what lowers a guard the firm grants.
 */
import { ONE, parseAmount } from '../../kernel/amount.ts';

export type MarginTerms = {
  readonly marginEnabled: boolean;
  /** @units times the margin */
  readonly maxLeverage: string;
  /** @units of the margin used */
  readonly marginCallThreshold: string;
  readonly liquidationThreshold: string;
  readonly autoLiquidation: boolean;
};

/** The terms of a row. */
export function marginTermsOf(row: MarginTerms): MarginTerms {
  const { marginEnabled, maxLeverage, marginCallThreshold, liquidationThreshold, autoLiquidation } = row;
  return { marginEnabled, maxLeverage, marginCallThreshold, liquidationThreshold, autoLiquidation };
}

/** True where both say the same, whatever zeros their figures end in. */
export function areSame(one: MarginTerms, other: MarginTerms): boolean {
  return (
    one.marginEnabled === other.marginEnabled &&
    one.autoLiquidation === other.autoLiquidation &&
    parseAmount(one.maxLeverage) === parseAmount(other.maxLeverage) &&
    parseAmount(one.marginCallThreshold) === parseAmount(other.marginCallThreshold) &&
    parseAmount(one.liquidationThreshold) === parseAmount(other.liquidationThreshold)
  );
}

/** True where the new terms allow what the old ones did not, or warn or act later. */
export function lowersGuard(before: MarginTerms, after: MarginTerms): boolean {
  return (
    (after.marginEnabled && !before.marginEnabled) ||
    parseAmount(after.maxLeverage) > parseAmount(before.maxLeverage) ||
    parseAmount(after.marginCallThreshold) < parseAmount(before.marginCallThreshold) ||
    parseAmount(after.liquidationThreshold) < parseAmount(before.liquidationThreshold) ||
    (before.autoLiquidation && !after.autoLiquidation)
  );
}

/** Called at no more than this many times the margin used: beyond it nobody who trades would ever be left alone. */
const CALL_MAX = 2n * ONE;

/** A call comes before the liquidation it warns of, and nobody is liquidated who still has the margin of what is open. */
export function isOrdered({ marginCallThreshold, liquidationThreshold }: MarginTerms): boolean {
  const [call, liquidation] = [parseAmount(marginCallThreshold), parseAmount(liquidationThreshold)];
  return liquidation > 0n && liquidation < ONE && liquidation < call && call <= CALL_MAX;
}

/** True where the new terms may call or liquidate an account for what it holds already. */
export function endsSooner(before: MarginTerms, after: MarginTerms): boolean {
  return (
    parseAmount(after.marginCallThreshold) > parseAmount(before.marginCallThreshold) ||
    parseAmount(after.liquidationThreshold) > parseAmount(before.liquidationThreshold) ||
    (after.autoLiquidation && !before.autoLiquidation)
  );
}
