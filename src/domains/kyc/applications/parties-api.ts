import { z } from '@hono/zod-openapi';
import { idInput, wireOf } from '../../../platform/http/wire.ts';
import { PartyDetails } from './company.ts';
import { kycParties } from './schema.ts';

export const NewParty = z
  .strictObject({
    role: z.enum([
      'director',
      'beneficial_owner',
      'authorised_signatory',
      'trustee',
      'settlor',
      'beneficiary',
      'protector',
    ]),
    details: PartyDetails,
    /** What an owner, or a trustee for all of the trust, holds of the owner between or of the legal person. @units 1–10,000 */
    shareBps: z.number().int().min(1).max(10_000).optional(),
    /** The owner through whom this one owns. */
    parentId: idInput.optional(),
  })
  .refine(
    ({ role, shareBps }) => role === 'trustee' || (role === 'beneficial_owner') === (shareBps !== undefined),
    { path: ['shareBps'], message: 'is what an owner owns or a trustee holds, and nobody else' },
  )
  .openapi('NewKycParty');

export type NewPartyInput = z.infer<typeof NewParty>;

export const NEW_PARTY_EXAMPLE = {
  role: 'beneficial_owner',
  shareBps: 7_500,
  details: {
    person: {
      firstName: 'Devi',
      lastName: 'Appadoo',
      birthDate: '1971-03-04',
      nationality: 'MUS',
    },
  },
};

export const PartyView = wireOf(kycParties)
  .pick({ id: true, role: true, kind: true, shareBps: true, parentId: true, addedAt: true })
  .extend({ details: z.union([PartyDetails, z.null()]) })
  .openapi('KycParty');
