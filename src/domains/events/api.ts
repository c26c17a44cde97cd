import { z } from '@hono/zod-openapi';
import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT } from '../../kernel/page.ts';
import { idInput, wireId, wireInstant } from '../../platform/http/wire.ts';

/** The one envelope of events, whichever way they are read. */
export const CustomerEvent = z
  .object({
    id: wireId,
    type: z.string().openapi({ example: 'deposit.cleared' }),
    occurredAt: wireInstant,
    accountId: wireId.optional(),
    userId: wireId.optional(),
    data: z.record(z.string(), z.unknown()),
  })
  .openapi('Event');

export const EventList = z.object({ data: z.array(CustomerEvent) }).openapi('EventList');

export const eventQuery = z.strictObject({
  after: idInput.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_LIMIT).default(DEFAULT_PAGE_LIMIT).openapi({
    type: 'integer',
    minimum: 1,
    maximum: MAX_PAGE_LIMIT,
    default: DEFAULT_PAGE_LIMIT,
    example: 50,
  }),
});
