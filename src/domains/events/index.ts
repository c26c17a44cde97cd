import type { Domain } from '../../platform/domain.ts';
import { eventChecks } from './checks.ts';
import { personalFeed } from './personal-data.ts';
import { eventEndpoints } from './routes.ts';

/** The front door of events. */
export const eventsDomain: Domain = {
  name: 'events',
  auditEvents: [],
  endpoints: eventEndpoints,
  checks: eventChecks,
  consumers: [],
  approvalActions: [],
  jobs: [],
  personalData: [personalFeed],
};
