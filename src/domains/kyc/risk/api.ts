import { z } from '@hono/zod-openapi';
import { idInput, wireOf } from '../../../platform/http/wire.ts';
import { Matrix, RISK_FACTORS } from './matrix.ts';
import { kycRiskMatrices, kycRiskRatings, kycRiskSimulations } from './schema.ts';

const reasonInput = z.string().trim().min(3).max(1000);
const Level = z.enum(['low', 'medium', 'high', 'prohibited']);

export const RiskMatrixView = wireOf(kycRiskMatrices)
  .pick({
    id: true,
    version: true,
    contentHash: true,
    reason: true,
    createdBy: true,
    createdAt: true,
    approvalId: true,
    activatedAt: true,
    retiredAt: true,
  })
  .extend({
    status: z.enum(['draft', 'active', 'retired']),
    origin: z.enum(['release', 'staff']),
    content: Matrix,
  })
  .openapi('KycRiskMatrix');

export const RiskMatrixFile = RiskMatrixView.extend({
  /** How many customers another matrix rated last, while this one is in force. */
  behind: z.number().int(),
}).openapi('KycRiskMatrixFile');

export const NewRiskMatrix = z
  .strictObject({ content: Matrix, reason: reasonInput })
  .openapi('NewKycRiskMatrix');

export const RiskSimulation = wireOf(kycRiskSimulations)
  .pick({
    id: true,
    matrixId: true,
    contentHash: true,
    againstId: true,
    total: true,
    done: true,
    digest: true,
    requestedBy: true,
    requestedAt: true,
    finishedAt: true,
  })
  .extend({
    status: z.enum(['running', 'done']),
    counts: z.object({
      /** How many people go from one level to another, such as `low>high`. */
      moves: z.record(z.string(), z.number().int()),
      skipped: z.number().int(),
    }),
  })
  .openapi('KycRiskSimulation');

export const RiskRating = wireOf(kycRiskRatings)
  .pick({
    id: true,
    userId: true,
    applicationId: true,
    matrixId: true,
    cause: true,
    reason: true,
    approvalId: true,
    ratedBy: true,
    ratedAt: true,
    nextReviewAt: true,
  })
  .extend({
    score: z.number().int(),
    level: Level,
    raisedTo: z.union([z.number().int(), z.null()]),
    pieces: z.array(
      z.object({
        factor: z.enum(RISK_FACTORS),
        value: z.number().int(),
        weight: z.number().int(),
        points: z.number().int(),
        floor: z.union([z.number().int(), z.null()]),
      }),
    ),
    /** What the score was made from; null where the person was erased. */
    facts: z.union([
      z.object({
        geography: z.array(z.string()),
        product: z.array(z.string()),
        channel: z.array(z.string()),
        occupation: z.array(z.string()),
        pep: z.array(z.string()),
        adverse: z.array(z.string()),
        ownership: z.array(z.string()),
        screening: z.array(z.string()),
        behaviourPoints: z.number().int(),
        suspicion: z.boolean(),
      }),
      z.null(),
    ]),
  })
  .openapi('KycRiskRating');

export const NewRating = z
  .strictObject({ userId: idInput, score: z.number().int().min(1).max(100), reason: reasonInput })
  .openapi('KycRiskRaise');

export const RatingLowering = z
  .strictObject({ userId: idInput, reason: reasonInput })
  .openapi('KycRiskLowering');
