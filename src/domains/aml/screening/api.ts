import { z } from '@hono/zod-openapi';
import { idInput, wireId, wireInstant, wireOf } from '../../../platform/http/wire.ts';
import { listKind, screeningResult, screenings } from '../schema.ts';
import { screeningConfigs } from './schema.ts';

const PARTIAL_DATE = /^\d{4}(-\d{2}(-\d{2})?)?$/;

const country = z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code');
const name = z.string().min(1).max(1000);

const Identifier = z
  .strictObject({
    /** As the lists call it: `passport`, `national_id`, `tax_id`, `registration`, `imo`, `bic`. */
    type: z.string().regex(/^[a-z_]{1,40}$/, 'must be lower-case words joined by _'),
    number: z.string().min(1).max(100),
    country: country.optional(),
  })
  .openapi('ScreeningIdentifier');

const CryptoAddress = z
  .strictObject({ chain: z.string().min(1).max(40).optional(), address: z.string().min(10).max(200) })
  .openapi('ScreeningCryptoAddress');

const Subject = z
  .strictObject({
    name,
    /** Other names of the same subject; each is compared. */
    names: z.array(name).max(20).optional(),
    kind: z.enum(['person', 'organisation', 'vessel', 'aircraft', 'unknown']).default('person'),
    birthDate: z.string().regex(PARTIAL_DATE, 'must be YYYY, YYYY-MM or YYYY-MM-DD').optional(),
    country: country.optional(),
    countries: z.array(country).max(20).optional(),
    gender: z.enum(['male', 'female']).optional(),
    identifiers: z.array(Identifier).max(20).optional(),
    cryptoAddresses: z.array(CryptoAddress).max(50).optional(),
  })
  .openapi('ScreeningSubject');

export type SubjectInput = z.infer<typeof Subject>;

/** How many subjects one call takes. */
const BATCH_MAX = 1_000;

export const NewScreeningBatch = z
  .strictObject({
    subjects: z
      .array(z.strictObject({ reference: z.string().min(1).max(100), subject: Subject }))
      .min(1)
      .max(BATCH_MAX),
  })
  .openapi('NewScreeningBatch');

/** Either a subject in words or a customer. */
export const NewScreening = z
  .union([z.strictObject({ subject: Subject }), z.strictObject({ userId: idInput })])
  .openapi('NewScreening');

export const Match = z
  .object({
    entityId: wireId,
    rank: z.number().int(),
    /** 0 to 1. */
    score: z.number(),
    matchedName: z.string(),
    listKind: z.enum(listKind.enumValues),
    sourceId: z.string(),
    primaryName: z.string(),
    programs: z.array(z.string()),
    explanation: z.array(
      z.object({ feature: z.string(), value: z.number(), weight: z.number(), detail: z.string() }),
    ),
  })
  .openapi('ScreeningMatch');

/** A match as a batch tells it; the screening by its id explains it. */
const BatchMatch = z
  .object({
    entityId: wireId,
    score: z.number(),
    matchedName: z.string(),
    sourceId: z.string(),
  })
  .openapi('ScreeningBatchMatch');

export const ScreeningBatch = z
  .object({
    results: z.array(
      z
        .object({
          reference: z.string(),
          screeningId: wireId,
          result: z.enum(screeningResult.enumValues),
          riskScore: z.number().int(),
          matchCount: z.number().int(),
          /** Why the name cannot be screened; null where it was. */
          refusal: z.union([z.string(), z.null()]),
          /** The best ten. */
          matches: z.array(BatchMatch),
        })
        .openapi('ScreeningBatchResult'),
    ),
  })
  .openapi('ScreeningBatch');

export const Screening = wireOf(screenings)
  .pick({
    id: true,
    userId: true,
    checkType: true,
    trigger: true,
    provider: true,
    result: true,
    riskScore: true,
    algorithmVersion: true,
    configHash: true,
    matchCount: true,
    checkedAt: true,
    nextCheckDueAt: true,
  })
  .extend({ listVersions: z.record(z.string(), wireId) })
  .openapi('Screening');

export const ScreeningFile = Screening.extend({
  /** Null where the person was erased. */
  subject: z.union([z.object({ name: z.string() }).loose(), z.null()]),
  matches: z.array(Match),
}).openapi('ScreeningFile');

const share = z.number().min(0).max(5);
const bonus = z.number().min(-1).max(1);

/** Every number of a configuration; the bounds keep a draft from alerting on everybody or on nobody. */
export const ScreeningConfigContent = z
  .strictObject({
    version: z.string().min(1).max(60),
    threshold: z.number().min(0.5).max(0.95),
    matchesMax: z.number().int().min(1).max(200),
    candidatesMax: z.number().int().min(8).max(256),
    postingsMax: z.number().int().min(10_000).max(200_000),
    penalties: z
      .strictObject({
        conflict: share,
        extraInQuery: share,
        extraInList: share,
        leading: share,
        evidenceOfWhole: share,
        evidenceWithExtraInQuery: share,
        evidenceWithExtraInList: share,
        evidenceOfThings: share,
        shortage: share,
        looseness: share,
        reversedFather: share,
        brokenRun: share,
        weakAlias: share,
      })
      .openapi('ScreeningPenalties'),
    qualifiers: z
      .strictObject({
        birthDateEqual: bonus,
        birthYearEqual: bonus,
        birthDateNear: bonus,
        birthDateDifferent: bonus,
        countryEqual: bonus,
        countryDifferent: bonus,
        genderDifferent: bonus,
        identifierEqual: bonus,
        identifierFloor: bonus,
      })
      .openapi('ScreeningQualifiers'),
  })
  .openapi('ScreeningConfigContent');

const reason = z.string().min(3).max(2000);

export const NewScreeningConfig = z
  .strictObject({ content: ScreeningConfigContent, reason })
  .openapi('NewScreeningConfig');

export const ScreeningConfigActivation = z.strictObject({ reason }).openapi('ScreeningConfigActivation');

const Simulation = z
  .object({
    at: wireInstant,
    contentHash: z.string(),
    activeHash: z.string(),
    subjects: z.number().int(),
    alertedBefore: z.number().int(),
    alertedAfter: z.number().int(),
    clearToAlert: z.number().int(),
    alertToClear: z.number().int(),
  })
  .openapi('ScreeningConfigSimulation');

export const ScreeningConfig = wireOf(screeningConfigs)
  .pick({
    id: true,
    version: true,
    status: true,
    origin: true,
    contentHash: true,
    algorithm: true,
    reason: true,
    approvalId: true,
    createdBy: true,
    createdAt: true,
    activatedAt: true,
    retiredAt: true,
  })
  .extend({ content: ScreeningConfigContent, simulation: z.union([Simulation, z.null()]) })
  .openapi('ScreeningConfig');
