/** What suits people by what they said of the risk they bear. Pure. */
import { type Amount, amountOf, MAX_AMOUNT, ONE } from '../../kernel/amount.ts';

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
