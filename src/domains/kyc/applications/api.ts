import { z } from '@hono/zod-openapi';
import { wireOf } from '../../../platform/http/wire.ts';
import { Declaration } from '../api.ts';
import { Company } from './company.ts';
import { kycApplicationEvents } from './schema.ts';

/** What of an application may be changed before it is handed in; each member as a whole. */
export const ApplicationPatch = z
  .strictObject({
    level: z.enum(['basic', 'standard', 'enhanced']).optional(),
    declaration: Declaration.optional(),
    company: Company.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'must change something')
  .openapi('KycApplicationPatch');

export const ApplicationEvent = wireOf(kycApplicationEvents)
  .pick({ id: true, type: true, fromStatus: true, toStatus: true, actorKind: true, at: true })
  .extend({
    /** Null for the applicant, who is told no names of staff. */
    actorId: z.union([z.string(), z.null()]),
    detail: z.record(z.string(), z.unknown()),
    /** For colleagues only. */
    note: z.union([z.string(), z.null()]),
  })
  .openapi('KycApplicationEvent');
