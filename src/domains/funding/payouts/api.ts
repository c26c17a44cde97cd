import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { idInput, wireOf } from '../../../platform/http/wire.ts';
import { ageDays } from '../debit-api.ts';
import { payoutConflictStatus, payoutConflicts } from '../work/schema.ts';

export const PayoutConflict = wireOf(payoutConflicts)
  .pick({
    id: true,
    reportId: true,
    withdrawalId: true,
    repaymentId: true,
    said: true,
    stood: true,
    status: true,
    closedBy: true,
    version: true,
    createdAt: true,
    closedAt: true,
  })
  .extend({ ageDays })
  .openapi('PayoutConflict');

export const conflictQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(payoutConflictStatus.enumValues).optional(),
  withdrawalId: idInput.optional(),
});
