/**
 * What makes an instrument tradable at all. Pure: the same terms always give the same answer.
 */
import { type Amount, isMultipleOf, scaleOf } from '../../kernel/amount.ts';

export type InstrumentTerms = {
  readonly baseAsset: string;
  readonly quoteAsset: string;
  readonly tick: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  readonly maxQuantity: Amount;
};

export type TermsRefusal = 'instrument_steps_inexact' | 'instrument_terms_invalid';

const EXACT_DECIMALS = 8;

/**
 * Whether terms hold together; null means they do.
 * @units scale(tick) + scale(lot) <= 8, so that price times quantity is exact (I15)
 */
export function termsRefusal(terms: InstrumentTerms): TermsRefusal | null {
  if (scaleOf(terms.tick) + scaleOf(terms.lot) > EXACT_DECIMALS) {
    return 'instrument_steps_inexact';
  }
  const ordered = terms.minQuantity <= terms.maxQuantity;
  const inLots = isMultipleOf(terms.minQuantity, terms.lot) && isMultipleOf(terms.maxQuantity, terms.lot);
  return ordered && inLots && terms.baseAsset !== terms.quoteAsset ? null : 'instrument_terms_invalid';
}
