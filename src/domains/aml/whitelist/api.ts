import { z } from '@hono/zod-openapi';
import { idInput, wireOf } from '../../../platform/http/wire.ts';
import { whitelistEntries } from './schema.ts';

export const WhitelistEntry = wireOf(whitelistEntries)
  .pick({
    id: true,
    userId: true,
    party: true,
    listId: true,
    sourceId: true,
    entityId: true,
    alertId: true,
    approvalId: true,
    createdBy: true,
    createdAt: true,
    expiresAt: true,
    endedAt: true,
    endedBy: true,
    endCause: true,
  })
  .openapi('AmlWhitelistEntry');

export const WhitelistEntries = z.object({ data: z.array(WhitelistEntry) }).openapi('AmlWhitelistEntries');

export const WhitelistAddition = z
  .strictObject({
    /** An open alert that names the entries. */
    alertId: idInput,
    entries: z
      .array(
        z.strictObject({
          listId: idInput,
          sourceId: z.string().min(1).max(200),
          /** Who of the customer it is, as the alert says; empty for themselves. */
          party: z.string().max(100).default(''),
        }),
      )
      .min(1)
      .max(50),
    days: z.number().int().min(1).max(365).default(180),
    reason: z.string().trim().min(3).max(2000),
  })
  .openapi('AmlWhitelistAddition');

export const WhitelistQuery = {
  userId: idInput.optional(),
  standing: z.enum(['true']).optional(),
};
