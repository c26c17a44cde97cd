import type { Domain } from '../../platform/domain.ts';
import { reportEndpoints } from './routes.ts';

/** The front door of reports: what other domains keep, read together. It writes nothing. */
export const reportsDomain: Domain = {
  name: 'reports',
  auditEvents: [],
  endpoints: reportEndpoints,
  checks: [],
  consumers: [],
  approvalActions: [],
  jobs: [],
  inventory: [],
  personalData: [],
};
