import { z } from '@hono/zod-openapi';
import { wireOf } from '../../../platform/http/wire.ts';
import { kycDeclarations } from './schema.ts';

const COUNTRY = /^[A-Z]{3}$/;
const country = z.string().regex(COUNTRY, 'must be an ISO 3166-1 alpha-3 code').openapi({ example: 'MUS' });
const words = z.string().trim().min(1).max(1000);
const taxNumber = z.string().trim().min(2).max(40);

/** What may be declared in a form of its own, and what each says. */
const DECLARATIONS = {
  pep: z.strictObject({
    position: words,
    country,
    since: z.iso.date().optional(),
    until: z.iso.date().optional(),
    relation: z.enum(['self', 'family', 'close_associate']),
  }),
  beneficial_owner: z.strictObject({ complete: z.literal(true), statement: words.optional() }),
  tax_residence: z.strictObject({
    residences: z
      .array(z.strictObject({ country, taxNumber: taxNumber.optional(), noNumberReason: words.optional() }))
      .min(1)
      .max(10),
  }),
  fatca_crs: z.strictObject({
    usPerson: z.boolean(),
    usTaxNumber: taxNumber.optional(),
    entityType: z
      .enum(['individual', 'financial_institution', 'active_nfe', 'passive_nfe', 'exempt'])
      .default('individual'),
    certified: z.literal(true),
  }),
  source_of_funds: z.strictObject({ description: words }),
  source_of_wealth: z.strictObject({ description: words }),
  accuracy: z.strictObject({ accurate: z.literal(true) }),
} as const;

export type DeclarationKind = keyof typeof DECLARATIONS;

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
