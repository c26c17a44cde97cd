/**
 * What a screening was done with. A configuration is data: it is stored with every screening by its hash, and
 * a change of any number is a new configuration. A change of code that can move a score is a new
 * `screeningAlgorithm`.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts';

export const screeningAlgorithm = 'plimsoll-names/2';

export type ScreeningConfig = {
  readonly version: string;
  /** A match is reported from this score on. */
  readonly threshold: number;
  /** Matches of one subject that are put before people at a time; more of those that stop are an error. */
  readonly matchesMax: number;
  /** Names that are compared although they are probably no match; whoever could be one always is. */
  readonly candidatesMax: number;
  readonly postingsMax: number;
  readonly penalties: {
    /** Both names have a word where the other has a different one. */
    readonly conflict: number;
    readonly extraInQuery: number;
    readonly extraInList: number;
    /** Factor on a missing first given name or first surname. */
    readonly leading: number;
    /** Evidence below which an imperfect match of persons is penalised, and how much. */
    readonly evidenceOfWhole: number;
    readonly evidenceWithExtraInQuery: number;
    readonly evidenceWithExtraInList: number;
    /** The same for firms, ships and aircraft, whose names are often one word. */
    readonly evidenceOfThings: number;
    readonly shortage: number;
    /** Exponent on the mean token similarity: one misspelling is likely, two are not. */
    readonly looseness: number;
    /** Factors on a swapped father and son, and on syllables taken out of their order. */
    readonly reversedFather: number;
    readonly brokenRun: number;
    readonly weakAlias: number;
  };
  readonly qualifiers: {
    readonly birthDateEqual: number;
    readonly birthYearEqual: number;
    readonly birthDateNear: number;
    readonly birthDateDifferent: number;
    readonly countryEqual: number;
    readonly countryDifferent: number;
    readonly genderDifferent: number;
    /** A shared identifier adds this much, and reaches the second figure whatever the names say. */
    readonly identifierEqual: number;
    readonly identifierFloor: number;
  };
};

export const screeningConfigDefault: ScreeningConfig = {
  version: '2026-11-1',
  threshold: 0.7,
  matchesMax: 50,
  candidatesMax: 64,
  postingsMax: 60_000,
  penalties: {
    conflict: 1.7,
    extraInQuery: 0.35,
    extraInList: 0.35,
    leading: 1.6,
    evidenceOfWhole: 1.6,
    evidenceWithExtraInQuery: 1.8,
    evidenceWithExtraInList: 2.2,
    evidenceOfThings: 0.7,
    shortage: 0.6,
    looseness: 2,
    reversedFather: 0.65,
    brokenRun: 0.65,
    weakAlias: 0.95,
  },
  qualifiers: {
    birthDateEqual: 0.1,
    birthYearEqual: 0.06,
    birthDateNear: 0,
    birthDateDifferent: -0.2,
    countryEqual: 0.04,
    countryDifferent: -0.06,
    genderDifferent: -0.12,
    identifierEqual: 0.3,
    identifierFloor: 0.9,
  },
};

/**
 * Identity of a configuration, independent of the order of its members.
 * @shape lowercase hex SHA-256
 */
export function screeningConfigHash(config: ScreeningConfig): string {
  return createHash('sha256')
    .update(canonicalJson(decimals(config)))
    .digest('hex');
}

/** Canonical JSON holds integers only, so fractions are hashed as text. */
function decimals(value: unknown): Json {
  if (typeof value === 'number') {
    return String(value);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, decimals(member)]));
  }
  return value as string;
}
