/** The terms of an instrument in their three forms: as asked for, as stored, as shown to checkers. */
import { type Amount, formatAmount, parseAmount, ZERO } from '../../kernel/amount.ts';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';
import type { InstrumentMetadata } from './schema.ts';
import type { Instrument } from './store.ts';

/** What a contract adds to the terms of an instrument. */
export type MarginTerms = {
  /** What profit, loss and margin are paid in. */
  readonly settlementAsset: string;
  /** @units times the margin */
  readonly maxLeverage: Amount;
  readonly initialMarginBps: number;
  readonly maintenanceMarginBps: number;
  /** What holding costs; negative where it pays. @units bps a year, by `dayCount` */
  readonly longRateBps: number;
  readonly shortRateBps: number;
  readonly dayCount: 'actual_360' | 'actual_365';
  /** How often the rates are charged. @units hours */
  readonly fundingHours: number;
};

export type NewInstrument = {
  readonly symbol: string;
  readonly name: string;
  readonly type: Instrument['type'];
  readonly exchange: Instrument['exchange'];
  readonly kind?: Instrument['kind'] | undefined;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  readonly isin?: string | undefined;
  readonly cusip?: string | undefined;
  readonly tick: Amount;
  readonly lot: Amount;
  readonly minQuantity: Amount;
  readonly maxQuantity: Amount;
  readonly minNotional?: Amount | undefined;
  readonly collarBps: number;
  readonly makerFeeBps: number;
  readonly takerFeeBps: number;
  readonly fractional: boolean;
  readonly execution?: Instrument['execution'] | undefined;
  readonly settlementCycle: string;
  readonly margin?: MarginTerms | undefined;
  readonly sector?: string | undefined;
  readonly industry?: string | undefined;
  readonly description: string;
  readonly metadata?: InstrumentMetadata | undefined;
};

const NO_MARGIN = {
  settlementAsset: null,
  maxLeverage: null,
  initialMarginBps: null,
  maintenanceMarginBps: null,
  longRateBps: null,
  shortRateBps: null,
  dayCount: null,
  fundingHours: null,
} as const;

/** The columns that new terms fill. */
export function columnsOf({ margin, ...input }: NewInstrument) {
  return {
    ...input,
    kind: input.kind ?? ('spot' as const),
    execution: input.execution ?? ('internal' as const),
    isin: input.isin ?? null,
    cusip: input.cusip ?? null,
    minNotional: input.minNotional ?? ZERO,
    sector: input.sector ?? null,
    industry: input.industry ?? null,
    metadata: input.metadata ?? {},
    ...(margin ?? NO_MARGIN),
  };
}

/** An instrument as it is answered: what is a contract's stands together. */
export function shown<Row extends Instrument>(instrument: Row) {
  const { settlementAsset, maxLeverage, initialMarginBps, maintenanceMarginBps } = instrument;
  const { longRateBps, shortRateBps, dayCount, fundingHours } = instrument;
  const margin = {
    settlementAsset,
    maxLeverage,
    initialMarginBps,
    maintenanceMarginBps,
    longRateBps,
    shortRateBps,
    dayCount,
    fundingHours,
  };
  return {
    ...instrument,
    margin: instrument.kind === 'contract' ? margin : null,
    tradable:
      instrument.status === 'active' &&
      // A contract pays in the money its price is in.
      (instrument.kind === 'spot' || settlementAsset === instrument.quoteAsset),
  };
}

/** The terms that are guards: two people change them. */
export const GUARDED_TERMS = [
  'tick',
  'lot',
  'minQuantity',
  'maxQuantity',
  'minNotional',
  'collarBps',
  'makerFeeBps',
  'takerFeeBps',
  'fractional',
  'execution',
  'settlementCycle',
  'settlementAsset',
  'maxLeverage',
  'initialMarginBps',
  'maintenanceMarginBps',
  'longRateBps',
  'shortRateBps',
  'dayCount',
  'fundingHours',
] as const;

/** The terms that resting orders and books are built on. */
export const BOOK_TERMS: readonly string[] = ['tick', 'lot', 'execution', 'settlementAsset'];

/** The terms that holding a position is charged by: a period that has begun is charged by those it began with. */
export const FUNDING_TERMS: readonly string[] = ['longRateBps', 'shortRateBps', 'dayCount', 'fundingHours'];

/** Terms that are amounts: decimal text in a payload. */
const AMOUNT_TERMS: readonly string[] = [
  'tick',
  'lot',
  'minQuantity',
  'maxQuantity',
  'minNotional',
  'maxLeverage',
];

export type GuardedTerms = Pick<Instrument, (typeof GUARDED_TERMS)[number]>;

/** Terms as a payload of an approval tells them. */
export type TermsPayload = { readonly [name: string]: Json };

/** Those guarded terms that differ, as they are and as they would be. */
export function differenceOf(
  before: GuardedTerms,
  after: GuardedTerms,
): { readonly from: TermsPayload; readonly to: TermsPayload } {
  const changed = GUARDED_TERMS.filter((name) => before[name] !== after[name]);
  const tell = (terms: GuardedTerms) =>
    Object.fromEntries(changed.map((name) => [name, jsonOf(terms[name])]));
  return { from: tell(before), to: tell(after) };
}

/** Reads what `differenceOf` wrote. */
export function readTerms(payload: TermsPayload): Partial<GuardedTerms> {
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      AMOUNT_TERMS.includes(name) && typeof value === 'string' ? parseAmount(value) : value,
    ]),
  ) as Partial<GuardedTerms>;
}

/** True while an instrument still has the terms that checkers were shown. */
export function stillHas(instrument: GuardedTerms, payload: TermsPayload): boolean {
  const now = Object.fromEntries(
    GUARDED_TERMS.filter((name) => name in payload).map((name) => [name, jsonOf(instrument[name])]),
  );
  return canonicalJson(now) === canonicalJson(payload);
}

/** All the terms of a proposal, for the checkers of a listing. */
export function listingOf(instrument: Instrument): TermsPayload {
  const guarded = Object.fromEntries(GUARDED_TERMS.map((name) => [name, jsonOf(instrument[name])]));
  return {
    ...guarded,
    symbol: instrument.symbol,
    name: instrument.name,
    type: instrument.type,
    kind: instrument.kind,
    exchange: instrument.exchange,
    baseAsset: instrument.baseAsset,
    quoteAsset: instrument.quoteAsset,
    isin: instrument.isin,
    cusip: instrument.cusip,
    sector: instrument.sector,
    industry: instrument.industry,
    description: instrument.description,
    metadata: { ...instrument.metadata } as TermsPayload,
  };
}

function jsonOf(value: bigint | string | number | boolean | null): Json {
  return typeof value === 'bigint' ? formatAmount(value) : value;
}
