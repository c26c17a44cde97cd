/**
 * Makes a score of what is known of a customer. Pure: facts and matrix come in, a score with its pieces goes out,
 * in whole numbers. It decides on nobody.
 */
import { iso31661 } from 'iso-3166';
import type { RiskLevel } from '../review/rules.ts';
import { RISK_FACTORS, type RiskFactor, type RiskMatrix } from './matrix.ts';

/** What a rating is made from: codes per factor; the worst counts, and none at all is unknown. */
export type RiskInputs = Readonly<Record<Exclude<RiskFactor, 'behaviour'>, readonly string[]>> & {
  /** Of the alerts of twelve months. */
  readonly behaviourPoints: number;
  readonly suspicion: boolean;
};

/** What one factor gave. @units value 0–100; points = weight × value */
export type RatingPiece = {
  readonly factor: RiskFactor;
  readonly value: number;
  readonly weight: number;
  readonly points: number;
  /** The floor this factor sets, if it sets one. */
  readonly floor: number | null;
};

export type Rated = {
  readonly score: number;
  readonly level: RiskLevel;
  readonly pieces: readonly RatingPiece[];
};

const COUNTRIES = new Set(iso31661.map((country) => country.alpha3));

/**
 * The score of these facts: the weighted mean of the factors, rounded half up, lifted to the highest floor.
 * @units 0–100
 */
export function rate(matrix: RiskMatrix, inputs: RiskInputs, raisedTo: number | null = null): Rated {
  const pieces = RISK_FACTORS.map((factor) => pieceOf(matrix, factor, codesOf(matrix, factor, inputs)));
  const weights = pieces.reduce((sum, piece) => sum + piece.weight, 0);
  const points = pieces.reduce((sum, piece) => sum + piece.points, 0);
  const mean = Math.floor((2 * points + weights) / (2 * weights));
  const score = Math.max(mean, raisedTo ?? 0, ...pieces.map((piece) => piece.floor ?? 0));
  return { score, level: levelOf(matrix, score), pieces };
}

/** The level of a score. */
export function levelOf({ bands }: RiskMatrix, score: number): RiskLevel {
  if (score >= bands.prohibited) {
    return 'prohibited';
  }
  if (score >= bands.high) {
    return 'high';
  }
  return score >= bands.medium ? 'medium' : 'low';
}

/** How long a customer of a level goes without a review. @units months */
export function reviewMonthsOf({ reviewMonths }: RiskMatrix, level: RiskLevel): number {
  return level === 'prohibited' ? reviewMonths.high : reviewMonths[level];
}

function codesOf(matrix: RiskMatrix, factor: RiskFactor, inputs: RiskInputs): readonly string[] {
  if (factor !== 'behaviour') {
    return inputs[factor];
  }
  const { some, elevated, severe } = matrix.behaviourFrom;
  const reached = (
    [
      ['severe', severe],
      ['elevated', elevated],
      ['some', some],
    ] as const
  ).find(([, from]) => inputs.behaviourPoints >= from);
  return [reached?.[0] ?? 'none', ...(inputs.suspicion ? ['suspicion'] : [])];
}

function pieceOf(matrix: RiskMatrix, factor: RiskFactor, codes: readonly string[]): RatingPiece {
  const { weight, values, other, unknown } = matrix.factors[factor];
  const known = codes.map((code) => values[code] ?? (isUnderstood(factor, code) ? other : unknown));
  const value = codes.length === 0 ? unknown : Math.max(...known);
  const floors = matrix.floors.filter((floor) => floor.factor === factor && codes.includes(floor.code));
  return {
    factor,
    value,
    weight,
    points: weight * value,
    floor: floors.length === 0 ? null : Math.max(...floors.map(({ atLeast }) => atLeast)),
  };
}

/** A code that no list knows is a mistake or something new, and weighs like what is unknown. */
function isUnderstood(factor: RiskFactor, code: string): boolean {
  return factor === 'geography' ? COUNTRIES.has(code) : factor === 'occupation' && code === 'other';
}
