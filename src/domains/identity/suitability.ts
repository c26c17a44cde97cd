/** What suits people by what they said of the risk they bear. Pure. */
import { type Amount, amountOf, formatAmount, MAX_AMOUNT, ONE } from '../../kernel/amount.ts';

export type RiskProfile = 'conservative' | 'moderate' | 'aggressive';

const SUITABLE_LEVERAGE: Readonly<Record<RiskProfile, Amount>> = {
  conservative: ONE,
  moderate: amountOf(5n * ONE),
  aggressive: MAX_AMOUNT,
};

/**
 * The highest leverage that suits a person. Whoever never said what risk they bear has none.
 * @units times the margin, scaled
 */
export function suitableLeverage(profile: RiskProfile | null): Amount {
  return profile === null ? ONE : SUITABLE_LEVERAGE[profile];
}

/**
 * What the audit log says suits a person: the measure that their orders were held against, which the firm has to prove
 * for as long as it keeps the orders. It outlives their erasure, as their orders do.
 */
export function suitabilityShown(profile: RiskProfile | null): string {
  const leverage = suitableLeverage(profile);
  return leverage === MAX_AMOUNT ? 'unbounded' : formatAmount(leverage);
}
