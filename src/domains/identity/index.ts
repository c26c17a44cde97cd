import type { Domain } from '../../platform/domain.ts';
import { identityChecks } from './checks.ts';
import { personalIdentity } from './personal-data.ts';
import { reactivateAction } from './reactivate-user.ts';
import { identityEndpoints } from './routes.ts';
import { setRolesAction } from './set-user-roles.ts';

export { acceptAgreement, listAgreements } from './accept-agreement.ts';
export { activateUser } from './activate-user.ts';
export { authenticate } from './authenticate.ts';
export { createApiKey } from './create-api-key.ts';
export { createUser } from './create-user.ts';
export { IDENTITY_PROBLEMS } from './errors.ts';
export {
  changeGate,
  type Gate,
  type GateChange,
  gateRefusal,
  lockGateExclusively,
  lockGates,
} from './gates.ts';
export { type PersonName, personNameOf, profileOf } from './profile.ts';
export { publishAgreement } from './publish-agreement.ts';
export { refuseSelfAction } from './signed-in.ts';

/** The front door of identity. */
export const identityDomain: Domain = {
  name: 'identity',
  endpoints: identityEndpoints,
  checks: identityChecks,
  consumers: [],
  approvalActions: [setRolesAction, reactivateAction],
  jobs: [],
  personalData: [personalIdentity],
};
