import { z } from '@hono/zod-openapi';
import { ApprovalReason, ApprovalView } from '../../../platform/approvals/api.ts';
import { amountInput, idInput, instantInput, wireId, wireOf } from '../../../platform/http/wire.ts';
import { holdCaptures, holds } from '../schema.ts';
import { CAPTURE_ROLES, HAND_REASONS } from './rules.ts';

const METADATA_MAX = 20;

const nullable = (schema: z.ZodType) => z.union([schema, z.null()]);

const HoldCapture = wireOf(holdCaptures)
  .pick({ id: true, amount: true, journalId: true, capturedAt: true })
  .extend({
    destinationWalletId: nullable(wireId).openapi({ description: 'For staff.' }),
    approvalId: nullable(wireId).openapi({ description: 'For staff.' }),
  })
  .openapi('HoldCapture');

/** One hold with what only staff read of it; a customer finds null there. */
export const HoldFile = wireOf(holds)
  .pick({
    id: true,
    walletId: true,
    accountId: true,
    asset: true,
    amount: true,
    remaining: true,
    reason: true,
    referenceType: true,
    referenceId: true,
    status: true,
    byHand: true,
    reference: true,
    placedBy: true,
    placedByKey: true,
    expiresAt: true,
    createdAt: true,
    closedAt: true,
  })
  .extend({
    metadata: nullable(z.record(z.string(), z.unknown())),
    captures: z.array(HoldCapture),
  })
  .openapi('HoldFile');

/** Names of things in systems, never of people: they are kept in the clear. */
const nameInput = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/, 'must be a reference without spaces');

export const NewHold = z
  .strictObject({
    amount: amountInput,
    reason: z.enum(HAND_REASONS).openapi({
      description:
        'Holds for withdrawals and margin are placed by what they belong to; `system` is reserved.',
    }),
    reference: nameInput.openapi({
      example: 'order-10045',
      description: 'Names the hold together with `reason`, for good. No personal data.',
    }),
    expiresAt: instantInput.optional().openapi({ description: 'Without one it lasts until it is ended.' }),
    metadata: z
      .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,39}$/, 'must be a plain name'), nameInput)
      .refine(
        (members) => Object.keys(members).length <= METADATA_MAX,
        `must have at most ${METADATA_MAX} members`,
      )
      .optional()
      .openapi({ description: 'References of your own systems. No personal data.' }),
  })
  .openapi('NewHold');

export const CaptureHold = z
  .strictObject({
    amount: amountInput.optional().openapi({ description: 'All that remains unless given.' }),
    destination: z
      .strictObject({
        house: z
          .strictObject({
            role: z.enum(CAPTURE_ROLES),
            reference: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, 'must be a short reference'),
          })
          .optional()
          .openapi({ description: 'A wallet of the house that is there already.' }),
        accountId: idInput.optional().openapi({ description: 'The live account of another customer.' }),
      })
      .refine(({ house, accountId }) => (house === undefined) !== (accountId === undefined), {
        path: ['house'],
        error: 'name one: house or accountId',
      }),
    reason: ApprovalReason.shape.reason,
  })
  .openapi('CaptureHold');

export const HoldApproval = z.object({ approval: ApprovalView }).openapi('HoldApproval');
