/**
 * The shape of a risk matrix and the one the program comes with. What is unknown weighs as much as the worst that
 * is known, so that leaving something out never makes anybody look better. The figures are the firm's to set: the
 * built-in ones are a beginning, no rule says them.
 */
import { z } from '@hono/zod-openapi';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';
import { sha256 } from '../../../platform/crypto/keyring.ts';

/** What a rating looks at. */
export const RISK_FACTORS = [
  'geography',
  'product',
  'channel',
  'occupation',
  'pep',
  'adverse',
  'behaviour',
  'ownership',
  'screening',
] as const;

export type RiskFactor = (typeof RISK_FACTORS)[number];

const points = z.number().int().min(0).max(100);

const Factor = z
  .strictObject({
    weight: z.number().int().min(0).max(1000),
    values: z.record(z.string().regex(/^[A-Za-z0-9_]{1,40}$/), points),
    /** What is understood and not listed. */
    other: points,
    unknown: points,
  })
  .refine(({ values, other, unknown }) => Math.max(other, ...Object.values(values)) <= unknown, {
    message: 'what is unknown must weigh no less than the worst that is known',
    path: ['unknown'],
  });

const factorMembers = Object.fromEntries(RISK_FACTORS.map((name) => [name, Factor])) as Record<
  RiskFactor,
  typeof Factor
>;

/** A matrix as it is written and kept. */
export const Matrix = z
  .strictObject({
    factors: z
      .strictObject(factorMembers)
      .refine((factors) => RISK_FACTORS.some((name) => factors[name].weight > 0), {
        message: 'some factor must weigh something',
      }),
    /** A score is never below these where a factor says so, whatever else holds. */
    floors: z
      .array(
        z.strictObject({
          factor: z.enum(RISK_FACTORS),
          code: z.string().regex(/^[A-Za-z0-9_]{1,40}$/),
          atLeast: points,
        }),
      )
      .max(400),
    /** From which score on each level is reached. */
    bands: z
      .strictObject({ medium: points.min(1), high: points, prohibited: points })
      .refine(({ medium, high, prohibited }) => medium < high && high < prohibited, {
        message: 'the levels must follow one another',
      }),
    /** Behaviour by the points of the alerts of twelve months. */
    behaviourFrom: z
      .strictObject({
        some: z.number().int().min(1),
        elevated: z.number().int(),
        severe: z.number().int(),
      })
      .refine(({ some, elevated, severe }) => some < elevated && elevated < severe, {
        message: 'the steps must follow one another',
      }),
    reviewMonths: z
      .strictObject({
        low: z.number().int().min(1).max(60),
        medium: z.number().int().min(1).max(60),
        high: z.number().int().min(1).max(60),
      })
      .refine(({ low, medium, high }) => high <= medium && medium <= low, {
        message: 'a higher level must not be reviewed more rarely',
      }),
  })
  .openapi('KycRiskMatrixContent');

export type RiskMatrix = z.infer<typeof Matrix>;

/** What a matrix is bound to when two people decide on it. @units lower-case hex SHA-256 */
export function matrixHash(matrix: RiskMatrix): string {
  return Buffer.from(sha256(canonicalJson(matrix as unknown as Json))).toString('hex');
}

/** Places the firm treats with more care until it sets its own table. */
const PLACES_OF_CARE = {
  AFG: 90,
  COD: 80,
  CAF: 85,
  HTI: 80,
  IRN: 100,
  IRQ: 80,
  LBN: 80,
  LBY: 85,
  MLI: 80,
  MMR: 95,
  PRK: 100,
  RUS: 80,
  SDN: 85,
  SOM: 90,
  SSD: 85,
  SYR: 95,
  VEN: 75,
  YEM: 90,
  MUS: 10,
} as const;

/** The matrix the program comes with, version 1 of every installation. */
export const RELEASED_MATRIX: RiskMatrix = {
  factors: {
    geography: { weight: 25, values: PLACES_OF_CARE, other: 25, unknown: 100 },
    product: { weight: 10, values: { basic: 10, standard: 35, enhanced: 60 }, other: 60, unknown: 60 },
    channel: {
      weight: 10,
      values: { remote: 50, provider_verified: 20 },
      other: 50,
      unknown: 50,
    },
    occupation: {
      weight: 15,
      values: {
        arms: 95,
        cash_intensive: 75,
        gambling: 85,
        money_services: 75,
        precious_goods: 75,
        public_office: 80,
        salaried: 15,
        retired: 20,
        student: 20,
        without_income: 50,
      },
      other: 35,
      unknown: 95,
    },
    pep: { weight: 15, values: { none: 0, declared: 90, found: 100 }, other: 100, unknown: 100 },
    adverse: { weight: 10, values: { none: 0, found: 100 }, other: 100, unknown: 100 },
    behaviour: {
      weight: 10,
      values: { none: 0, some: 30, elevated: 70, severe: 100, suspicion: 100 },
      other: 100,
      unknown: 100,
    },
    ownership: { weight: 5, values: { natural: 0, legal: 50, layered: 100 }, other: 100, unknown: 100 },
    screening: { weight: 0, values: { clear: 0, confirmed: 100 }, other: 100, unknown: 100 },
  },
  floors: [
    { factor: 'geography', code: 'IRN', atLeast: 95 },
    { factor: 'geography', code: 'MMR', atLeast: 80 },
    { factor: 'geography', code: 'PRK', atLeast: 95 },
    { factor: 'pep', code: 'declared', atLeast: 70 },
    { factor: 'pep', code: 'found', atLeast: 75 },
    { factor: 'adverse', code: 'found', atLeast: 65 },
    { factor: 'behaviour', code: 'suspicion', atLeast: 80 },
    { factor: 'screening', code: 'confirmed', atLeast: 100 },
  ],
  bands: { medium: 30, high: 65, prohibited: 95 },
  behaviourFrom: { some: 1, elevated: 50, severe: 150 },
  reviewMonths: { low: 36, medium: 24, high: 12 },
};
