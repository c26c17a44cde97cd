import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { idInput, wireId, wireOf } from '../../../platform/http/wire.ts';
import { riskAlertKind, riskAlerts, riskSeverity } from '../schema.ts';

export const RiskAlert = wireOf(riskAlerts)
  .pick({ day: true, raisedAt: true, acknowledgedAt: true, note: true })
  .extend({
    id: wireId,
    kind: z.enum(riskAlertKind.enumValues),
    severity: z.enum(riskSeverity.enumValues),
    userId: z.union([wireId, z.null()]),
    accountId: z.union([wireId, z.null()]),
    instrumentId: z.union([wireId, z.null()]),
    details: z.record(z.string(), z.unknown()),
    acknowledgedBy: z.union([wireId, z.null()]),
  })
  .openapi('RiskAlert');

export const RiskAlertQuery = z.strictObject({
  ...pageQuery,
  kind: z.enum(riskAlertKind.enumValues).optional(),
  severity: z.enum(riskSeverity.enumValues).optional(),
  acknowledged: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .openapi({ type: 'string', enum: ['true', 'false'] }),
  userId: idInput.optional(),
});

export const AlertNote = z.strictObject({ note: z.string().min(1).max(1_000) }).openapi('RiskAlertNote');
