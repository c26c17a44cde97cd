import { z } from '@hono/zod-openapi';
import { INVISIBLE_REFUSED, isVisible } from '../../kernel/invisible.ts';
import { idInput, wireId, wireOf } from '../../platform/http/wire.ts';
import { Company } from './applications/company.ts';
import { dayInput } from './day-input.ts';
import { isIdentity, REVIEW_NOTICES } from './rules.ts';
import { kycApplications, kycDocuments, kycDocumentType, kycLevels } from './schema.ts';

const COUNTRY = /^[A-Z]{3}$/;
const countryInput = z
  .string()
  .regex(COUNTRY, 'must be an ISO 3166-1 alpha-3 code')
  .openapi({ example: 'MUS' });
const MRZ = /^[A-Z0-9<]{30,44}(?:\n[A-Z0-9<]{30,44}){1,2}$/;
const textInput = z.string().trim().min(1).max(200);
const nameInput = textInput.refine(isVisible, INVISIBLE_REFUSED);
const dateInput = z.iso.date({ error: 'must be a date, YYYY-MM-DD' });

/** What the applicant declares; personal data, sealed before it is stored. */
export const Declaration = z
  .strictObject({
    firstName: nameInput,
    lastName: nameInput,
    birthDate: dateInput,
    nationality: countryInput,
    gender: z.enum(['female', 'male', 'other', 'unspecified']).optional(),
    address: z.strictObject({
      street: textInput,
      city: textInput,
      state: textInput.optional(),
      postalCode: z.string().trim().min(1).max(20).optional(),
      country: countryInput,
    }),
    occupation: textInput,
    purpose: textInput,
    sourceOfFunds: textInput,
    taxResidence: countryInput,
    politicallyExposed: z.boolean(),
  })
  .openapi('KycDeclaration');

export type DeclarationInput = z.infer<typeof Declaration>;

export const NewApplication = z
  .strictObject({
    level: z.enum(['basic', 'standard', 'enhanced']),
    declaration: Declaration,
    /** For a legal person: who declares acts for it. */
    company: Company.optional(),
  })
  .openapi('NewKycApplication');

export const NEW_APPLICATION_EXAMPLE = {
  level: 'basic',
  declaration: {
    firstName: 'Anjali',
    lastName: 'Ramgoolam',
    birthDate: '1990-04-12',
    nationality: 'MUS',
    address: { street: '12 Royal Road', city: 'Curepipe', postalCode: '74213', country: 'MUS' },
    occupation: 'Engineer',
    purpose: 'Long-term investment',
    sourceOfFunds: 'Salary',
    taxResidence: 'MUS',
    politicallyExposed: false,
  },
};

export const Document = wireOf(kycDocuments)
  .pick({
    id: true,
    type: true,
    status: true,
    issuingCountry: true,
    issuedOn: true,
    expiresOn: true,
    rejectionReason: true,
    uploadedAt: true,
    side: true,
    partyId: true,
  })
  .openapi('KycDocument');

export const Application = wireOf(kycApplications)
  .pick({
    id: true,
    userId: true,
    level: true,
    status: true,
    provider: true,
    createdAt: true,
    submittedAt: true,
    decidedAt: true,
    applicantKind: true,
    reasonCode: true,
  })
  .extend({ version: z.number().int() })
  .openapi('KycApplication');

/** Something an application has to show, and how that stands. */
export const Item = z
  .object({
    /** Null until the application is handed in for the first time. */
    id: z.union([wireId, z.null()]),
    item: z.string().openapi({ example: 'identity' }),
    /** Any one of these shows it: types of document, or `declaration:` and a kind. */
    alternatives: z.array(z.string()),
    status: z.enum(['missing', 'provided', 'accepted', 'resubmit', 'waived']),
    /** Whom of those behind a legal person it is about. */
    partyId: z.union([wireId, z.null()]),
    documentId: z.union([wireId, z.null()]),
    declarationId: z.union([wireId, z.null()]),
    reasonCode: z.union([z.string(), z.null()]),
  })
  .openapi('KycItem');

/** What a reviewer should look at; the applicant is never given any. */
export const Notice = z
  .object({
    code: z.enum(REVIEW_NOTICES),
    documentId: wireId.optional(),
    /** Another person's application with the same document number, or another one of the same person. */
    applicationId: wireId.optional(),
    /** The provider's session that says so. */
    sessionId: wireId.optional(),
    /** Whom of those behind a legal person it is about. */
    partyId: wireId.optional(),
  })
  .openapi('KycReviewNotice');

export const ApplicationFile = Application.extend({
  /** Null where the person was erased. */
  declaration: z.union([Declaration, z.null()]),
  company: z.union([Company, z.null()]),
  items: z.array(Item),
  documents: z.array(Document),
  notices: z.array(Notice),
}).openapi('KycApplicationFile');

export const Upload = z
  .strictObject({
    type: z.enum(kycDocumentType.enumValues),
    file: z.instanceof(File).openapi({ type: 'string', format: 'binary' }),
    number: z
      .string()
      .trim()
      .max(40)
      .regex(/^(?:[ ./-]*[\p{L}\p{N}]){3,}[ ./-]*$/u, 'must hold at least three letters or digits')
      .optional(),
    issuingCountry: countryInput.optional(),
    issuedOn: dayInput.optional(),
    expiresOn: dayInput.optional(),
    side: z.enum(['front', 'back', 'single']).optional(),
    /** Whom of those behind a legal person it is of; the one who declares where it is not said. */
    partyId: idInput.optional(),
    mrz: z
      .string()
      .trim()
      .transform((text) => text.toUpperCase().replaceAll('\r\n', '\n'))
      .pipe(z.string().regex(MRZ, 'must be the two or three lines of a machine-readable zone'))
      .optional()
      .openapi({
        type: 'string',
        example: 'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10',
      }),
  })
  .refine(({ type, number, mrz }) => !isIdentity(type) || number !== undefined || mrz !== undefined, {
    path: ['number'],
    message: 'must be given with what identifies a person, or its machine-readable zone',
  })
  // Cards of some countries are good for ever; a reviewer is told.
  .refine(
    ({ type, expiresOn, mrz }) =>
      !isIdentity(type) || type === 'national_id' || expiresOn !== undefined || mrz !== undefined,
    {
      path: ['expiresOn'],
      message: 'must be given with what identifies a person, or its machine-readable zone',
    },
  )
  .openapi('KycDocumentUpload');

export type UploadInput = z.infer<typeof Upload>;

export const Review = z.strictObject({ reason: z.string().trim().min(3).max(1000) }).openapi('KycReview');

export const Level = wireOf(kycLevels)
  .pick({ level: true, name: true, description: true })
  .extend({ requiredDocuments: z.array(z.array(z.string())) })
  .openapi('KycLevel');
