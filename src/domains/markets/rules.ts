/**
 * What makes an instrument tradable at all. Pure: the same terms always give the same answer.
 */
import { type Amount, amountOf, isMultipleOf, ONE, scaleOf } from '../../kernel/amount.ts';
import { BPS_PER_ONE } from '../../kernel/rounding.ts';
import { isCusip, isIsin } from './identifiers.ts';

export type InstrumentTerms = {
  readonly kind: 'spot' | 'contract';
  readonly baseAsset: string;
  readonly quoteAsset: string;
  readonly isin: string | null;
  readonly cusip: string | null;
  readonly tick: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  readonly maxQuantity: Amount;
  readonly fractional: boolean;
  readonly settlementAsset: string | null;
  readonly maxLeverage: Amount | null;
  readonly initialMarginBps: number | null;
  readonly maintenanceMarginBps: number | null;
};

export type TermsRefusal =
  | 'instrument_steps_inexact'
  | 'instrument_terms_invalid'
  | 'instrument_identifier_invalid'
  | 'instrument_margin_invalid';

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
  const whole = terms.fractional || isMultipleOf(terms.lot, ONE);
  if (!ordered || !inLots || !whole || terms.baseAsset === terms.quoteAsset) {
    return 'instrument_terms_invalid';
  }
  const known = (terms.isin === null || isIsin(terms.isin)) && (terms.cusip === null || isCusip(terms.cusip));
  if (!known) {
    return 'instrument_identifier_invalid';
  }
  return marginHolds(terms) ? null : 'instrument_margin_invalid';
}

/** A contract has margin terms and a spot instrument none; leverage never exceeds what the margin covers. */
function marginHolds(terms: InstrumentTerms): boolean {
  const { settlementAsset, maxLeverage, initialMarginBps, maintenanceMarginBps } = terms;
  if (
    settlementAsset === null ||
    maxLeverage === null ||
    initialMarginBps === null ||
    maintenanceMarginBps === null
  ) {
    return terms.kind === 'spot' && settlementAsset === null;
  }
  const covered = maxLeverage * BigInt(initialMarginBps) <= amountOf(ONE * BPS_PER_ONE);
  return (
    terms.kind === 'contract' && covered && maxLeverage >= ONE && initialMarginBps > maintenanceMarginBps
  );
}
