import { z } from '@hono/zod-openapi';
import { isPlausibleDay } from './rules.ts';

/** A day as it comes over the wire: of the calendar, and of a century that paper is from. */
export const dayInput = z.iso
  .date({ error: 'must be a date, YYYY-MM-DD' })
  .refine(isPlausibleDay, 'must be from 1900 to 2199');
