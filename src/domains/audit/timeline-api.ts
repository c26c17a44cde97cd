import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../platform/http/cursor.ts';
import { idInput } from '../../platform/http/wire.ts';

/** What a timeline can be of; a user's is what they did and what was done about them. */
export const TIMELINE_KINDS = ['user', 'account', 'order', 'withdrawal', 'deposit'] as const;

export const timelineParams = z.object({ kind: z.enum(TIMELINE_KINDS), id: idInput });

export const timelineQuery = z.strictObject(pageQuery);
