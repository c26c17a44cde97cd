import { z } from '@hono/zod-openapi';
import { auditExports, auditLogs } from '../../platform/db/schema.ts';
import { pageQuery } from '../../platform/http/cursor.ts';
import { idInput, instantInput, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { isAgeRecipient } from './export-age.ts';
import { EXPORT_FAILURES } from './export-failure.ts';

export const EXPORT_FORMATS = ['ndjson', 'csv', 'parquet'] as const;

const nullableCount = z.union([z.number().int(), z.null()]);
const nullableInstant = z.union([wireInstant, z.null()]);
const nullableText = z.union([z.string(), z.null()]);

const filters = z.strictObject({
  userId: idInput.optional(),
  actorId: z.string().min(1).max(100).optional(),
  category: z.enum(auditLogs.category.enumValues).optional(),
  severity: z.enum(auditLogs.severity.enumValues).optional(),
  class: z.enum(auditLogs.class.enumValues).optional(),
  outcome: z.enum(auditLogs.outcome.enumValues).optional(),
  eventType: z
    .string()
    .regex(/^[a-z_]+\.[a-z_]+$/, 'must be of the form entity.verb')
    .optional(),
  resourceType: z.string().min(1).max(100).optional(),
  resourceId: z.string().min(1).max(100).optional(),
});

export const NewAuditExport = z
  .strictObject({
    from: instantInput,
    to: instantInput,
    format: z.enum(EXPORT_FORMATS),
    /** Rows that meet all of them; all rows of the period unless given. */
    filters: filters.optional(),
    /** An age recipient (`age1…`): the file is encrypted to it, and nobody here can open it again. */
    recipient: z
      .string()
      .regex(/^age1[02-9ac-hj-np-z]{58}$/, 'must be an X25519 age recipient')
      .refine(isAgeRecipient, 'is mistyped: its checksum does not fit')
      .optional(),
  })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be later than from' })
  .openapi('NewAuditExport');

export const AuditExport = wireOf(auditExports)
  .pick({ id: true, requestedBy: true, status: true, sha256: true, createdAt: true })
  .extend({
    format: z.enum(EXPORT_FORMATS),
    from: wireInstant,
    to: wireInstant,
    filters: z.record(z.string(), z.string()),
    recipient: nullableText,
    /** How many rows of the log were looked through, of how many; null until that is known. */
    progress: z.object({ rowsDone: z.number().int(), rowsTotal: nullableCount }),
    /** How many rows the file shows. */
    rowCount: nullableCount,
    /** The tree size of the checkpoint that its proofs lead to. */
    treeSize: nullableCount,
    /** Bytes to download; `sha256` is of these, `plainSha256` of what an age file has inside. */
    sizeBytes: nullableCount,
    plainSha256: nullableText,
    failure: z.union([z.enum(EXPORT_FAILURES), z.null()]),
    startedAt: nullableInstant,
    completedAt: nullableInstant,
    /** When the file is removed. */
    expiresAt: nullableInstant,
    /** The log's current key, as `verify-audit --key` takes it; compare it with one from another source. */
    verifierKey: nullableText,
  })
  .openapi('AuditExport');

export const auditExportQuery = z.strictObject(pageQuery);
