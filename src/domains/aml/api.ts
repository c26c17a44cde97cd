import { z } from '@hono/zod-openapi';
import { idInput, wireId, wireOf } from '../../platform/http/wire.ts';
import { amlAlerts, listKind, listVersions, screeningLists, screenings } from './schema.ts';

const PARTIAL_DATE = /^\d{4}(-\d{2}(-\d{2})?)?$/;

const Subject = z
  .strictObject({
    name: z.string().min(1).max(1000),
    kind: z.enum(['person', 'organisation', 'vessel', 'aircraft', 'unknown']).default('person'),
    birthDate: z.string().regex(PARTIAL_DATE, 'must be YYYY, YYYY-MM or YYYY-MM-DD').optional(),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code')
      .optional(),
    gender: z.enum(['male', 'female']).optional(),
  })
  .openapi('ScreeningSubject');

/** Either a subject in words or a customer. */
export const NewScreening = z
  .union([z.strictObject({ subject: Subject }), z.strictObject({ userId: idInput })])
  .openapi('NewScreening');

export type NewScreeningInput = z.infer<typeof NewScreening>;

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

export const ListVersion = wireOf(listVersions)
  .pick({
    id: true,
    listId: true,
    status: true,
    publishedAt: true,
    entityCount: true,
    addedCount: true,
    changedCount: true,
    removedCount: true,
    refusal: true,
    importedBy: true,
    importedAt: true,
  })
  .openapi('ListVersion');

export const ScreeningList = wireOf(screeningLists)
  .pick({ id: true, kind: true, name: true, createdAt: true })
  .extend({ activeVersion: z.union([ListVersion, z.null()]) })
  .openapi('ScreeningList');

export const NewList = z
  .strictObject({ kind: z.enum(listKind.enumValues), name: z.string().trim().min(1).max(100) })
  .openapi('NewScreeningList');

const listFile = z.instanceof(File).openapi({ type: 'string', format: 'binary' });

export const ListImport = z
  .strictObject({
    file: listFile.optional(),
    primary: listFile.optional(),
    aliases: listFile.optional(),
    addresses: listFile.optional(),
  })
  .openapi('ListImport');

export const Alert = wireOf(amlAlerts)
  .pick({
    id: true,
    userId: true,
    screeningId: true,
    status: true,
    severity: true,
    assigneeId: true,
    disposition: true,
    reason: true,
    createdAt: true,
    resolvedAt: true,
    resolvedBy: true,
  })
  .extend({ version: z.number().int() })
  .openapi('AmlAlert');

export const Assignment = z.strictObject({ assigneeId: idInput }).openapi('AlertAssignment');

export const Resolution = z
  .strictObject({
    disposition: z.enum(['true_match', 'false_positive']),
    reason: z.string().trim().min(3).max(2000),
  })
  .openapi('AlertResolution');
