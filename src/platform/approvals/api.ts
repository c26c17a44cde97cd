import { z } from '@hono/zod-openapi';
import { approvals, approvalVotes } from '../db/schema.ts';
import { wireOf } from '../http/wire.ts';

const facts = {
  id: true,
  action: true,
  subjectType: true,
  subjectId: true,
  subjectUserId: true,
  payload: true,
  makerId: true,
  quorum: true,
  checkerRoles: true,
  status: true,
  reason: true,
  createdAt: true,
  expiresAt: true,
  decidedAt: true,
  executedAt: true,
} as const;

/** What a request for a second person answers. */
export const ApprovalView = wireOf(approvals).pick(facts).openapi('Approval');

export const ApprovalVote = wireOf(approvalVotes)
  .pick({ checkerId: true, vote: true, reason: true, votedAt: true })
  .openapi('ApprovalVote');

/** An approval as its checkers see it. */
export const ApprovalWithVotes = wireOf(approvals)
  .pick(facts)
  .extend({ votes: z.array(ApprovalVote) })
  .openapi('ApprovalWithVotes');

export const ApprovalReason = z
  .strictObject({
    reason: z
      .string()
      .trim()
      .min(3)
      .max(500)
      .regex(/^\P{Cc}*$/u, 'must be one line of text'),
  })
  .openapi('ApprovalReason');

export const approvalStatusInput = z.enum(approvals.status.enumValues);
