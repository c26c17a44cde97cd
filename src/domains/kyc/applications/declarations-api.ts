import { z } from '@hono/zod-openapi';
import { INVISIBLE_REFUSED, isVisible } from '../../../kernel/invisible.ts';
import { wireOf } from '../../../platform/http/wire.ts';
import { dayInput } from '../day-input.ts';
import { kycDeclarations } from './schema.ts';

const COUNTRY = /^[A-Z]{3}$/;
const country = z.string().regex(COUNTRY, 'must be an ISO 3166-1 alpha-3 code').openapi({ example: 'MUS' });
const words = z.string().trim().min(1).max(1000);
const name = words.refine(isVisible, INVISIBLE_REFUSED);
const taxNumber = z.string().trim().min(2).max(40);

/** Where somebody is taxed, under which number, or why under none. */
const taxResidence = z
  .strictObject({ country, taxNumber: taxNumber.optional(), noNumberReason: words.optional() })
  .refine((one) => one.taxNumber !== undefined || one.noNumberReason !== undefined, {
    path: ['taxNumber'],
    message: 'must be given, or the reason why there is none',
  });

const controllingPerson = z.strictObject({
  firstName: name,
  lastName: name,
  birthDate: dayInput,
  residences: z.array(taxResidence).min(1).max(10),
});

/** Self-certification for FATCA and CRS. */
const selfCertification = z
  .strictObject({
    usPerson: z.boolean(),
    usTaxNumber: taxNumber.optional(),
    entityType: z
      .enum(['individual', 'financial_institution', 'active_nfe', 'passive_nfe', 'exempt'])
      .default('individual'),
    controllingPersons: z.array(controllingPerson).min(1).max(20).optional(),
    certified: z.literal(true),
  })
  .refine(({ usPerson, usTaxNumber }) => !usPerson || usTaxNumber !== undefined, {
    path: ['usTaxNumber'],
    message: 'must be given by a US person',
  })
  .refine(
    ({ entityType, controllingPersons }) =>
      (entityType === 'passive_nfe') === (controllingPersons !== undefined),
    { path: ['controllingPersons'], message: 'are named by a passive NFE, and by nobody else' },
  );

/** What may be declared in a form of its own, and what each says. */
const DECLARATIONS = {
  pep: z.strictObject({
    /** Of which kind the function is: of another country, of this one, or of an international organisation. */
    kind: z.enum(['foreign', 'domestic', 'international_organisation']),
    position: words,
    country,
    since: dayInput.optional(),
    until: dayInput.optional(),
    relation: z.enum(['self', 'family', 'close_associate']),
  }),
  beneficial_owner: z
    .strictObject({
      complete: z.literal(true),
      /** Said where ownership is so widely held that nobody further can be named. */
      dispersed: z.literal(true).optional(),
      statement: words.optional(),
      /** The trust that holds some or all of it; its people are named as parties. */
      trust: z
        .strictObject({
          name,
          hasProtector: z.boolean(),
          /** Where those it is for are not named one by one. */
          beneficiaryClass: words.optional(),
        })
        .optional(),
    })
    .refine(({ dispersed, statement }) => dispersed === undefined || statement !== undefined, {
      path: ['statement'],
      message: 'must say how ownership is held and where that can be seen',
    }),
  tax_residence: z.strictObject({ residences: z.array(taxResidence).min(1).max(10) }),
  fatca_crs: selfCertification,
  source_of_funds: z.strictObject({ description: words }),
  source_of_wealth: z.strictObject({ description: words }),
  accuracy: z.strictObject({ accurate: z.literal(true) }),
} as const;

export type DeclarationKind = keyof typeof DECLARATIONS;

export type DeclarationContent<Kind extends DeclarationKind> = z.infer<(typeof DECLARATIONS)[Kind]>;

function form<Kind extends DeclarationKind>(kind: Kind) {
  return z.strictObject({ kind: z.literal(kind), content: DECLARATIONS[kind] });
}

export const NewDeclaration = z
  .discriminatedUnion('kind', [
    form('pep'),
    form('beneficial_owner'),
    form('tax_residence'),
    form('fatca_crs'),
    form('source_of_funds'),
    form('source_of_wealth'),
    form('accuracy'),
  ])
  .openapi('NewKycDeclaration');

export const DeclarationMade = wireOf(kycDeclarations)
  .pick({ id: true, applicationId: true, kind: true, revision: true, declaredAt: true })
  .openapi('KycDeclarationMade');

export const DeclarationView = DeclarationMade.extend({
  /** Null where the person was erased. */
  content: z.union([z.record(z.string(), z.unknown()), z.null()]),
}).openapi('KycDeclarationView');
