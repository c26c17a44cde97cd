import { z } from '@hono/zod-openapi';
import { line } from './api.ts';

const half = z
  .string()
  .regex(/^(?:[0-9A-Za-z][ -]?){32}$/, 'must be 32 letters and digits')
  .openapi({ example: '7K2M-9QXA-TB4C-0HJZ-VW3N-E8RD-5FGP-1YSB' });

export const BreakGlass = z
  .strictObject({ firstHalf: half, secondHalf: half, reason: line(500) })
  .openapi('BreakGlass');

export const BreakGlassStepUp = z
  .strictObject({ firstHalf: half, secondHalf: half })
  .openapi('BreakGlassStepUp');
