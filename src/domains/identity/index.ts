import type { Domain } from '../../platform/domain.ts';
import { peopleBehind } from '../../platform/privacy/people-behind.ts';
import { activateKeyAction } from './activate-api-key.ts';
import { IDENTITY_EVENTS } from './audit.ts';
import { identityChecks } from './checks.ts';
import { closeAction } from './close-user.ts';
import { duePeople } from './due-people.ts';
import { eraseAction } from './erase-user.ts';
import { identityInventory } from './inventory.ts';
import { dropChallenges } from './passkey-challenges.ts';
import { personalCredentials, personalGate, personalIdentity } from './personal-data.ts';
import { publishAgreementAction } from './publish-agreement.ts';
import { purgeSignInsJob } from './purge-sign-ins.ts';
import { reactivateAction } from './reactivate-user.ts';
import { remindKeyExpiryJob } from './remind-key-expiry.ts';
import { dropNonces } from './request-nonces.ts';
import { resetSecondFactorAction } from './reset-second-factor.ts';
import { rotateTokenKeysJob } from './rotate-token-keys.ts';
import { identityEndpoints } from './routes.ts';
import { users } from './schema.ts';
import { identitySealedColumns } from './sealed-columns.ts';
import { setRolesAction } from './set-user-roles.ts';
import { watchSealJob } from './watch-seal.ts';

export { acceptAgreement, listAgreements } from './accept-agreement.ts';
export { activateUser } from './activate-user.ts';
export { authenticate } from './authenticate.ts';
export { createApiKey } from './create-api-key.ts';
export { createUser } from './create-user.ts';
export { repeatErasure } from './erase-user.ts';
export { IDENTITY_PROBLEMS } from './errors.ts';
export {
  liftRestriction,
  placeRestriction,
  type RestrictionCause,
  restrictionsOf,
} from './gate-restrictions.ts';
export {
  changeGate,
  type Gate,
  type GateChange,
  gateLockName,
  gateRefusal,
  isRestricted,
  lockGateExclusively,
  lockGates,
  readGates,
} from './gates.ts';
export { inviteAdmins, type NewAdmin, withdrawInvitation } from './invite-admins.ts';
export { deliverNotice, type Notice, notifyUser } from './notify-user.ts';
export {
  isApproved,
  isNotErased,
  kycLevelOf,
  kycLevels,
  lastSeen,
  riskProfilesOf,
  shutOutOf,
} from './people.ts';
export { type PersonName, personNameOf, profileOf, profilesOf } from './profile.ts';
export { publishAgreement } from './publish-agreement.ts';
export { recordReads } from './record-reads.ts';
export { revocations } from './revocations.ts';
export { countOlderWraps, rewrapKeys } from './rewrap-keys.ts';
export { rolesOf } from './roles-of.ts';
export { rotateTokenKeys } from './rotate-token-keys.ts';
export { readNewestSeal, revokeBreakGlass, sealBreakGlass } from './seal-break-glass.ts';
export { refuseSelfAction } from './signed-in.ts';
export { getMe } from './store.ts';
export { type RiskProfile, suitabilityShown, suitableLeverage } from './suitability.ts';
export { updateMe } from './update-me.ts';

/** The front door of identity. */
export const identityDomain: Domain = {
  name: 'identity',
  auditEvents: Object.values(IDENTITY_EVENTS),
  endpoints: identityEndpoints,
  checks: identityChecks,
  consumers: [],
  approvalActions: [
    setRolesAction,
    reactivateAction,
    activateKeyAction,
    resetSecondFactorAction,
    closeAction,
    eraseAction,
    publishAgreementAction,
  ],
  jobs: [
    { name: 'identity.drop-challenges', cron: '17 * * * *', run: dropChallenges },
    { name: 'identity.drop-nonces', cron: '*/5 * * * *', run: dropNonces },
    rotateTokenKeysJob,
    remindKeyExpiryJob,
    watchSealJob,
    purgeSignInsJob,
  ],
  peopleBehind: [peopleBehind(users, users.id, users.id)],
  retention: [duePeople],
  inventory: identityInventory,
  personalData: [personalIdentity, personalCredentials, personalGate],
  sealedColumns: identitySealedColumns,
  personReads: ['user.listed', 'user.read', 'user.revealed', 'user.exported'],
};
