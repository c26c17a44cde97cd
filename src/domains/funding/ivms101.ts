/**
 * The structure of Travel Rule data, as the standard has it: which members there are, how long they are,
 * and the constraints between them. What does not fit is not kept, so that what is kept can be sent.
 * It does not say that any of it is true.
 * @source InterVASP Messaging Standard IVMS101 (2020), its constraints C1 to C12 where they apply here
 */
import { z } from '@hono/zod-openapi';

const text = (max: number) => z.string().trim().min(1).max(max);
const country = z.string().regex(/^[A-Z]{2}$/);

const naturalName = z.strictObject({
  primaryIdentifier: text(100),
  secondaryIdentifier: text(100).optional(),
  nameIdentifierType: z.enum(['ALIA', 'BIRT', 'MAID', 'LEGL', 'MISC']),
});

const legalName = z.strictObject({
  legalPersonName: text(100),
  legalPersonNameIdentifierType: z.enum(['LEGL', 'SHRT', 'TRAD']),
});

const geographicAddress = z
  .strictObject({
    addressType: z.enum(['HOME', 'BIZZ', 'GEOG']),
    streetName: text(70).optional(),
    buildingNumber: text(16).optional(),
    buildingName: text(35).optional(),
    postCode: text(16).optional(),
    townName: text(35),
    countrySubDivision: text(35).optional(),
    addressLine: z.array(text(70)).min(1).max(7).optional(),
    country,
  })
  .refine(
    (address) =>
      address.addressLine !== undefined ||
      (address.streetName !== undefined &&
        (address.buildingName !== undefined || address.buildingNumber !== undefined)),
    'has lines, or a street with a building',
  );

const nationalIdentification = z.strictObject({
  nationalIdentifier: text(35),
  nationalIdentifierType: z.enum([
    'ARNU',
    'CCPT',
    'RAID',
    'DRLC',
    'FIIN',
    'TXID',
    'SOCS',
    'IDCD',
    'LEIX',
    'MISC',
  ]),
  countryOfIssue: country.optional(),
  registrationAuthority: z
    .string()
    .regex(/^RA\d{6}$/)
    .optional(),
});

const naturalPerson = z
  .strictObject({
    name: z.strictObject({
      nameIdentifier: z
        .array(naturalName)
        .min(1)
        .refine((names) => names.some((name) => name.nameIdentifierType === 'LEGL'), 'has a legal name'),
    }),
    geographicAddress: z.array(geographicAddress).min(1).optional(),
    nationalIdentification: nationalIdentification
      .refine((one) => one.nationalIdentifierType !== 'LEIX', 'is no legal person')
      .optional(),
    customerIdentification: text(50).optional(),
    dateAndPlaceOfBirth: z.strictObject({ dateOfBirth: z.iso.date(), placeOfBirth: text(70) }).optional(),
    countryOfResidence: country.optional(),
  })
  .openapi('TravelRuleNaturalPerson');

const legalPerson = z
  .strictObject({
    name: z.strictObject({
      nameIdentifier: z
        .array(legalName)
        .min(1)
        .refine(
          (names) => names.some((name) => name.legalPersonNameIdentifierType === 'LEGL'),
          'a legal name',
        ),
    }),
    geographicAddress: z.array(geographicAddress).min(1).optional(),
    customerNumber: text(50).optional(),
    nationalIdentification: nationalIdentification
      .refine(
        ({ nationalIdentifierType: type, countryOfIssue, registrationAuthority }) =>
          ['RAID', 'MISC', 'LEIX', 'TXID'].includes(type) &&
          countryOfIssue === undefined &&
          (type === 'LEIX') === (registrationAuthority === undefined),
        'is that of a legal person',
      )
      .optional(),
    countryOfRegistration: country.optional(),
  })
  .openapi('TravelRuleLegalPerson');

const person = z.union([z.strictObject({ naturalPerson }), z.strictObject({ legalPerson })]);

/** Somebody whom the sender's firm can say more of than a name. */
const originator = person.refine((one) => {
  const known = 'naturalPerson' in one ? one.naturalPerson : one.legalPerson;
  return (
    known.geographicAddress !== undefined ||
    known.nationalIdentification !== undefined ||
    ('naturalPerson' in one
      ? one.naturalPerson.customerIdentification !== undefined ||
        one.naturalPerson.dateAndPlaceOfBirth !== undefined
      : one.legalPerson.customerNumber !== undefined)
  );
}, 'is told by an address, an identification or a birth');

const firm = z.strictObject({ legalPerson });

/** Originator, beneficiary and their firms; no beneficiary firm where the customer holds the wallet. */
export const travelRuleData = z
  .strictObject({
    originator: z.strictObject({
      originatorPersons: z.array(originator).min(1),
      accountNumber: z.array(text(100)).min(1),
    }),
    beneficiary: z.strictObject({
      beneficiaryPersons: z.array(person).min(1),
      accountNumber: z.array(text(100)).min(1),
    }),
    originatingVASP: z.strictObject({ originatingVASP: firm }),
    beneficiaryVASP: z.strictObject({ beneficiaryVASP: firm }).optional(),
  })
  .openapi('TravelRule');

export type TravelRule = z.infer<typeof travelRuleData>;
