import { z } from '@hono/zod-openapi';
import { auditArchives } from '../../platform/audit/archives/schema.ts';
import { auditLogs } from '../../platform/db/schema.ts';
import { wireInstant, wireOf } from '../../platform/http/wire.ts';

export const NewAuditArchive = z
  .strictObject({
    month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'must be a month such as 2018-03'),
    reason: z.string().trim().min(1).max(1000),
  })
  .openapi('NewAuditArchive');

export const AuditArchive = wireOf(auditArchives)
  .pick({
    id: true,
    month: true,
    status: true,
    approvalId: true,
    sha256: true,
    checkpoint: true,
    approvedAt: true,
  })
  .extend({
    rowCount: z.number().int(),
    sizeBytes: z.union([z.number().int(), z.null()]),
    treeSize: z.union([z.number().int(), z.null()]),
    /** Why the last try did not go on. */
    failure: z.union([z.string(), z.null()]),
    exportedAt: z.union([wireInstant, z.null()]),
    verifiedAt: z.union([wireInstant, z.null()]),
    detachedAt: z.union([wireInstant, z.null()]),
    /** When the owner of the database dropped the month that stood apart. */
    droppedAt: z.union([wireInstant, z.null()]),
  })
  .openapi('AuditArchive');

export const AuditEventTypeList = z
  .object({
    data: z.array(
      z
        .object({
          type: z.string(),
          domain: z.string(),
          category: z.enum(auditLogs.category.enumValues),
          severity: z.enum(auditLogs.severity.enumValues),
          class: z.enum(auditLogs.class.enumValues),
          description: z.string(),
          /** The members of `before` and `after` that the log may show. */
          shows: z.array(z.string()),
        })
        .openapi('AuditEventType'),
    ),
  })
  .openapi('AuditEventTypeList');
