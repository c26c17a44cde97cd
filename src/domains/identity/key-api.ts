import { z } from '@hono/zod-openapi';
import { instantInput, wireOf } from '../../platform/http/wire.ts';
import { isCidr } from './allowed-addresses.ts';
import { line } from './api.ts';
import { API_SCOPES } from './api-key-format.ts';
import { MAX_OVERLAP_SECONDS } from './api-key-rules.ts';
import { apiKeys } from './schema.ts';
import { isUsablePublicKey } from './signing-keys.ts';

const PUBLIC_KEY_BYTES = 32;

const signingPublicKey = z
  .base64()
  .length(44, 'must be the base64 of 32 bytes')
  .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
  .refine((key) => key.length === PUBLIC_KEY_BYTES && isUsablePublicKey(key), 'must be an Ed25519 public key')
  .openapi({
    type: 'string',
    example: 'JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=',
    description: 'Ed25519, base64 of the 32 raw bytes. With one, every request must be signed (RFC 9421).',
  });

const keyFacts = wireOf(apiKeys)
  .pick({
    id: true,
    name: true,
    mode: true,
    scopes: true,
    allowedCidrs: true,
    service: true,
    createdAt: true,
    activatedAt: true,
    approvalId: true,
    rotatedFromId: true,
    expiresAt: true,
    lastUsedAt: true,
    revokedAt: true,
  })
  .extend({ prefix: z.string(), signingPublicKey: z.union([z.string(), z.null()]) });

export const ApiKey = keyFacts.openapi('ApiKey');

export const ApiKeyList = z.object({ data: z.array(ApiKey) }).openapi('ApiKeyList');

export const CreateApiKey = z
  .strictObject({
    name: line(80),
    scopes: z.array(z.enum(API_SCOPES)).min(1).max(API_SCOPES.length),
    allowedCidrs: z
      .array(z.string().max(50).refine(isCidr, 'must be a network such as 203.0.113.0/24'))
      .max(50)
      .optional(),
    expiresAt: instantInput.optional(),
    signingPublicKey: signingPublicKey.optional(),
  })
  .openapi('CreateApiKey');

export const RotateApiKey = z
  .strictObject({
    overlapSeconds: z
      .number()
      .int()
      .min(0)
      .max(MAX_OVERLAP_SECONDS)
      .optional()
      .openapi({ description: 'How long the old key goes on working; a day unless given.' }),
    signingPublicKey: signingPublicKey.optional(),
  })
  .openapi('RotateApiKey');

export const CreatedApiKey = keyFacts
  .extend({ secret: z.string().openapi({ description: 'The key itself; shown once.' }) })
  .openapi('CreatedApiKey');
