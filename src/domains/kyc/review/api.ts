import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { idInput, wireId, wireInstant } from '../../../platform/http/wire.ts';
import { Application } from '../api.ts';
import { dayInput } from '../day-input.ts';
import { ITEM_REASONS } from './settle-items.ts';
import { APPLICANT_REASONS } from './write-decision.ts';

const reason = z.string().trim().min(3).max(1000);

/** Why an application is not approved: in the reviewer's words, and as its applicant is told. */
export const Rejection = z
  .strictObject({ reason, reasonCode: z.enum(APPLICANT_REASONS).optional() })
  .openapi('KycRejection');

/** What has to be shown again; every document that was not accepted unless it is named. */
export const Resubmission = z
  .strictObject({
    reason,
    reasonCode: z.enum(APPLICANT_REASONS).optional(),
    items: z
      .array(z.strictObject({ itemId: idInput, reasonCode: z.enum(ITEM_REASONS) }))
      .min(1)
      .max(40)
      .optional(),
  })
  .openapi('KycResubmission');

export const Assignment = z.strictObject({ assigneeId: idInput }).openapi('KycAssignment');

/** What a reviewer says of one item; `note` is for colleagues and never for the applicant. */
export const ItemDecision = z
  .strictObject({
    decision: z.enum(['accept', 'resubmit', 'waive']),
    reasonCode: z.enum(ITEM_REASONS).optional(),
    note: reason.optional(),
    /** Until when the document is good, as the reviewer reads it; where nobody said so. */
    expiresOn: dayInput.optional(),
  })
  .refine(({ decision, expiresOn }) => decision === 'accept' || expiresOn === undefined, {
    path: ['expiresOn'],
    message: 'is read off what is accepted',
  })
  .refine(({ decision, reasonCode }) => decision !== 'resubmit' || reasonCode !== undefined, {
    path: ['reasonCode'],
    message: 'must say why it has to be shown again',
  })
  .refine(({ decision, note }) => decision !== 'waive' || note !== undefined, {
    path: ['note'],
    message: 'must say why it is let pass',
  })
  .openapi('KycItemDecision');

export type ItemDecisionInput = z.infer<typeof ItemDecision>;

export const QUEUE_QUERY = {
  ...pageQuery,
  status: z.enum(['submitted', 'under_review']).optional(),
  assignee: z.union([z.enum(['me', 'none']), idInput]).optional(),
  overdue: z.enum(['true', 'false']).optional(),
  needsSenior: z.enum(['true', 'false']).optional(),
} as const;

/** An application that waits, and for whom. */
export const QueueEntry = Application.extend({
  priority: z.number().int(),
  needsSenior: z.boolean(),
  isUpgrade: z.boolean(),
  assigneeId: z.union([wireId, z.null()]),
  dueAt: z.union([wireInstant, z.null()]),
  overdue: z.boolean(),
  ageHours: z.number().int(),
  waitingFor: z.enum(['screening', 'senior', 'reviewer']),
  itemCounts: z.record(z.string(), z.number().int()),
}).openapi('KycQueueEntry');

/** What several sources say of one thing. */
export const Comparison = z
  .object({
    applicationId: wireId,
    rows: z.array(
      z.object({
        field: z.string().openapi({ example: 'birthDate' }),
        agree: z.boolean(),
        values: z.array(z.object({ source: z.string(), value: z.string() })),
      }),
    ),
  })
  .openapi('KycComparison');
