import type { Endpoint } from '../../platform/http/endpoint.ts';
import { exportEndpoints } from './export-routes.ts';
import { logEndpoints } from './log-routes.ts';
import { searchEndpoints } from './search-routes.ts';

export const auditEndpoints: readonly Endpoint[] = [...searchEndpoints, ...exportEndpoints, ...logEndpoints];
