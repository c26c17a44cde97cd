import { z } from '@hono/zod-openapi';
import { idInput, wireOf } from '../../../platform/http/wire.ts';
import { kycReviews } from './schema.ts';

export const REVIEW_KINDS = [
  'periodic',
  'document_expiry',
  'edd',
  'provider_contradicts',
  'dormant',
] as const;

export const CustomerReview = wireOf(kycReviews)
  .pick({
    id: true,
    userId: true,
    referenceId: true,
    openedAt: true,
    dueAt: true,
    escalatedAt: true,
    assigneeId: true,
    evidenceId: true,
    approvalId: true,
    closedBy: true,
    closedAt: true,
  })
  .extend({
    kind: z.enum(REVIEW_KINDS),
    status: z.enum(['open', 'done']),
    /** How many reminders were mailed. */
    reminded: z.number().int(),
    /** How it restricts meanwhile. */
    escalatedTo: z.union([z.enum(['no_out', 'reduce_only']), z.null()]),
    outcome: z.union([z.enum(['confirmed', 'renewed', 'waived', 'obsolete']), z.null()]),
    version: z.number().int(),
  })
  .openapi('KycCustomerReview');

export const ReviewAssignment = z.strictObject({ assigneeId: idInput }).openapi('KycReviewAssignment');
