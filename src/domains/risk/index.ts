import type { Domain } from '../../platform/domain.ts';
import { RISK_EVENTS } from './audit.ts';
import { riskChecks } from './checks.ts';
import { riskInventory } from './inventory.ts';
import { personalLimits } from './personal-data.ts';
import { setLimitAction } from './propose-risk-limit.ts';
import { riskEndpoints } from './routes.ts';

export {
  bindingLimit,
  type LimitRow,
  limitRefusal,
} from './rules.ts';
export { setRiskLimit } from './set-risk-limit.ts';
export { loadRiskLimits } from './store.ts';

/** The front door of risk. */
export const riskDomain: Domain = {
  name: 'risk',
  auditEvents: Object.values(RISK_EVENTS),
  endpoints: riskEndpoints,
  checks: riskChecks,
  consumers: [],
  approvalActions: [setLimitAction],
  jobs: [],
  inventory: riskInventory,
  personalData: [personalLimits],
};
