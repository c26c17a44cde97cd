import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../../platform/http/cursor.ts';
import { idInput, wireOf } from '../../../platform/http/wire.ts';
import { payoutSubmissions } from './schema.ts';

export const PayoutSubmission = wireOf(payoutSubmissions).openapi('PayoutSubmission');

export const submissionQuery = z.strictObject({
  ...pageQuery,
  withdrawalId: idInput.optional(),
  provider: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, 'must be the name of a provider')
    .optional(),
});
