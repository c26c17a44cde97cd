import type { DomainPart } from '../../../platform/domain-part.ts';
import { rescreeningChecks } from './checks.ts';
import { followLists, followProfiles, followRisk } from './consumers.ts';
import { rescreeningInventory } from './inventory.ts';
import { personalRescreening } from './personal-data.ts';
import { rescreen } from './rescreen.ts';
import { rescreeningEndpoints } from './routes.ts';

/** What re-screening hands to AML's front door. */
export const rescreeningPart: DomainPart = {
  endpoints: rescreeningEndpoints,
  checks: rescreeningChecks,
  consumers: [followLists, followProfiles, followRisk],
  jobs: [{ name: 'aml.rescreen', cron: '* * * * *', run: (ctx) => rescreen(ctx) }],
  inventory: rescreeningInventory,
  personalData: [personalRescreening],
};
