import { z } from '@hono/zod-openapi';
import { wireOf } from '../../../platform/http/wire.ts';
import { kycDocumentType } from '../schema.ts';
import { kycRequirementSets, kycRequirements } from './schema.ts';

const DECLARED = [
  'declaration:pep',
  'declaration:beneficial_owner',
  'declaration:tax_residence',
  'declaration:fatca_crs',
  'declaration:source_of_funds',
  'declaration:source_of_wealth',
  'declaration:accuracy',
] as const;

const NewRequirement = z
  .strictObject({
    level: z.enum(['basic', 'standard', 'enhanced']),
    /** Of a natural or legal person, or of each natural person who directs or owns a legal one. */
    applicantKind: z.enum(['natural', 'legal', 'party']),
    nationality: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 3166-1 alpha-3 code')
      .optional(),
    riskLevel: z.enum(['low', 'medium', 'high']).optional(),
    onlyPep: z.boolean().optional(),
    item: z.string().regex(/^[a-z][a-z0-9_]{1,60}$/, 'must be lower case letters, digits and underscores'),
    alternatives: z
      .array(z.enum([...kycDocumentType.enumValues, ...DECLARED]))
      .min(1)
      .max(20),
    maxAgeDays: z.number().int().min(1).max(3_660).optional(),
  })
  .openapi('NewKycRequirement');

export const NewRequirements = z
  .strictObject({
    requirements: z.array(NewRequirement).min(1).max(500),
    /** Who owns at least so much has to be named; as it is in force unless given. @units 1–5,000 */
    beneficialOwnerBps: z.number().int().min(1).max(5_000).optional(),
    reason: z.string().trim().min(3).max(1000),
  })
  .openapi('NewKycRequirements');

export type NewRequirementsInput = z.infer<typeof NewRequirements>;

/** Asks what the first set asks of everybody, in the fewest rows. */
export const NEW_REQUIREMENTS_EXAMPLE = {
  reason: 'Bills older than two months are no longer taken',
  requirements: (['basic', 'standard', 'enhanced'] as const).flatMap((level) => [
    { level, applicantKind: 'natural', item: 'identity', alternatives: ['passport', 'national_id'] },
    {
      level,
      applicantKind: 'natural',
      item: 'address',
      alternatives: ['proof_of_address'],
      maxAgeDays: 61,
    },
    { level, applicantKind: 'legal', item: 'incorporation', alternatives: ['certificate_of_incorporation'] },
  ]),
};

const Requirement = wireOf(kycRequirements)
  .pick({
    level: true,
    applicantKind: true,
    nationality: true,
    riskLevel: true,
    onlyPep: true,
    item: true,
    maxAgeDays: true,
  })
  .extend({ alternatives: z.array(z.string()) })
  .openapi('KycRequirement');

export const RequirementSet = wireOf(kycRequirementSets)
  .pick({
    id: true,
    version: true,
    status: true,
    createdAt: true,
    activatedAt: true,
    beneficialOwnerBps: true,
  })
  .extend({ requirements: z.array(Requirement) })
  .openapi('KycRequirementSet');
