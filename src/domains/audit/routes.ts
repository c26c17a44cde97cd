import type { Endpoint } from '../../platform/http/endpoint.ts';
import { archiveEndpoints } from './archive-routes.ts';
import { exportEndpoints } from './export-routes.ts';
import { logEndpoints } from './log-routes.ts';
import { retentionEndpoints } from './retention-routes.ts';
import { searchEndpoints } from './search-routes.ts';
import { timelineEndpoints } from './timeline-routes.ts';

export const auditEndpoints: readonly Endpoint[] = [
  ...searchEndpoints,
  ...timelineEndpoints,
  ...exportEndpoints,
  ...logEndpoints,
  ...retentionEndpoints,
  ...archiveEndpoints,
];
