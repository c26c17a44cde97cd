import { z } from '@hono/zod-openapi';
import { auditExports, auditLogs } from '../../platform/db/schema.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { idInput, instantInput, wireInstant, wireOf } from '../../platform/http/wire.ts';

const shown = z.union([z.record(z.string(), z.unknown()), z.null()]);

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
    personal: z.union([z.object({ ip: z.string(), userAgent: z.string() }), z.null()]),
    /** The row's place in the log; null for the moment before it is sequenced. */
    leafIndex: z.union([z.number().int(), z.null()]),
  })
  .openapi('AuditLog');

export const auditLogQuery = z.strictObject({
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
});

export const NewAuditExport = z
  .strictObject({ from: instantInput, to: instantInput, format: z.enum(['ndjson']) })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be later than from' })
  .openapi('NewAuditExport');

export const AuditExport = wireOf(auditExports)
  .pick({ id: true, requestedBy: true, status: true, sha256: true, createdAt: true })
  .extend({
    format: z.enum(['ndjson']),
    from: wireInstant,
    to: wireInstant,
    /** How many rows the file shows. */
    rowCount: z.union([z.number().int(), z.null()]),
    /** The tree size of the checkpoint that its proofs lead to. */
    treeSize: z.union([z.number().int(), z.null()]),
    failure: z.union([z.string(), z.null()]),
    completedAt: z.union([wireInstant, z.null()]),
    /** The log's current key, as `verify-audit --key` takes it; compare it with one from another source. */
    verifierKey: z.union([z.string(), z.null()]),
  })
  .openapi('AuditExport');

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
    findings: z.array(z.object({ code: z.string(), object: z.string(), detail: z.string() })),
    findingCount: z.number().int(),
    verifiedAt: wireInstant,
  })
  .openapi('AuditVerification');
