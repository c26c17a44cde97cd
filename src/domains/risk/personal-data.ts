import { sql } from 'drizzle-orm';
import type { PersonalData } from '../../platform/domain.ts';
import { personalRows } from '../../platform/privacy/personal-rows.ts';
import { riskAlerts, riskLimits } from './schema.ts';

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

/** What the firm was told of a person's limits; the firm's own, and nothing a customer is shown. */
export const personalAlerts: PersonalData = {
  name: 'risk_alerts',
  recordClass: 'customer_file',
  tables: ['risk_alerts'],
  restricted: true,
  sections: {
    riskAlerts: personalRows(riskAlerts, { by: 'userId', keys: ['id'] }),
  },
};
