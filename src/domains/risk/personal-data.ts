import { sql } from 'drizzle-orm';
import type { PersonalData } from '../../platform/domain.ts';
import { personalRows } from '../../platform/privacy/personal-rows.ts';
import { riskLimits } from './schema.ts';

/** Limits set on a person, with reasons that are the firm's. */
export const personalLimits: PersonalData = {
  name: 'risk',
  recordClass: 'customer_file',
  tables: ['risk_limits'],
  restricted: true,
  sections: {
    limits: personalRows(riskLimits, {
      by: 'scopeId',
      keys: ['id'],
      where: sql`${riskLimits.scope} = 'user'`,
    }),
  },
};
