import type { DomainPart } from '../../../platform/domain-part.ts';
import { peopleBehind } from '../../../platform/privacy/people-behind.ts';
import { activateRuleAction } from './activate-rule.ts';
import { monitoringChecks } from './checks.ts';
import { collectActivityJob } from './collect-activity.ts';
import { monitoringInventory } from './inventory.ts';
import { judgeHits } from './judge-hits.ts';
import { peerFiguresJob } from './peer-figures.ts';
import { personalMonitoring } from './personal-data.ts';
import { monitoringEndpoints } from './routes.ts';
import { monitoredActivity, ruleHits, ruleSnoozes, simulatedAlerts } from './schema.ts';
import { snoozeRuleAction } from './snooze-rule.ts';

/** What monitoring hands to AML's front door. */
export const monitoringPart: DomainPart = {
  endpoints: monitoringEndpoints,
  checks: monitoringChecks,
  consumers: [judgeHits],
  approvalActions: [activateRuleAction, snoozeRuleAction],
  jobs: [collectActivityJob, peerFiguresJob],
  inventory: monitoringInventory,
  personalData: [personalMonitoring],
  peopleBehind: [
    peopleBehind(monitoredActivity, monitoredActivity.id, monitoredActivity.userId),
    peopleBehind(ruleHits, ruleHits.id, ruleHits.userId),
    peopleBehind(ruleSnoozes, ruleSnoozes.id, ruleSnoozes.userId),
    peopleBehind(simulatedAlerts, simulatedAlerts.id, simulatedAlerts.userId),
  ],
};
