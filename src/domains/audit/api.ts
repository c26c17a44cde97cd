import { z } from '@hono/zod-openapi';
import { auditLogs } from '../../platform/db/schema.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { idInput, instantInput, wireInstant, wireOf } from '../../platform/http/wire.ts';

const shown = z.union([z.record(z.string(), z.unknown()), z.null()]);

const personalPart = z.object({
  ip: z.string(),
  userAgent: z.string(),
  location: z
    .object({
      country: z.string(),
      city: z.string().optional(),
      latitude: z.string().optional(),
      longitude: z.string().optional(),
      timeZone: z.string().optional(),
    })
    .optional()
    .openapi({ description: 'Absent where no trusted proxy said where the request came from' }),
});

export const AuditLog = wireOf(auditLogs)
  .pick({
    id: true,
    recordedAt: true,
    actorKind: true,
    actorId: true,
    actorUserId: true,
    subjectUserId: true,
    eventType: true,
    category: true,
    severity: true,
    class: true,
    resourceType: true,
    resourceId: true,
    description: true,
    outcome: true,
    requestId: true,
  })
  .extend({
    before: shown,
    after: shown,
    /** Where the request came from; null for readers without that right, and after erasure. */
    personal: z.union([personalPart, z.null()]),
    /** The row's place in the log; null for the moment before it is sequenced. */
    leafIndex: z.union([z.number().int(), z.null()]),
  })
  .openapi('AuditLog');

export const auditLogQuery = z
  .strictObject({
    ...pageQuery,
    from: instantInput.optional(),
    to: instantInput.optional(),
    actorId: z.string().min(1).max(100).optional(),
    userId: idInput.optional(),
    category: z.enum(auditLogs.category.enumValues).optional(),
    severity: z.enum(auditLogs.severity.enumValues).optional(),
    eventType: z
      .string()
      .regex(/^[a-z_]+\.[a-z_]+$/, 'must be of the form entity.verb')
      .optional(),
    requestId: z.string().min(1).max(100).optional(),
    resourceType: z.string().min(1).max(100).optional(),
    resourceId: z.string().min(1).max(100).optional(),
    outcome: z.enum(auditLogs.outcome.enumValues).optional(),
    class: z.enum(auditLogs.class.enumValues).optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    error: 'must be later than from',
  });

export const AuditCheckpoint = z
  .object({
    treeSize: z.number().int(),
    /** The signed note, to be kept as it is. */
    note: z.string(),
    signedAt: wireInstant,
  })
  .openapi('AuditCheckpoint');

export const AuditVerification = z
  .object({
    holds: z.boolean(),
    origin: z.union([z.string(), z.null()]),
    /** C2SP verifier keys of the log, the current one first. */
    verifierKeys: z.array(z.string()),
    treeSize: z.number().int(),
    rowsChecked: z.number().int(),
    rowsUnsealed: z.number().int(),
    checkpointsChecked: z.number().int(),
    checkpoint: z.union([z.string(), z.null()]),
    findings: z.array(
      z.object({
        code: z.string(),
        object: z.string(),
        detail: z.string(),
        /** The tree size of the first checkpoint that covers it; null where none does yet. */
        checkpoint: z.union([z.number().int(), z.null()]),
      }),
    ),
    findingCount: z.number().int(),
    verifiedAt: wireInstant,
  })
  .openapi('AuditVerification');
