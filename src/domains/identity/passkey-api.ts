import { z } from '@hono/zod-openapi';
import { wireInstant, wireOf } from '../../platform/http/wire.ts';
import { RECOVERY_CODE_PATTERN } from './recovery-code-format.ts';
import { passkeys } from './schema.ts';

const CREDENTIAL = 'PublicKeyCredential.toJSON() of what the browser answered.';
/** The longest credential id there may be is 1023 bytes. */
const MAX_ID_LENGTH = 1364;

function base64url(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .regex(/^[\w-]+$/, 'must be base64url without padding');
}

// What a browser writes may gain members with its next release: those we do not know are dropped here.
const credential = {
  id: base64url(MAX_ID_LENGTH),
  rawId: base64url(MAX_ID_LENGTH),
  type: z.literal('public-key'),
};

export const PasskeyRegistration = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64url(8192),
      attestationObject: base64url(16_384),
      transports: z.array(z.string().max(32)).max(16).optional(),
    }),
  })
  .openapi('PasskeyRegistration', { description: CREDENTIAL });

export const PasskeyAssertion = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64url(8192),
      authenticatorData: base64url(8192),
      signature: base64url(8192),
      userHandle: z.union([base64url(128), z.null()]).optional(),
    }),
  })
  .openapi('PasskeyAssertion', { description: CREDENTIAL });

export const PasskeyLogin = z.strictObject({ response: PasskeyAssertion }).openapi('PasskeyLogin');

export const AskPasskey = z
  .strictObject({ purpose: z.enum(['sign_in', 'step_up']).default('sign_in') })
  .openapi('AskPasskey');

export const AddPasskey = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(80)
      .regex(/^\P{Cc}*$/u, 'must be one line of text'),
    response: PasskeyRegistration,
  })
  .openapi('AddPasskey');

const shown = wireOf(passkeys).pick({
  id: true,
  name: true,
  transports: true,
  deviceType: true,
  backedUp: true,
  createdAt: true,
  lastUsedAt: true,
});

export const Passkey = shown.openapi('Passkey');

export const PasskeyList = z.object({ data: z.array(Passkey) }).openapi('PasskeyList');

const codes = z.array(z.string()).openapi({
  description: 'Shown once. Each signs in once, with the password, in the place of a second factor.',
  example: ['7K2M-9QXA-TB4C-0HJZ-VW3N-E8RD'],
});

export const AddedPasskey = shown.extend({ recoveryCodes: codes.optional() }).openapi('AddedPasskey');

export const ConfirmedTotp = z
  .object({
    enabled: z.boolean(),
    confirmedAt: z.union([wireInstant, z.null()]),
    recoveryCodes: codes.optional(),
  })
  .openapi('ConfirmedTotp');

export const RecoveryCodes = z.object({ recoveryCodes: codes }).openapi('RecoveryCodes');

export const RecoveryCodesLeft = z
  .object({ left: z.number().int(), createdAt: z.union([wireInstant, z.null()]) })
  .openapi('RecoveryCodesLeft');

export const recoveryCode = z
  .string()
  .max(64)
  .regex(RECOVERY_CODE_PATTERN, 'must be a recovery code of 24 letters and digits')
  .openapi({ example: '7K2M-9QXA-TB4C-0HJZ-VW3N-E8RD' });

export const PasskeyCreationOptions = z
  .object({
    challenge: z.string(),
    rp: z.object({ id: z.string(), name: z.string() }),
    user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
    pubKeyCredParams: z.array(z.object({ type: z.literal('public-key'), alg: z.number().int() })),
    timeout: z.number().int().openapi({ description: 'Milliseconds.' }),
    attestation: z.literal('none'),
    authenticatorSelection: z.object({
      residentKey: z.literal('required'),
      requireResidentKey: z.literal(true),
      userVerification: z.literal('required'),
    }),
    excludeCredentials: z.array(
      z.object({ type: z.literal('public-key'), id: z.string(), transports: z.array(z.string()) }),
    ),
  })
  .openapi('PasskeyCreationOptions', {
    description: 'For PublicKeyCredential.parseCreationOptionsFromJSON().',
  });

export const PasskeyRequestOptions = z
  .object({
    challenge: z.string(),
    rpId: z.string(),
    allowCredentials: z.array(z.object({ type: z.literal('public-key'), id: z.string() })).max(0),
    userVerification: z.literal('required'),
    timeout: z.number().int().openapi({ description: 'Milliseconds.' }),
  })
  .openapi('PasskeyRequestOptions', {
    description: 'For PublicKeyCredential.parseRequestOptionsFromJSON().',
  });
