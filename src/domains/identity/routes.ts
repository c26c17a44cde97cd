import type { Endpoint } from '../../platform/http/endpoint.ts';
import { authEndpoints } from './auth-routes.ts';
import { meEndpoints } from './me-routes.ts';
import { staffEndpoints } from './staff-routes.ts';

export const identityEndpoints: readonly Endpoint[] = [...authEndpoints, ...meEndpoints, ...staffEndpoints];
