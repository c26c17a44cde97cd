import { z } from '@hono/zod-openapi';
import { ApprovalReason } from '../../../platform/approvals/api.ts';
import { idInput, wireId, wireInstant } from '../../../platform/http/wire.ts';
import { recoveryCause } from '../../../platform/recovery/schema.ts';

const idOrNull = z.union([wireId, z.null()]);
const instantOrNull = z.union([wireInstant, z.null()]);
const sizeOrNull = z.union([z.number().int(), z.null()]);

export const RecoveryState = z
  .object({
    id: wireId,
    cause: z.enum(recoveryCause.enumValues),
    startedAt: wireInstant,
    backupId: idOrNull,
    /** What came later is lost. */
    backupTakenAt: instantOrNull,
    treeSize: z.number().int(),
    /** Of the largest tree somebody else holds a checkpoint of, where that is known. */
    foreignSize: sizeOrNull,
    logOrigin: z.union([z.string(), z.null()]),
    logSettledAt: instantOrNull,
    reconciliationId: idOrNull,
    approvalId: idOrNull,
    endedAt: instantOrNull,
  })
  .openapi('Recovery');

export const RecoveryView = z
  .object({ open: z.boolean(), latest: z.union([RecoveryState, z.null()]) })
  .openapi('RecoveryView');

export const EndRecovery = z
  .strictObject({ reconciliationId: idInput, reason: ApprovalReason.shape.reason })
  .openapi('EndRecovery');

export const NewLogOrigin = z
  .strictObject({
    origin: z
      .string()
      .min(3)
      .max(100)
      .regex(/^[a-z0-9./-]*[a-z][a-z0-9./-]*$/, 'must be a name such as audit.example.mu/2026')
      .openapi({ example: 'audit.example.mu/2026-02' }),
    reason: ApprovalReason.shape.reason,
  })
  .openapi('NewLogOrigin');
