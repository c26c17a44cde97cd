import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../platform/http/cursor.ts';
import { idInput, instantInput, wireInstant, wireOf } from '../../platform/http/wire.ts';
import { RECORD_CLASSES } from '../../platform/privacy/record-classes.ts';
import {
  legalHolds,
  retentionItems,
  retentionOutcomes,
  retentionPolicies,
  retentionRuns,
} from '../../platform/privacy/schema.ts';

const line = (max: number) =>
  z
    .string()
    .trim()
    .min(3)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'must be one line of text');

const words = { reference: line(120), reason: line(500) };

export const NewLegalHold = z
  .discriminatedUnion('scope', [
    z.strictObject({ scope: z.literal('user'), userId: idInput, ...words }),
    z
      .strictObject({ scope: z.literal('period'), from: instantInput, to: instantInput, ...words })
      .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be later than from' }),
    z.strictObject({ scope: z.literal('all'), ...words }),
  ])
  .openapi('NewLegalHold');

export const LegalHoldView = wireOf(legalHolds)
  .pick({
    id: true,
    scope: true,
    userId: true,
    placedBy: true,
    placedAt: true,
    releasedAt: true,
    releaseApprovalId: true,
  })
  .extend({
    status: z.enum(['active', 'released']),
    from: z.union([wireInstant, z.null()]),
    to: z.union([wireInstant, z.null()]),
    reference: z.string(),
    reason: z.string(),
  })
  .openapi('LegalHold');

export const legalHoldQuery = z.strictObject({
  ...pageQuery,
  userId: idInput.optional(),
  status: z.enum(['active', 'released']).optional(),
});

export const recordClassInput = z.enum(RECORD_CLASSES);

/** Null goes back to the installation's setting. */
export const SetRetentionPolicy = z
  .strictObject({
    months: z.union([z.int().min(1).max(1200), z.null()]),
    basis: line(200),
    reason: line(500),
  })
  .openapi('SetRetentionPolicy');

export const RetentionPolicyView = wireOf(retentionPolicies)
  .pick({ recordClass: true, basis: true, approvalId: true, version: true, changedAt: true })
  .extend({
    /** After the relationship ended and whatever of the class happened later. */
    months: z.number().int(),
    source: z.enum(['setting', 'policy']),
  })
  .openapi('RetentionPolicy');

export const RetentionPolicyList = z
  .object({ data: z.array(RetentionPolicyView) })
  .openapi('RetentionPolicyList');

export const RetentionRun = wireOf(retentionRuns)
  .pick({
    id: true,
    asOf: true,
    requestedBy: true,
    status: true,
    itemCount: true,
    dueCount: true,
    heldCount: true,
    approvalId: true,
    createdAt: true,
    finishedAt: true,
  })
  .extend({
    /** SHA-256 of the items, which an approval to destroy them is bound to. */
    sha256: z.string(),
  })
  .openapi('RetentionRun');

export const RetentionItem = wireOf(retentionItems)
  .pick({
    id: true,
    recordClass: true,
    action: true,
    subject: true,
    userId: true,
    dueSince: true,
    held: true,
  })
  .extend({
    outcome: z.union([z.enum(retentionOutcomes.outcome.enumValues), z.null()]),
    /** Why it was kept. */
    reason: z.union([z.string(), z.null()]),
    decidedAt: z.union([wireInstant, z.null()]),
  })
  .openapi('RetentionItem');
