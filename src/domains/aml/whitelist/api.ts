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

export const WhitelistQuery = {
  userId: idInput.optional(),
  standing: z.enum(['true']).optional(),
};
