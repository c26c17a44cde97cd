import { auditEvents } from '../../../platform/audit/events.ts';

const SHOWS = ['key', 'version', 'status', 'origin', 'contentHash', 'reason', 'approvalId'] as const;

/** What monitoring records; hits are evidence of their own. */
export const MONITORING_EVENTS = auditEvents({
  'monitoring_rule.released': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A monitoring rule that came with the program is in force',
    shows: SHOWS,
  },
  'monitoring_rule.drafted': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A version of a monitoring rule was drafted',
    shows: SHOWS,
  },
  'monitoring_rule.simulated': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A draft of a monitoring rule was held against what people did',
    shows: [...SHOWS, 'simulation'],
  },
  'monitoring_rule.activated': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Two people put a version of a monitoring rule into force',
    shows: [...SHOWS, 'simulation'],
  },
  'monitoring.activity_unwatched': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'Something a customer did could not be held against the monitoring rules',
    shows: ['source', 'kind'],
  },
  'monitoring.source_behind': {
    category: 'compliance',
    severity: 'critical',
    class: 'restricted',
    description: 'What customers do was not read to its end for minutes, so nothing newer is watched',
    shows: ['source', 'behindSince'],
  },
  'monitoring.source_caught_up': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'What customers do is watched again up to now, after the reading was behind',
    shows: ['source', 'behindSince'],
  },
  'rule_snooze.placed': {
    category: 'compliance',
    severity: 'warning',
    class: 'restricted',
    description: 'Two people agreed that a rule does not count for a customer until a day',
    shows: ['ruleKey', 'until', 'approvalId'],
  },
  'rule_snooze.ended': {
    category: 'compliance',
    severity: 'info',
    class: 'restricted',
    description: 'A snoozed rule counts again before its day',
    shows: ['ruleKey', 'until', 'endedAt', 'endedBy'],
  },
});
