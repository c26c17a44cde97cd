import type { Domain } from '../../platform/domain.ts';
import { watchLosses } from './alerts/watch-losses.ts';
import { RISK_EVENTS } from './audit.ts';
import { liftBreakerAction, liftBreakers } from './breakers/lift-breaker.ts';
import { setBreakerRuleAction } from './breakers/set-breaker-rule.ts';
import { riskChecks } from './checks.ts';
import { riskInventory } from './inventory.ts';
import { personalAlerts, personalLimits } from './personal-data.ts';
import { setLimitAction } from './propose-risk-limit.ts';
import { riskEndpoints } from './routes.ts';
import { withdrawLimitAction } from './withdraw-risk-limit.ts';

export { type NewRiskAlert, nearLimitAlert, raiseAlerts } from './alerts/raise-alerts.ts';
export { liftBreakers } from './breakers/lift-breaker.ts';
export {
  BREAKER_LOCKS,
  BREAKERS_CHANNEL,
  holdBreakers,
  isTripped,
  readTripped,
  type Tripped,
} from './breakers/tripped.ts';
export { spansOf, watchPrices, watchQuotes } from './breakers/watch-prices.ts';
export { type RiskSnapshot, type RiskSubject, readRisk, riskLocks } from './read-state.ts';
export { type LimitRefusal, limitRefusal, type NearLimit, type RiskState, type Wanted } from './rules.ts';
export { setRiskLimit } from './set-risk-limit.ts';

/** The front door of risk. */
export const riskDomain: Domain = {
  name: 'risk',
  auditEvents: Object.values(RISK_EVENTS),
  endpoints: riskEndpoints,
  checks: riskChecks,
  consumers: [],
  approvalActions: [setLimitAction, withdrawLimitAction, liftBreakerAction, setBreakerRuleAction],
  jobs: [
    { name: 'risk.lift-breakers', cron: '* * * * *', run: liftBreakers },
    { name: 'risk.watch-losses', cron: '* * * * *', run: watchLosses },
  ],
  inventory: riskInventory,
  personalData: [personalLimits, personalAlerts],
};
