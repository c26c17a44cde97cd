import { z } from '@hono/zod-openapi';
import { STAFF_END_REASONS } from './end-user-sessions.ts';

export const endSessionsQuery = z.strictObject({
  reason: z.enum(STAFF_END_REASONS).openapi({ description: 'Why, for the audit log' }),
});

export const EndedSessions = z
  .object({ ended: z.int().nonnegative().openapi({ description: 'How many sessions were live' }) })
  .openapi('EndedSessions');
