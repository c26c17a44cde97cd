import type { Endpoint } from '../../platform/http/endpoint.ts';
import { authEndpoints } from './auth-routes.ts';
import { breakGlassEndpoints } from './break-glass-routes.ts';
import { keyEndpoints } from './key-routes.ts';
import { meEndpoints } from './me-routes.ts';
import { passkeyEndpoints } from './passkey-routes.ts';
import { privacyEndpoints } from './privacy-routes.ts';
import { recoveryEndpoints } from './recovery-routes.ts';
import { sessionEndpoints } from './session-routes.ts';
import { staffEndpoints } from './staff-routes.ts';

export const identityEndpoints: readonly Endpoint[] = [
  ...authEndpoints,
  ...breakGlassEndpoints,
  ...meEndpoints,
  ...keyEndpoints,
  ...passkeyEndpoints,
  ...recoveryEndpoints,
  ...sessionEndpoints,
  ...staffEndpoints,
  ...privacyEndpoints,
];
