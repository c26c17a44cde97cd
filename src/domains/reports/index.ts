import type { Domain } from '../../platform/domain.ts';
import { HISTORY_EVENTS } from './history/audit.ts';
import { historyPart } from './history/part.ts';
import { reportEndpoints } from './routes.ts';

/** The front door of reports: what other domains keep, read together; all it writes is what a day made of it. */
export const reportsDomain: Domain = {
  name: 'reports',
  auditEvents: Object.values(HISTORY_EVENTS),
  endpoints: [...reportEndpoints, ...(historyPart.endpoints ?? [])],
  checks: historyPart.checks ?? [],
  consumers: [],
  approvalActions: [],
  jobs: historyPart.jobs ?? [],
  inventory: historyPart.inventory ?? [],
  personalData: historyPart.personalData ?? [],
};
