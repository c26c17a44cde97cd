import { z } from '@hono/zod-openapi';
import { INVISIBLE_REFUSED, isVisible } from '../../../kernel/invisible.ts';
import { dayInput } from '../day-input.ts';

const COUNTRY = /^[A-Z]{3}$/;
const country = z.string().regex(COUNTRY, 'must be an ISO 3166-1 alpha-3 code').openapi({ example: 'MUS' });
const words = z.string().trim().min(1).max(200);
const name = words.refine(isVisible, INVISIBLE_REFUSED);
const day = z.iso.date({ error: 'must be a date, YYYY-MM-DD' });

/** An address as it is declared. */
export const AddressInput = z.strictObject({
  street: words,
  city: words,
  state: words.optional(),
  postalCode: z.string().trim().min(1).max(20).optional(),
  country,
});

/** The legal person an application is for; whoever declares acts for it. Sealed before it is stored. */
export const Company = z
  .strictObject({
    legalName: name,
    registrationNumber: z.string().trim().min(2).max(40),
    incorporatedOn: day,
    country,
    legalForm: words,
    lei: z
      .string()
      .regex(/^[A-Z0-9]{18}[0-9]{2}$/, 'must be an LEI')
      .optional(),
    registeredAddress: AddressInput,
    natureOfBusiness: words,
    taxResidences: z.array(country).min(1).max(10),
    regulated: z.boolean().optional(),
  })
  .openapi('KycCompany');

export type CompanyInput = z.infer<typeof Company>;

/** Numbers that an authority gave somebody. */
const identifiers = z
  .array(
    z.strictObject({
      type: z.enum(['passport', 'national_id', 'driving_licence', 'registration', 'lei', 'tax']),
      number: z.string().trim().min(2).max(40),
      country: country.optional(),
    }),
  )
  .max(10)
  .optional();

const personDetails = z.strictObject({
  firstName: name,
  lastName: name,
  birthDate: dayInput,
  nationality: country,
  gender: z.enum(['female', 'male', 'other', 'unspecified']).optional(),
  address: AddressInput.optional(),
  identifiers,
});

const organisationDetails = z.strictObject({
  legalName: name,
  country,
  registrationNumber: z.string().trim().min(2).max(40).optional(),
  /** Where its shares are listed: whoever holds much of it can be read there, and nobody behind it is named here. */
  listing: z
    .strictObject({
      exchange: words,
      isin: z
        .string()
        .regex(/^[A-Z]{2}[A-Z0-9]{9}[0-9]$/, 'must be an ISIN')
        .optional(),
    })
    .optional(),
  identifiers,
});

/** Who a party is: one of both. */
export const PartyDetails = z
  .strictObject({ person: personDetails.optional(), organisation: organisationDetails.optional() })
  .refine(({ person, organisation }) => (person === undefined) !== (organisation === undefined), {
    message: 'must say who it is: a person or an organisation',
  })
  .openapi('KycPartyDetails');

export type PartyDetailsInput = z.infer<typeof PartyDetails>;
