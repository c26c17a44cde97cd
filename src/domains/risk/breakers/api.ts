import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { instantInput, wireDecimal, wireId, wireOf } from '../../../platform/http/wire.ts';
import { symbolInput } from '../../markets/index.ts';
import { breakerRules, breakerScope, breakerTrigger, circuitBreakers } from '../schema.ts';

const reason = z.string().min(1).max(500);

export const CircuitBreaker = wireOf(circuitBreakers)
  .pick({
    reason: true,
    trippedBy: true,
    trippedAt: true,
    endsAt: true,
    liftedBy: true,
    liftedAt: true,
    liftReason: true,
  })
  .extend({
    id: wireId,
    scope: z.enum(breakerScope.enumValues),
    symbol: z.union([z.string(), z.null()]).openapi({ description: 'Null where everything is stopped' }),
    trigger: z.enum(breakerTrigger.enumValues),
    fromPrice: z.union([wireDecimal, z.null()]),
    toPrice: z.union([wireDecimal, z.null()]),
    liftApprovalId: z.union([wireId, z.null()]),
    supersededBy: z.union([wireId, z.null()]).openapi({
      description:
        'The breaker of the same target that took its place and lasts longer; trading stayed stopped',
    }),
  })
  .openapi('CircuitBreaker');

export const BreakerQuery = z.strictObject({
  ...pageQuery,
  tripped: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .openapi({
      type: 'string',
      enum: ['true', 'false'],
      description: 'Only those that stand, or only those that do not',
    }),
  symbol: symbolInput.optional(),
});

export const NewBreaker = z
  .strictObject({
    symbol: symbolInput.optional().openapi({ description: 'What it stops; everything where absent' }),
    endsAt: instantInput
      .optional()
      .openapi({ description: 'When it lifts by itself; else two people have to' }),
    reason,
  })
  .openapi('NewCircuitBreaker');

export const BreakerLift = z.strictObject({ reason }).openapi('CircuitBreakerLift');

export const RequestedLift = z
  .object({ breakerId: wireId, approvalId: wireId, status: z.literal('pending') })
  .openapi('RequestedBreakerLift');

const seconds = (max: number) => z.number().int().min(1).max(max);
const bps = z.number().int().min(1).max(10_000);

const terms = {
  active: z.boolean(),
  moveBps: bps.openapi({ description: 'How far the price may move within the window, inclusive' }),
  windowSeconds: seconds(3_600),
  pauseSeconds: seconds(86_400),
  alertBps: bps.openapi({ description: 'From which move on an alert is raised; at most moveBps' }),
};

const platformMoveBps = z.union([bps, z.null()]).openapi({
  description:
    'From which move on everything stops, not the instrument alone; at least moveBps, null for none',
});

export const BreakerRule = wireOf(breakerRules)
  .pick({ reason: true, createdAt: true })
  .extend({
    id: wireId,
    symbol: z.string(),
    ...terms,
    platformMoveBps,
    setBy: wireId,
    approvalId: z.union([wireId, z.null()]),
  })
  .openapi('BreakerRule');

export const BreakerRuleList = z.object({ data: z.array(BreakerRule) }).openapi('BreakerRuleList');

export const BreakerRuleOrder = z
  .strictObject({ ...terms, platformMoveBps: platformMoveBps.default(null), reason })
  .openapi('BreakerRuleOrder');

export const SetBreakerRule = z
  .object({
    ruleId: wireId,
    status: z.enum(['in_force', 'pending']),
    approvalId: z.union([wireId, z.null()]),
  })
  .openapi('SetBreakerRule');
