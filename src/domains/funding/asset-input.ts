import { z } from '@hono/zod-openapi';

/** An asset as requests name it. */
export const assetInput = z
  .string()
  .regex(/^[A-Z0-9.]{2,12}$/, 'must be an asset code')
  .openapi({ example: 'USD' });
